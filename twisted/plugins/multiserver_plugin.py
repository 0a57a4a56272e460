"""
Tells twistd of its subcommand C{multiserver}.
"""

from twisted.application.service import ServiceMaker

multiserver = ServiceMaker(
    "Twisted Multiserver",
    "twisted_multiserver.tap",
    "Serve a Python web application by child processes, or balance over servers.",
    "multiserver",
)
