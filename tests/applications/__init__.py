"""Applications for tests, imported by their bare names with this folder first on the path."""
