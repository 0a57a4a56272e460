"""Tests of README and docs: what they show runs, what they name exists."""
