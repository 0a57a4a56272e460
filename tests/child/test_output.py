"""
What a child writes of Twisted's log.
"""

from __future__ import annotations

import io

from twisted.logger import Logger, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.output import lineObserver


class LineObserverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.stream = io.StringIO()
        self.publisher = LogPublisher(lineObserver(self.stream))

    def log(self, namespace: str) -> Logger:
        return Logger(namespace, observer=self.publisher)

    def test_plainLines(self) -> None:
        """
        No time, no name: the master adds both.
        """
        self.log("myapp").info("hello {name}", name="world")
        self.log("log_legacy").info("GET / 200\n")
        self.log("twisted.python.log").info("{log_io}", log_io='"GET / HTTP/1.1" 200')
        self.assertEqual(self.stream.getvalue(), 'hello world\nGET / 200\n"GET / HTTP/1.1" 200\n')

    def test_leftOut(self) -> None:
        """
        Twisted's own remarks, every factory's, and what is for debugging.
        """
        self.log("twisted.web.server.Request").info("Using GET to fake a HEAD request")
        self.log("myapp.Factory").info("Starting factory {factory!r}", factory=self)
        self.log("myapp").debug("details")
        self.assertEqual(self.stream.getvalue(), "")

    def test_warnings(self) -> None:
        """
        Twisted's warnings and worse come through, with their tracebacks.
        """
        self.log("twisted.internet").warn("beware")
        self.log("twisted.internet.defer").failure("unhandled", Failure(ZeroDivisionError("x")))
        written = self.stream.getvalue()
        self.assertTrue(written.startswith("beware\nunhandled\n"), written)
        self.assertIn("ZeroDivisionError", written)
        self.assertTrue(written.endswith("\n"))
