"""
URIs of stores: what they say, and what is said of those that are wrong.
"""

from __future__ import annotations

import sys
from unittest import TestCase as PlainTestCase

from hypothesis import given
from hypothesis.strategies import from_regex, text
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.errors import ConfigError
from twisted_multiserver.sessions.errors import StoreConfigError
from twisted_multiserver.sessions.storeuri import StoreURI
from twisted_multiserver.sessions.uri import STORES, parseURI, synchronizerFromURI


class ParsingTests(SynchronousTestCase):
    def test_everything(self) -> None:
        """All parts are found, and decoded."""
        self.assertEqual(
            parseURI("MongoDB://al%40x:p%3Aw%2f%c3%a9@a.example:1,[::1]:2,b/db%20x?w=1&x=%26"),
            StoreURI(
                "mongodb",
                (("a.example", 1), ("::1", 2), ("b", 27017)),
                "al@x",
                "p:w/é",
                "db x",
                {"w": "1", "x": "&"},
            ),
        )

    def test_nothing(self) -> None:
        """All but the scheme may be absent."""
        for scheme in ("memcached", "mongodb", "redis", "rediss"):
            self.assertEqual(parseURI(f"{scheme}://"), StoreURI(scheme))

    def test_port(self) -> None:
        """Each kind of store has its own."""
        for uri, port in (
            ("redis://h", 6379),
            ("rediss://[::1]", 6379),
            ("memcached://h", 11211),
            ("redis://h:7", 7),
        ):
            self.assertEqual(parseURI(uri).hosts[0][1], port)

    def test_password(self) -> None:
        """A user isn't needed, an empty password is one, and a '+' is no space."""
        for uri, user, password in (
            ("redis://:p%2Bw+@h", None, "p+w+"),
            ("redis://u:p:q@h", "u", "p:q"),
            ("redis://u@h", "u", None),
            ("redis://u:@h", "u", ""),
            ("redis://a@b:c@h", "a@b", "c"),
            ("redis://h", None, None),
        ):
            parsed = parseURI(uri)
            self.assertEqual(
                (parsed.user, parsed.password, parsed.hosts[0][0]), (user, password, "h")
            )

    def test_file(self) -> None:
        """The path of a file keeps its slash."""
        self.assertEqual(parseURI("sqlite:///a/b%25%3f.db").path, "/a/b%?.db")
        self.assertEqual(parseURI("sqlite:///a@b?x=@").options, {"x": "@"})

    def test_bad(self) -> None:
        """What is wrong is refused, in one line that says what to do."""
        for uri, said in (
            ("", "begins with its kind"),
            ("redis", "begins with its kind"),
            ("redis:/h", "begins with its kind"),
            ("://h", "begins with its kind"),
            ("postgres://h", "there is no kind of store 'postgres'"),
            ("reddis://h", "did you mean 'redis'?"),
            ("redis://h/a b", "write %20"),
            ("redis://h\n", "write %20"),
            ("redis://h#x", "write %23"),
            ("redis://a:b/c@h", "write %2F"),
            ("redis://a:b?c@h", "write %2F"),
            ("redis://%zz:b@h", "write %25"),
            ("redis://a:%ff@h", "isn't UTF-8"),
            ("redis://a:%00@h", "NUL"),
            ("redis://h:0", "from 1 to 65535"),
            ("redis://h:65536", "from 1 to 65535"),
            ("redis://h:", "from 1 to 65535"),
            ("redis://h:+1", "from 1 to 65535"),
            ("redis://h:1:2", "from 1 to 65535"),
            ("redis://[::1", "a host must be"),
            ("redis://[::1]1", "a host must be"),
            ("redis://[h]", "a host must be"),
            ("redis://h,,h", "a host must be"),
            ("redis://:1", "a host must be"),
            ("redis://h?a", "?name=value"),
            ("redis://h?=a", "?name=value"),
            ("redis://h?a=1&", "?name=value"),
            ("redis://h?a=1&a=1", "'a' is given twice"),
            ("sqlite://", "begins with a slash"),
            ("sqlite:///", "begins with a slash"),
            ("sqlite:///a/", "begins with a slash"),
            ("sqlite://a/b", "begins with a slash"),
        ):
            error = self.assertRaises(StoreConfigError, parseURI, uri)
            self.assertIn(said, str(error), uri)
            self.assertNotIn("\n", str(error))
            self.assertIsInstance(error, ConfigError)

    def test_secrets(self) -> None:
        """No error and nothing that is printed has a password in it, nor a piece of one."""
        for uri in (
            "redis://u:seCret/seCret@h",
            "redis://u:seCret%zz@h",
            "redis://u:seCret seCret@h",
            "redis://u:seCret#@h",
            "redis://u:seCret?seCret@h",
            "redis://:seCret",
            "redis://u:seCret",
            "redis://u:seCret@h:seCret",
            "redis://u:seCret@h?x",
            "u:seCret@h",
            "redis://u:seCret/x",
        ):
            error = self.assertRaises(StoreConfigError, parseURI, uri)
            self.assertNotIn("seCret", str(error))
        parsed = parseURI("redis://u:seCret@[::1],h:2/0?ca=x")
        self.assertNotIn("seCret", repr(parsed))
        self.assertEqual(parsed.place, "redis://[::1]:6379,h:2/0")
        self.assertEqual(parseURI("sqlite:///a/b").place, "sqlite:///a/b")


class PropertyTests(PlainTestCase):
    @given(text())
    def test_anything(self, uri: str) -> None:
        """Whatever is given, it is understood or refused."""
        try:
            parseURI(uri)
        except StoreConfigError as error:
            self.assertNotIn("\n", str(error))

    @given(from_regex(r"(redis|sqlite|memcached)://[a-z:@/?&=,%0-9#\[\]]*", fullmatch=True))
    def test_almost(self, uri: str) -> None:
        """The same for what looks like one; no option or host is made up."""
        try:
            parsed = parseURI(uri)
        except StoreConfigError:
            return
        self.assertTrue(all(host and 0 < port < 65536 for host, port in parsed.hosts))


class OptionTests(SynchronousTestCase):
    def test_unknown(self) -> None:
        """An option that a store doesn't have is refused, with the nearest that it has."""
        uri = parseURI("redis://u:seCret@h?poool=3")
        error = self.assertRaises(StoreConfigError, uri.checkOptions, ["pool", "ca"])
        self.assertEqual(
            str(error),
            "redis://h:6379: there is no option 'poool' for redis; did you mean 'pool'?",
        )
        error = self.assertRaises(StoreConfigError, uri.checkOptions, ["unix", "ca"])
        self.assertTrue(str(error).endswith("there are ca, unix"))
        error = self.assertRaises(StoreConfigError, uri.checkOptions, [])
        self.assertTrue(str(error).endswith("it has none"))
        uri.checkOptions(["poool"])

    def test_number(self) -> None:
        """An option that is a number is one, within its range."""
        for text_, number in (("", 4), ("?pool=1", 1), ("?pool=9", 9)):
            self.assertEqual(parseURI(f"redis://h{text_}").number("pool", 4, 1, 9), number)
        for text_ in ("0", "10", "-1", "x", "", "1.0", "٣"):
            uri = StoreURI("redis", options={"pool": text_})
            error = self.assertRaises(StoreConfigError, uri.number, "pool", 4, 1, 9)
            self.assertIn("'pool' must be a number from 1 to 9", str(error))


class SynchronizerTests(SynchronousTestCase):
    def test_stores(self) -> None:
        """Redis and memcached are made, and not connected to yet."""
        for uri, name in (
            ("redis://h/3?pool=2", "redis"),
            ("redis://u:p@h", "redis"),
            ("redis://?unix=/nowhere", "redis"),
            ("rediss://h", "redis"),
            ("memcached://a,b:2", "memcached"),
            ("memcached://?unix=/a,/b&pool=2", "memcached"),
        ):
            self.assertEqual(synchronizerFromURI(uri, Clock()).name, name)

    def test_refused(self) -> None:
        """What a store can't do is refused before it is tried."""
        missing = self.mktemp()
        with open(missing + ".empty", "wb"):
            pass
        for uri, said in (
            ("redis://h?pol=2", "did you mean 'pool'?"),
            ("redis://h/x", "the number of a database"),
            ("redis://h/-1", "the number of a database"),
            ("redis://a,b", "only one Redis server"),
            ("redis://h?unix=/x", "has no host"),
            ("rediss://?unix=/x", "no TLS"),
            ("redis://h?ca=/x", "'ca' is for rediss://"),
            (f"rediss://h?ca={missing}", "can't be read: No such file"),
            (f"rediss://h?ca={missing}.empty", "there is no certificate"),
            ("redis://h?pool=0", "from 1 to 100"),
            ("memcached://u:seCret@h", "has no passwords"),
            ("memcached://h/0", "no path"),
            ("memcached://h?unix=/x", "has no host"),
            ("memcached://?unix=x", "begins with a slash"),
            ("memcached://h,h:11211", "named twice"),
        ):
            error = self.assertRaises(StoreConfigError, synchronizerFromURI, uri, Clock())
            self.assertIn(said, str(error), uri)
            self.assertNotIn("seCret", str(error))

    def test_missingDriver(self) -> None:
        """A driver that isn't installed is named with the extra that brings it."""
        for scheme, driver, missing in (
            ("redis", "txredisapi", "txredisapi"),
            ("memcached", "pymemcache", "pymemcache"),
            ("mongodb", "txmongo", "txmongo"),
            ("mongodb", "txmongo", "pymongo"),
            ("mongodb", "txmongo", "bson"),
        ):
            self._forget(missing, f"twisted_multiserver.sessions.{scheme}")
            error = self.assertRaises(
                StoreConfigError, synchronizerFromURI, f"{scheme}://h", Clock()
            )
            self.assertEqual(
                str(error),
                f"{scheme} needs {driver}: pip install 'twisted_multiserver[{scheme}]'",
            )
            self.doCleanups()

    def _forget(self, missing: str, ours: str) -> None:
        """As if a package were not installed, and nothing of ours that needs it imported."""
        known = dict(sys.modules)
        self.addCleanup(sys.modules.update, known)
        for name in known:
            if name.startswith((ours, f"{missing}.")):
                del sys.modules[name]
        sys.modules[missing] = None  # type: ignore[assignment]
        if missing not in known:
            self.addCleanup(sys.modules.pop, missing)

    def test_drivers(self) -> None:
        """Each kind of store that needs a driver says which extra brings it."""
        for home in STORES.values():
            self.assertEqual(bool(home.driver), bool(home.extra))
