"""Real servers of stores, started for tests."""
