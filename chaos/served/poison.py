"""
What is posted and ends whoever reads it.
"""

POISON = b"poison"
