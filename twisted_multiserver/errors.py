"""
The errors that every part may raise.

Errors that belong to one interface stand beside it; here are only those at the
very bottom of the house.
"""

from __future__ import annotations


class MultiserverError(Exception):
    """
    The base of every error that this project raises on purpose.
    """


class ConfigError(MultiserverError):
    """
    What the user asked for can't be done.

    C{str()} is exactly one line that says what is wrong, where it was given and
    what to do about it, fit to be shown to a person without a traceback.
    """
