"""
Calling factories.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from twisted_multiserver.child.application import Kind
from twisted_multiserver.child.bootfailure import EXIT_CRASHED, BootFailure
from twisted_multiserver.child.building import Found, build
from twisted_multiserver.contract import EXIT_NOT_AN_APPLICATION


class KleinLike:
    def __init__(self, made: object) -> None:
        self.made = made

    def resource(self) -> object:
        return self.made


class BuildTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.root = Resource()

    def building(self, application: object, kind: Kind = Kind.factory) -> Deferred[Found]:
        return Deferred.fromCoroutine(build(Found("m:x", "auto", kind, application), self.reactor))

    def failure(self, application: object, kind: Kind = Kind.factory) -> BootFailure:
        failure = self.failureResultOf(self.building(application, kind), BootFailure).value
        assert isinstance(failure, BootFailure)
        return failure

    def test_noFactory(self) -> None:
        """
        What is an application already is left alone.
        """
        found = self.successResultOf(self.building(self.root, Kind.resource))
        self.assertIs(found.application, self.root)

    def test_factories(self) -> None:
        """
        Results, Deferreds and coroutines.
        """

        async def coroutine() -> Resource:
            return await succeed(self.root)

        for factory in (lambda: self.root, lambda: succeed(self.root), coroutine):
            found = self.successResultOf(self.building(factory))
            self.assertEqual((found.kind, found.application), (Kind.resource, self.root))

    def test_waits(self) -> None:
        """
        A Deferred is waited for.
        """
        made: Deferred[Resource] = Deferred()
        building = self.building(lambda: made)
        self.assertNoResult(building)
        made.callback(self.root)
        self.assertIs(self.successResultOf(building).application, self.root)

    def test_reactor(self) -> None:
        """
        A factory with one parameter gets the reactor.
        """
        given: list[object] = []

        def factory(reactor: object) -> Resource:
            given.append(reactor)
            return self.root

        self.successResultOf(self.building(factory))
        self.assertEqual(given, [self.reactor])

    def test_raising(self) -> None:
        """
        A factory that raises, now or later, has crashed; its traceback goes along.
        """
        later: Deferred[Resource] = Deferred()
        building = self.building(lambda: later)
        later.errback(RuntimeError("later"))
        failure = self.failureResultOf(building, BootFailure).value
        self.assertEqual(failure.reason, "m:x raised: RuntimeError: later")

        def factory() -> Resource:
            raise OSError("now")

        failure = self.failure(factory)
        self.assertEqual(failure.reason, "m:x raised: OSError: now")
        self.assertEqual(failure.status, EXIT_CRASHED)
        self.assertIn("in factory", failure.trace or "")
        self.assertNotIn("twisted_multiserver", failure.trace or "")
        self.assertEqual(self.failure(lambda: sys.exit(3)).reason, "m:x raised: SystemExit: 3")

    def test_noApplication(self) -> None:
        """
        A factory of nothing will not do better next time.
        """
        failure = self.failure(lambda: "text")
        self.assertIn("m:x returned a str", failure.reason)
        self.assertEqual(failure.status, EXIT_NOT_AN_APPLICATION)

    def test_objectsWithResource(self) -> None:
        """
        Klein and its like: from the name, and from a factory.
        """
        for building in (
            self.building(KleinLike(self.root), Kind.resource),
            self.building(lambda: KleinLike(self.root)),
        ):
            self.assertIs(self.successResultOf(building).application, self.root)

    def test_resourceOfNothing(self) -> None:
        """
        C{resource()} has to return one.
        """
        failure = self.failure(KleinLike("text"), Kind.resource)
        self.assertIn("m:x.resource() returned a str", failure.reason)
        self.assertEqual(failure.status, EXIT_NOT_AN_APPLICATION)
