"""Tests of the bundled demo application."""
