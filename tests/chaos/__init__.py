"""
Chaos: the command for users.
"""
