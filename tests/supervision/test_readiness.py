"""
When a child is ready, and what is said of one that never was.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.supervision.entrancekind import EntranceKind
from twisted_multiserver.supervision.readiness import Readiness

STATUS = {"STATUS": "loading"}
READY = {"READY": "1"}


def judged(isProbed: bool, answered: bool, *notifications: dict[str, str]) -> bool:
    """
    @return: whether a child with this past is ready.
    """
    readiness = Readiness(isProbed)
    for notification in notifications:
        readiness.notified(notification)
    readiness.hasAnswered = answered
    return readiness.isReady


class RuleTests(SynchronousTestCase):
    """
    L{Readiness.isReady}.
    """

    def test_application(self) -> None:
        """
        It says so by itself.
        """
        self.assertFalse(judged(False, False))
        self.assertFalse(judged(False, False, STATUS, {"READY": "0"}))
        self.assertTrue(judged(False, False, STATUS, READY))

    def test_program(self) -> None:
        """
        It must have answered; if it notifies at all, it must have said READY=1 too.
        """
        self.assertFalse(judged(True, False))
        self.assertFalse(judged(True, False, READY))
        self.assertFalse(judged(True, True, STATUS))
        self.assertTrue(judged(True, True))
        self.assertTrue(judged(True, True, READY))
        self.assertTrue(judged(True, True, READY, STATUS))


class HintTests(SynchronousTestCase):
    """
    L{Readiness.hint}.
    """

    def hint(
        self,
        entrance: EntranceKind,
        *elsewhere: str,
        said: str = "",
        answered: bool = False,
        notified: dict[str, str] | None = None,
    ) -> str:
        """
        @return: what is said of a program, one line.
        """
        readiness = Readiness(True)
        readiness.hasAnswered = answered
        if notified is not None:
            readiness.notified(notified)
        hint = readiness.hint(entrance, "tcp:127.0.0.1:9", "/up", elsewhere, said)
        self.assertEqual(len(hint.splitlines()), 1)
        return hint

    def test_descriptor(self) -> None:
        hint = self.hint(EntranceKind.descriptor, "127.0.0.1:8000", notified=READY)
        self.assertTrue(hint.startswith("it did not answer GET /up on descriptor 3; it listens on"))
        self.assertIn("it said READY=1", hint)
        self.assertIn("LISTEN_PID", hint)
        self.assertNotIn("READY=1", self.hint(EntranceKind.descriptor))

    def test_port(self) -> None:
        hint = self.hint(EntranceKind.port, "[::1]:80")
        self.assertIn("on tcp:127.0.0.1:9; it listens on [::1]:80; give it {port}", hint)
        self.assertNotIn("give it", self.hint(EntranceKind.port))

    def test_socket(self) -> None:
        self.assertEqual(
            self.hint(EntranceKind.socket), "it did not answer GET /up on tcp:127.0.0.1:9"
        )

    def test_noHTTP(self) -> None:
        self.assertIn(
            "but said '220', which is no HTTP", self.hint(EntranceKind.port, said="'220'")
        )

    def test_neverReady(self) -> None:
        hint = self.hint(EntranceKind.port, answered=True, notified=STATUS)
        self.assertEqual(hint, "it answers, but what it notifies is not READY=1")

    def test_application(self) -> None:
        """
        There is nothing to guess.
        """
        hint = Readiness(False).hint(EntranceKind.descriptor, "unix:/x", "/", (), "")
        self.assertEqual(hint, "")
