"""
What errors of MongoDB and its driver mean.
"""

from __future__ import annotations

from bson.errors import InvalidDocument
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    DocumentTooLarge,
    NotPrimaryError,
    OperationFailure,
)
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.errors import (
    SessionTooLarge,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.mongodberrors import meaning


class MeaningTests(SynchronousTestCase):
    def test_failingOver(self) -> None:
        """What a fail-over interrupts may have been done, and is worth a second try."""
        for error in (
            AutoReconnect("lost"),
            NotPrimaryError("not primary"),
            ConnectionLost(),
            ConnectionRefusedError(),
            *(OperationFailure("", code) for code in (11602, 91, 189, 10107, 13435)),
        ):
            found = meaning(error)
            assert isinstance(found, StoreUnavailable), error
            self.assertTrue(found.retryable and found.outcomeUnknown, error)

    def test_others(self) -> None:
        """What the server can't do now, for whatever reason, isn't tried again."""
        for error in (OperationFailure("no space left on device", 14031), InvalidDocument("x")):
            found = meaning(error)
            assert isinstance(found, StoreUnavailable), error
            self.assertFalse(found.retryable)
            self.assertTrue(found.outcomeUnknown)

    def test_mistakes(self) -> None:
        """What won't be better later; nothing of a secret is said."""
        for error in (
            *(OperationFailure("sesame", code) for code in (13, 18, 8000, 31)),
            ConfigurationError("unknown option"),
        ):
            found = meaning(error)
            self.assertIsInstance(found, StoreConfigError)
            self.assertNotIn("sesame", str(found))

    def test_tooLarge(self) -> None:
        """Found by the driver or by the server."""
        for error in (DocumentTooLarge("x"), OperationFailure("", 10334)):
            self.assertIsInstance(meaning(error), SessionTooLarge)

    def test_fault(self) -> None:
        """What must be our fault is taken for nothing else."""
        self.assertIsNone(meaning(KeyError()))
