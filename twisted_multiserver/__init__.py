"""
An application server and load balancer for Python web programs, on Twisted.
"""

__version__ = "26.11.0"
