"""
The tables of the manual's page on HTTP are what the gateway does.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from docs.requestrows import REQUESTS, RESPONSES, Row
from docs.requesttable import PAGE, Conversation, withTables
from twisted_multiserver.http1 import names


class TableTests(SynchronousTestCase):
    """
    The tables are those that the code makes.
    """

    maxDiff = None

    def test_isUpToDate(self) -> None:
        """
        Making them anew changes nothing.
        """
        text = PAGE.read_text()
        self.assertEqual(text, withTables(text), "to be renewed: python docs/requesttable.py")

    def test_rowsDiffer(self) -> None:
        """
        No row is there twice.
        """
        for groups in (REQUESTS, RESPONSES):
            rows = [row for group in groups for row in group.rows]
            self.assertEqual(len(set(rows)), len(rows))

    def test_everyNameIsShown(self) -> None:
        """
        Each field by which something happens is on the page.
        """
        text = PAGE.read_text()
        for name in names.ENDS_AT_REQUEST | names.ENDS_AT_RESPONSE | names.NOT_IN_TRAILERS:
            self.assertIn(f"`{name.decode()}`", text)


class ConversationTests(SynchronousTestCase):
    """
    A row is put to a gateway that has both sides.
    """

    def test_passes(self) -> None:
        """
        A request reaches the backend, its answer the client.
        """
        conversation = Conversation(Row(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n"))
        (backend,) = conversation.backends
        self.assertTrue(backend.sent.startswith(b"GET /a HTTP/1.1\r\nHost: b\r\n"))
        self.assertTrue(conversation.client.sent.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertEqual((conversation.client.state, backend.state), ("kept", "kept"))

    def test_isRefused(self) -> None:
        """
        A request that is refused reaches no backend.
        """
        conversation = Conversation(Row(b"GET /a HTTP/1.1\r\n\r\n"))
        self.assertEqual(conversation.backends, [])
        self.assertTrue(conversation.client.sent.startswith(b"HTTP/1.1 400 "))
        self.assertEqual(conversation.client.state, "closed")

    def test_isCut(self) -> None:
        """
        A response that has begun and isn't whole is cut.
        """
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\nhel"
        conversation = Conversation(Row(b"GET / HTTP/1.0\r\n\r\n", half, ends=True))
        self.assertEqual(conversation.client.state, "reset")

    def test_timePasses(self) -> None:
        """
        A row may say how long nothing happens.
        """
        conversation = Conversation(Row(b"GET / HTTP/1.1\r\n", seconds=9))
        self.assertEqual(conversation.client.sent, b"")
        conversation = Conversation(Row(b"GET / HTTP/1.1\r\n", seconds=11))
        self.assertTrue(conversation.client.sent.startswith(b"HTTP/1.1 408 "))
