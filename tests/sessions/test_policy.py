"""
Tests of the rules for sessions.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.sessions.policy import SessionPolicy


class PolicyTests(SynchronousTestCase):
    """
    L{SessionPolicy}.
    """

    def test_refused(self) -> None:
        """
        Rules that can't be kept are refused with one line that names them.
        """
        cases: list[tuple[dict[str, Any], str]] = [
            ({"cookie": ""}, "cookie"),
            ({"cookie": "a b"}, "cookie"),
            ({"cookie": "a=b"}, "cookie"),
            ({"cookie": "a;b"}, "cookie"),
            ({"cookie": "é"}, "cookie"),
            ({"cookie": "sid\n"}, "cookie"),
            ({"idle": 0.0}, "idle"),
            ({"idle": float("nan")}, "idle"),
            ({"absolute": float("inf")}, "absolute"),
            ({"touchAfter": -1.0}, "touchAfter"),
            ({"sameSite": "lax"}, "sameSite"),
            ({"whenUnavailable": "503"}, "whenUnavailable"),
            ({"whenGone": ""}, "whenGone"),
            ({"maxKeys": 0}, "maxKeys"),
            ({"maxName": 0}, "maxName"),
            ({"maxSize": -1}, "maxSize"),
            ({"optOut": ("static",)}, "static"),
        ]
        for rules, word in cases:
            error = self.assertRaises(ConfigError, SessionPolicy, **rules)
            self.assertIn(word, str(error))
            self.assertNotIn("\n", str(error))

    def test_cookieName(self) -> None:
        """
        The cookie has another name without TLS, unless it was given one.
        """
        policy = SessionPolicy()
        self.assertEqual(policy.cookieName(True), "__Host-sid")
        self.assertEqual(policy.cookieName(False), "sid")
        self.assertEqual(SessionPolicy(cookie="x").cookieName(False), "x")

    def test_needsSecure(self) -> None:
        """
        Names with a prefix for TLS need it always; browsers don't mind their case.
        """
        self.assertTrue(SessionPolicy().needsSecure(True))
        self.assertFalse(SessionPolicy().needsSecure(False))
        self.assertFalse(SessionPolicy(cookie="x").needsSecure(False))
        self.assertTrue(SessionPolicy(cookie="__Host-x").needsSecure(False))
        self.assertTrue(SessionPolicy(cookie="__secure-x").needsSecure(False))

    def test_touchMargin(self) -> None:
        """
        A session that is only read is written once a minute at most, and more often only if
        it doesn't live long.
        """
        self.assertEqual(SessionPolicy().touchMargin, 60.0)
        self.assertEqual(SessionPolicy(idle=100.0).touchMargin, 5.0)
        self.assertEqual(SessionPolicy(touchAfter=7.0).touchMargin, 7.0)

    def test_covers(self) -> None:
        """
        Paths are opted out by whole segments.
        """
        policy = SessionPolicy(optOut=("/static", "/api/v1/"))
        for path in ("/static", "/static/", "/static/a/b", "/api/v1", "/api/v1/x"):
            self.assertFalse(policy.covers(path), path)
        for path in ("/", "/statics", "/api", "/api/v10", "/x/static", "*", ""):
            self.assertTrue(policy.covers(path), path)
        self.assertFalse(SessionPolicy(optOut=("/",)).covers("/anything"))
        self.assertTrue(SessionPolicy().covers("/anything"))
