"""Tests of sessions: what they are, where they are kept, how requests use them."""
