"""Tests, laid out as the house is."""

from hypothesis import settings

# How long an example takes says something of the machine alone.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
