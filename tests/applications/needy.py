"""
A module that imports one that does not exist.
"""

import there_is_no_such_module  # noqa: F401
