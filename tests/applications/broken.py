"""
A module that raises when it is imported.
"""

raise RuntimeError("broken at import")
