"""
Tests of what fields can't be.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.sessions.fieldcase import BIRTH, rules
from twisted_multiserver.sessions.errors import SessionTooLarge
from twisted_multiserver.sessions.fields import Fields


class LimitTests(SynchronousTestCase):
    """
    What is too much is refused, with names and sizes.
    """

    def test_unstorable(self) -> None:
        """
        A value that can't be stored is refused where it is put, and the old one stays.
        """
        fields = Fields(rules(), {"a": b"1"}, BIRTH)
        error = self.assertRaises(TypeError, fields.put, "a", [object()])
        self.assertIn("session['a']: at [0], a value of type builtins.object", str(error))
        self.assertEqual(fields.get("a"), 1)
        self.assertIsNone(fields.difference())

    def test_becomesUnstorable(self) -> None:
        """
        A value that becomes so later is refused when the difference is made.
        """
        fields = Fields(rules(), {"a": b"[]"}, BIRTH)
        fields.get("a").append(object())
        self.assertIn("session['a']", str(self.assertRaises(TypeError, fields.difference)))

    def test_names(self) -> None:
        """
        Names are strings that UTF-8 can write, and not too long.
        """
        fields = Fields(rules(maxName=4), {}, BIRTH)
        fields.put("é" * 2, 1)
        fields.put("", 1)
        for name, error in (
            (1, TypeError),
            (b"a", TypeError),
            ("\ud800", TypeError),
            ("é" * 3, SessionTooLarge),
            ("abcde", SessionTooLarge),
        ):
            self.assertRaises(error, fields.put, name, 1)
        self.assertEqual(len(fields), 2)

    def test_keys(self) -> None:
        """
        There are not more fields than may be; those that are there can be put again.
        """
        fields = Fields(rules(maxKeys=2), {"a": b"1", "b": b"1"}, BIRTH)
        error = self.assertRaises(SessionTooLarge, fields.put, "c", 1)
        self.assertIn("session['c']", str(error))
        self.assertIn("2 fields", str(error))
        fields.put("a", 2)
        fields.remove("b")
        fields.put("c", 1)

    def test_value(self) -> None:
        """
        A value that is too large by itself is refused where it is put.
        """
        fields = Fields(rules(maxSize=100), {"a": b"1"}, BIRTH)
        error = self.assertRaises(SessionTooLarge, fields.put, "a", "x" * 99)
        self.assertIn("session['a'] has 101 bytes; a session may have 100", str(error))
        self.assertEqual(fields.get("a"), 1)

    def test_total(self) -> None:
        """
        All together count, names and what stays included; the message names the largest of
        what is new.
        """
        fields = Fields(rules(maxSize=90), {"old": b'"%b"' % (b"x" * 45)}, BIRTH)
        fields.put("a", "y" * 30)
        fields.put("b", "y" * 10)
        error = self.assertRaises(SessionTooLarge, fields.difference)
        self.assertIn("session['a'] has 32 bytes, and the session 96 in all", str(error))
        fields.remove("old")
        self.assertIsNotNone(fields.difference())

    def test_smaller(self) -> None:
        """
        A session that is too large, by rules that became stricter, can be made smaller.
        """
        fields = Fields(rules(maxSize=10), {"a": b"1" * 50, "b": b"1" * 50}, BIRTH)
        fields.remove("a")
        self.assertIsNotNone(fields.difference())
