"""
A session as Redis has it, and what Redis says when it can't.
"""

from __future__ import annotations

from unittest import TestCase as PlainTestCase

import txredisapi
from hypothesis import given
from hypothesis.strategies import binary, dictionaries, integers, text
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.errors import (
    SessionCorrupt,
    SessionError,
    StoreConfigError,
    StoreUnavailable,
)
from twisted_multiserver.sessions.record import SessionDelta
from twisted_multiserver.sessions.redisconnections import classify, refusal
from twisted_multiserver.sessions.redisrecord import changeArguments, loaded, milliseconds


def _answer(ttl: int, *pieces: bytes) -> bytes:
    # As the script makes it.
    lengths = b",".join(b"%d" % len(piece) for piece in pieces)
    return b"s%d,%s;%s" % (ttl, lengths, b"".join(pieces))


class LoadedPropertyTests(PlainTestCase):
    @given(binary(), dictionaries(text(), binary()), text(), integers(1, 10**12))
    def test_roundTrip(
        self, meta: bytes, fields: dict[str, bytes], principal: str, ttl: int
    ) -> None:
        """Whatever is stored is found."""
        pieces = [b"o", b"0" * 16, b"m", meta]
        for name, value in fields.items():
            pieces += (b"d" + name.encode(), value)
        if principal:
            pieces += (b"p", principal.encode())
        stored = loaded(_answer(ttl, *pieces))
        self.assertEqual((stored.meta, stored.principal), (meta, principal))
        self.assertEqual((stored.fields, stored.ttl), (fields, ttl / 1000))


class RecordTests(SynchronousTestCase):
    def test_corrupt(self) -> None:
        """What is no session is refused."""
        for answer in (
            _answer(1, b"dx", b""),
            _answer(-1, b"m", b""),
            _answer(1, b"m", b"", b"d\xff", b""),
            _answer(1, b"m", b"", b"p", b"\xff"),
        ):
            self.assertRaises(SessionCorrupt, loaded, answer)

    def test_lastMoment(self) -> None:
        """What is there yet has some time left."""
        self.assertTrue(loaded(_answer(0, b"m", b"")).ttl > 0)
        self.assertEqual(
            [milliseconds(ttl) for ttl in (0.0, 0.0001, 1.0, 1.0001)], [1, 1, 1000, 1001]
        )

    def test_arguments(self) -> None:
        """A delta is counted out in order."""
        delta = SessionDelta(
            1.5,
            create=True,
            clear=True,
            meta=b"m",
            principal="p",
            expect={"e": None, "f": b""},
            unset=frozenset("u"),
            set={"s": b"1"},
        )
        arguments = changeArguments(delta)
        self.assertEqual(arguments[:7], [delta.operation, 1500, b"cxmp", b"m", b"p", 2, 1])
        self.assertEqual(arguments[7:], [0, b"de", 0, b"", b"df", 1, b"", b"du", b"ds", b"1"])
        plain = SessionDelta(1.5)
        self.assertEqual(changeArguments(plain)[1:], [1500, b"", b"", b"", 0, 0, 0])
        self.assertEqual(changeArguments(plain, 7.25)[-1], 7250)


class RefusalTests(SynchronousTestCase):
    def test_answers(self) -> None:
        """What the server says is wrong is the configuration, or may be better later."""
        expected: dict[type[SessionError], tuple[str, ...]] = {
            StoreUnavailable: (
                "OOM command not allowed when used memory > 'maxmemory'. script: 1f",
                "READONLY You can't write against a read only replica.",
                "Error running script (call to f_1): @user_script:7: -READONLY You can't write",
                "LOADING Redis is loading the dataset in memory",
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL",
                "MISCONF Redis is configured to save RDB snapshots, but",
                "CLUSTERDOWN Hash slot not served",
                "MASTERDOWN Link with MASTER is down",
                "NOREPLICAS Not enough good replicas to write.",
                "max number of clients reached",
            ),
            StoreConfigError: (
                "NOAUTH Authentication required.",
                "WRONGPASS invalid username-password pair or user is disabled.",
                "invalid password",
                "AUTH <password> called without any password configured for the default user.",
                "wrong number of arguments for 'auth' command",
                "NOPERM this user has no permissions to run the 'evalsha' command",
                "DENIED Redis is running in protected mode because",
                "DB index is out of range",
                "unknown command 'EVALSHA', with args beginning with:",
                "MOVED 3999 127.0.0.1:6381",
                "ASK 3999 127.0.0.1:6381",
                "CROSSSLOT Keys in request don't hash to the same slot",
            ),
            SessionCorrupt: (
                "WRONGTYPE Operation against a key holding the wrong kind of value",
                "Error running script (call to f_1): @user_script:2: WRONGTYPE Operation against",
            ),
        }
        for kind, texts in expected.items():
            for said in texts:
                self.assertIs(type(refusal(said)), kind, said)
                self.assertIs(type(classify(txredisapi.ResponseError(said))), kind, said)

    def test_cluster(self) -> None:
        """A Redis Cluster is named."""
        self.assertIn("Redis Cluster", str(refusal("MOVED 3999 127.0.0.1:6381")))

    def test_fault(self) -> None:
        """What must be our fault is taken for nothing else."""
        for error in (
            txredisapi.ResponseError("Protocol error"),
            txredisapi.ResponseError("value is not an integer or out of range"),
            ValueError(),
        ):
            self.assertIsNone(classify(error))

    def test_lost(self) -> None:
        """A lost connection is worth a second try; a silent one isn't; both may have done it."""
        for error, isRetryable in (
            (txredisapi.ConnectionError("Lost connection"), True),
            (txredisapi.TimeoutError("Not received Redis response"), False),
        ):
            found = classify(error)
            assert isinstance(found, StoreUnavailable)
            self.assertTrue(found.outcomeUnknown)
            self.assertEqual(found.retryable, isRetryable)
