"""
What kind of application an object is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from klein import Klein
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from twisted_multiserver.child.application import (
    Kind,
    classify,
    describe,
    judge,
    judgeProduct,
    takesReactor,
)
from twisted_multiserver.child.bootfailure import BootFailure
from twisted_multiserver.contract import EXIT_NOT_AN_APPLICATION


class Page(Resource):
    pass


class NeedyPage(Resource):
    def __init__(self, reactor: object) -> None:
        super().__init__()


class WSGIObject:
    def __call__(self, environ: object, startResponse: object) -> object: ...


class WSGIClass:
    def __init__(self, environ: object, startResponse: object) -> None: ...


class ASGIObject:
    async def __call__(self, scope: object, receive: object, send: object) -> None: ...


class ASGIClass:
    def __init__(self, scope: object, receive: object, send: object) -> None: ...

    def __await__(self) -> Any: ...


class ThreeArguments:
    def __init__(self, one: object, two: object, three: object) -> None: ...


def wsgi(environ: object, start_response: object) -> object: ...


async def asgi(scope: object, receive: object, send: object) -> None: ...


def plainASGI(scope: object, receive: object, send: object) -> object: ...


async def wrappedASGI(*arguments: object) -> None: ...


def wrappedWSGI(*arguments: object, **more: object) -> object: ...


def factory() -> object: ...


def optionalFactory(debug: bool = False) -> object: ...


async def asyncFactory() -> object: ...


def reactorFactory(reactor: object) -> object: ...


def fourArguments(one: object, two: object, three: object, four: object) -> None: ...


async def asyncTwo(one: object, two: object) -> None: ...


def keywordOnly(*, debug: bool) -> object: ...


class ClassifyTests(SynchronousTestCase):
    """
    The automatic rule.
    """

    def test_kinds(self) -> None:
        for candidate, expected in [
            (Page(), Kind.resource),
            (Klein(), Kind.resource),
            (Site(Page(), reactor=Clock()), Kind.site),
            (Page, Kind.factory),
            (NeedyPage, Kind.factory),
            (Klein, Kind.factory),
            (wsgi, Kind.wsgi),
            (WSGIObject(), Kind.wsgi),
            (WSGIClass, Kind.wsgi),
            (functools.partial(fourArguments, 1, 2), Kind.wsgi),
            (asgi, Kind.asgi),
            (plainASGI, Kind.asgi),
            (wrappedASGI, Kind.asgi),
            (ASGIObject(), Kind.asgi),
            (ASGIClass, Kind.asgi),
            (factory, Kind.factory),
            (optionalFactory, Kind.factory),
            (asyncFactory, Kind.factory),
            (reactorFactory, Kind.factory),
            (lambda: None, Kind.factory),
            (fourArguments, None),
            (asyncTwo, None),
            (keywordOnly, None),
            (ThreeArguments, None),
            ("text", None),
            (None, None),
            (functools, None),
            (object(), None),
            (type, None),
        ]:
            self.assertEqual(classify(candidate), expected, candidate)

    def test_reactor(self) -> None:
        """
        A factory is given the reactor if it asks for one argument.
        """
        self.assertTrue(takesReactor(reactorFactory))
        self.assertTrue(takesReactor(NeedyPage))
        self.assertFalse(takesReactor(factory))
        self.assertFalse(takesReactor(optionalFactory))


class JudgeTests(SynchronousTestCase):
    """
    What the user demands, against what is there.
    """

    def refusal(self, judged: Callable[[str, object, str], Kind], found: object, kind: str) -> str:
        failure = self.assertRaises(BootFailure, judged, "m:x", found, kind)
        assert isinstance(failure, BootFailure)
        self.assertEqual(failure.status, EXIT_NOT_AN_APPLICATION)
        self.assertIsNone(failure.trace)
        return failure.reason

    def test_fitting(self) -> None:
        """
        A demand settles what the signature leaves open.
        """
        for candidate, kind, expected in [
            (Page(), "resource", Kind.resource),
            (Klein(), "resource", Kind.resource),
            (wrappedWSGI, "wsgi", Kind.wsgi),
            (wrappedWSGI, "asgi", Kind.asgi),
            (wrappedWSGI, "factory", Kind.factory),
            (asgi, "asgi", Kind.asgi),
            (factory, "asgi", Kind.factory),
            (reactorFactory, "asgi", Kind.factory),
            (asyncFactory, "asgi", Kind.factory),
            (factory, "factory", Kind.factory),
            (factory, "auto", Kind.factory),
        ]:
            self.assertEqual(judge("m:x", candidate, kind), expected, candidate)

    def test_noApplication(self) -> None:
        """
        The line names what was found.
        """
        self.assertIn("m:x is a str, not an application; expected", self.refusal(judge, "", "auto"))
        self.assertIn("m:x is a module,", self.refusal(judge, functools, "auto"))
        self.assertEqual("m:x is a str, not a Site", self.refusal(judge, "", "site"))

    def test_otherKind(self) -> None:
        """
        The line names both kinds and the way out.
        """
        for candidate, kind, found, demanded in [
            (Page(), "wsgi", "a resource", "a WSGI application"),
            (Page(), "site", "a resource", "a Site"),
            (Page(), "asgi", "a resource", "an ASGI application"),
            (Page(), "factory", "a resource", "a factory"),
            (factory, "wsgi", "a factory", "a WSGI application"),
            (asgi, "wsgi", "an ASGI application", "a WSGI application"),
            (wsgi, "asgi", "a WSGI application", "an ASGI application"),
            (wsgi, "resource", "a WSGI application", "a resource"),
        ]:
            reason = self.refusal(judge, candidate, kind)
            self.assertTrue(reason.startswith(f"m:x is {found} ("), reason)
            self.assertIn(f"not {demanded}; use --app-kind=", reason)

    def test_products(self) -> None:
        """
        What a factory made is judged again, and is never a factory.
        """
        self.assertEqual(judgeProduct("m:x", Page(), "auto"), Kind.resource)
        self.assertEqual(judgeProduct("m:x", wsgi, "factory"), Kind.wsgi)
        self.assertEqual(judgeProduct("m:x", asgi, "asgi"), Kind.asgi)
        self.assertIn("returned a function with 0", self.refusal(judgeProduct, factory, "auto"))
        self.assertIn("returned None", self.refusal(judgeProduct, None, "auto"))
        self.assertIn("use --app-kind=asgi", self.refusal(judgeProduct, asgi, "auto"))
        self.assertIn("not an ASGI application", self.refusal(judgeProduct, wsgi, "asgi"))
        self.assertIn("not an ASGI application", self.refusal(judgeProduct, factory, "asgi"))


class DescribeTests(SynchronousTestCase):
    """
    The names of things.
    """

    def test_names(self) -> None:
        for candidate, expected in [
            (None, "None"),
            (3, "an int"),
            ("", "a str"),
            (functools, "a module"),
            (Page, f"the class {__name__}.Page"),
            (Page(), f"a {__name__}.Page"),
            (fourArguments, "a function with 4 required parameters"),
            (asyncTwo, "a coroutine function with 2 required parameters"),
            (keywordOnly, "a function"),
        ]:
            self.assertEqual(describe(candidate), expected)
