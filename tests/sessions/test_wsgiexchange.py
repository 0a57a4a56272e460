"""
When a WSGI application's session is stored, and what its client sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.sessions.wsgicase import Closing, WSGICase, sessionOf
from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.errors import SessionTooLarge, StoreUnavailable
from twisted_multiserver.sessions.wsgiexchange import Environ

Application = Callable[[Environ, Any], Iterable[bytes]]


class Boom(Exception):
    """
    The application fails.
    """


class HeadTests(WSGICase):
    """
    The head waits for the status, and for the store.
    """

    def test_untouched(self) -> None:
        """
        A request that doesn't look at its session asks neither store nor thread.
        """
        headers = [("A", "b")]

        def app(environ: Environ, start: Any) -> list[bytes]:
            start("200 OK", headers)
            return [b"hello"]

        self.ask(app)
        assert self.head is not None
        self.assertIs(self.head[1], headers)
        self.assertEqual((self.order, self.hops), (["200 OK", b"hello"], 0))

    def test_stored(self) -> None:
        """
        What was changed is stored before the head leaves, also what was changed behind
        C{start_response}.
        """

        def app(environ: Environ, start: Any) -> Iterator[bytes]:
            start("200 OK", [("Vary", "Accept")])
            sessionOf(environ)["a"] = 1
            yield b""
            sessionOf(environ)["b"] = 2
            yield b"hello"

        self.ask(app)
        self.assertEqual(self.order, ["commit", "200 OK", b"hello"])
        self.assertEqual(self.read(), {"a": 1, "b": 2})
        assert self.head is not None
        fields = dict(self.head[1])
        fields.pop("set-cookie")
        self.assertEqual(fields, {"vary": "Accept, Cookie", "cache-control": "no-store"})

    def test_noBody(self) -> None:
        """
        A response without a body is one too.
        """

        def app(environ: Environ, start: Any) -> list[bytes]:
            start("204 No Content", [])
            sessionOf(environ)["a"] = 1
            return []

        self.ask(app)
        self.assertEqual(self.order, ["commit", "204 No Content"])

    def test_write(self) -> None:
        """
        So does what the application writes itself.
        """

        def app(environ: Environ, start: Any) -> list[bytes]:
            write = start("200 OK", [])
            sessionOf(environ)["a"] = 1
            write(b"")
            write(b"1")
            write(b"2")
            return [b"3"]

        self.ask(app)
        self.assertEqual(self.order, ["commit", "200 OK", b"1", b"2", b"3"])

    def test_serverError(self) -> None:
        """
        The last status counts, and 500 drops what was changed, but not a session's end.
        """

        def change(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ)["user"] = "bob"
            start("200 OK", [])
            try:
                raise Boom
            except Boom as error:
                start("500 Oops", [], (Boom, error, None))
            return [b"sorry"]

        def end(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ).destroy()
            start("500 Oops", [])
            return [b"sorry"]

        self.begin(user="ann")
        self.ask(change)
        self.assertEqual(self.order, ["load", "500 Oops", b"sorry"])
        self.assertEqual(self.read(), {"user": "ann"})
        self.ask(end)
        self.assertEqual((self.store.records, self.cookie), ({}, b""))

    def test_refused(self) -> None:
        """
        What can't be stored is a 409 or a 503 of ours, and nothing of the application's
        response leaves, even if it has no end.
        """

        def endless(environ: Environ, start: Any) -> Iterator[bytes]:
            sessionOf(environ)["a"] = 1
            start("200 OK", [])
            self.store.error = StoreUnavailable("down")
            while True:
                yield b"more"

        def gone(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ)["a"] = 1
            self.store.records.clear()
            write = start("200 OK", [])
            write(b"1")
            write(b"2")
            return [b"3"]

        self.ask(endless)
        self.assertEqual((self.status, len(self.order)), (503, 3))
        self.store.error = None
        self.begin(user="ann")
        self.ask(gone, "POST")
        self.assertEqual(self.status, 409)
        self.assertEqual(len(self.order), 4)

    def test_unstorable(self) -> None:
        """
        A value that can't be stored, or is too large, is the application's own error.
        """
        values = [object(), "x" * 300_000]

        def app(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ)["cart"].append(values.pop())
            start("200 OK", [])
            return [b"done"]

        self.begin(cart=[])
        while values:
            with self.assertRaisesRegex((TypeError, SessionTooLarge), "cart"):
                self.ask(app)
            self.assertIsNone(self.head)

    def test_protocol(self) -> None:
        """
        C{start_response} must be called, and once (PEP 3333).
        """

        def never(environ: Environ, start: Any) -> list[bytes]:
            return [b"hello"]

        def twice(environ: Environ, start: Any) -> list[bytes]:
            start("200 OK", [])
            start("200 OK", [])
            return []

        def late(environ: Environ, start: Any) -> list[bytes]:
            start("200 OK", [])(b"1")
            error = Boom()
            start("500 Oops", [], (Boom, error, None))
            return []

        for app, error in ((never, AssertionError), (twice, AssertionError), (late, Boom)):
            self.assertRaises(error, self.ask, app)


class BodyTests(WSGICase):
    """
    What is changed behind the head.
    """

    def test_late(self) -> None:
        """
        It is stored when the body is closed, behind which the server ends the response; no
        piece waits.
        """

        def app(environ: Environ, start: Any) -> Iterable[bytes]:
            start("200 OK", [])

            def pieces() -> Iterator[bytes]:
                yield b"1"
                sessionOf(environ)["a"] = 1
                yield b"2"

            return Closing(pieces(), lambda: sessionOf(environ).update(b=2))

        self.begin(user="ann")
        self.ask(app)
        self.assertEqual(self.order, ["load", "200 OK", b"1", b"2", "commit"])
        self.assertEqual(self.read(), {"user": "ann", "a": 1, "b": 2})

    def test_declaredLength(self) -> None:
        """
        It is stored before the bytes that complete a body whose length is declared.
        """

        def app(environ: Environ, start: Any) -> Iterator[bytes]:
            start("200 OK", [("Content-length", "3")])
            yield b"1"
            sessionOf(environ)["a"] = 1
            yield b"23"

        self.begin(user="ann")
        self.ask(app)
        self.assertEqual(self.order, ["load", "200 OK", b"1", "commit", b"23"])

    def test_lateFails(self) -> None:
        """
        If it can't be stored, the server is told, which breaks the response off.
        """

        def app(environ: Environ, start: Any) -> Iterator[bytes]:
            start("200 OK", [])
            yield b"1"
            sessionOf(environ)["a"] = 1
            self.store.error = StoreUnavailable("down")

        self.begin(user="ann")
        self.assertRaises(StoreUnavailable, self.ask, app)


class EndTests(WSGICase):
    """
    Requests that don't end well.
    """

    def test_exception(self) -> None:
        """
        What an application changed before it failed is dropped, but not a session's end.
        """

        def change(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ)["user"] = "bob"
            raise Boom

        def changeLater(environ: Environ, start: Any) -> Iterator[bytes]:
            start("200 OK", [])
            yield b""
            sessionOf(environ)["user"] = "bob"
            raise Boom

        def changeBehindHead(environ: Environ, start: Any) -> Iterator[bytes]:
            start("200 OK", [])
            yield b"1"
            sessionOf(environ)["user"] = "bob"
            raise Boom

        def end(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ).destroy()
            raise Boom

        self.begin(user="ann")
        for app in (change, changeLater, changeBehindHead):
            CURRENT.set(self.open())
            self.assertRaises(Boom, self.ask, app)
            self.assertEqual(self.read(), {"user": "ann"})
            self.assertIsNone(CURRENT.get(None))
        self.assertRaises(Boom, self.ask, end)
        self.assertEqual(self.store.records, {})

    def test_closeFails(self) -> None:
        """
        A body that can't be closed is told to the server.
        """

        def fail() -> None:
            raise Boom

        def app(environ: Environ, start: Any) -> Iterable[bytes]:
            start("200 OK", [])
            return Closing([], fail)

        self.assertRaises(Boom, self.ask, app)

    def test_clientGone(self) -> None:
        """
        If the client leaves before the end, what was changed is stored, but no session
        begins.
        """

        def app(environ: Environ, start: Any) -> Iterable[bytes]:
            start("200 OK", [])
            return Closing([b"", b"1"], lambda: sessionOf(environ).update(a=1))

        self.ask(app, most=1)
        self.assertEqual((self.store.records, self.order), ({}, []))
        self.begin(user="ann")
        self.ask(app, most=1)
        self.assertEqual(self.order, ["load", "commit"])
        self.assertEqual(self.read(), {"user": "ann", "a": 1})

    def test_commit(self) -> None:
        """
        C{session.commit()} has stored it when it returns.
        """

        def app(environ: Environ, start: Any) -> list[bytes]:
            sessionOf(environ)["a"] = 1
            self.assertIsNone(sessionOf(environ).commit())
            self.order.append("committed")
            start("200 OK", [])
            return [b"done"]

        self.ask(app)
        self.assertEqual(self.order, ["commit", "committed", "200 OK", b"done"])
        self.assertEqual(self.read(), {"a": 1})
