"""Tests of balancing: the pool, its backends and the policies."""
