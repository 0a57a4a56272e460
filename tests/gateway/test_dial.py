"""
How backends are reached, as far as no network is needed.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import tempfile
from typing import Any, cast

from twisted.internet import defer, error
from twisted.internet.endpoints import clientFromString
from twisted.internet.interfaces import IReactorSocket, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.gateway.dial import (
    EndpointDialer,
    UNIXDialer,
    addressOf,
    dialerFor,
)
from twisted_multiserver.gateway.dialer import DialFailed
from twisted_multiserver.streams.adopting import Adopter
from twisted_multiserver.streams.streams import Stream
from twisted_multiserver.streams.sweep import Sweep
from twisted_multiserver.streams.transportstream import TransportStream


@implementer(IStreamClientEndpoint)
class Endpoint:
    """
    Connects when a test says so.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self.factory: Any = None
        self.connecting: defer.Deferred[Any] = defer.Deferred(self._cancel)

    def _cancel(self, _: object) -> None:
        self.cancelled = True

    def connect(self, protocolFactory: object) -> defer.Deferred[Any]:
        self.factory = protocolFactory
        return self.connecting


def noPoller() -> Adopter:
    """
    @return: leaves each socket to the reactor.
    """
    return Adopter(None, Sweep(Clock()))


class EndpointDialerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.dialing = EndpointDialer(self.clock, self.endpoint, 5.0, noPoller()).dial()

    def outcome(self) -> Outcome:
        failure = self.failureResultOf(self.dialing, DialFailed)
        return cast(DialFailed, failure.value).outcome

    def test_connected(self) -> None:
        """
        The stream is there, and the budget ends.
        """
        protocol = self.endpoint.factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        self.endpoint.connecting.callback(protocol)
        self.assertIsInstance(self.successResultOf(self.dialing), TransportStream)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_budget(self) -> None:
        self.clock.advance(4.9)
        self.assertNoResult(self.dialing)
        self.clock.advance(0.1)
        self.assertTrue(self.endpoint.cancelled)
        self.assertIs(self.outcome(), Outcome.connectTimeout)

    def test_errors(self) -> None:
        for failure, outcome in (
            (error.ConnectionRefusedError(), Outcome.connectRefused),
            (error.DNSLookupError(), Outcome.connectRefused),
            (error.NoRouteError(), Outcome.connectRefused),
            (error.ConnectError(), Outcome.connectRefused),
            (error.TimeoutError(), Outcome.connectTimeout),
            (error.TCPTimedOutError(), Outcome.connectTimeout),
        ):
            self.setUp()
            self.endpoint.connecting.errback(failure)
            self.assertIs(self.outcome(), outcome, failure)

    def test_unknownErrors(self) -> None:
        """
        What can't be explained isn't.
        """
        self.endpoint.connecting.errback(ZeroDivisionError())
        self.failureResultOf(self.dialing, ZeroDivisionError)


class UNIXDialerTests(SynchronousTestCase):
    """
    connect() never takes time.
    """

    def setUp(self) -> None:
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.listener.close)
        self.listener.bind(self.path)
        self.listener.listen(1)

    def dial(self, adopt: object = None) -> Stream:
        class Reactor(MemoryReactorClock):
            def adoptStreamConnection(self, fd: int, family: int, factory: Any) -> None:
                if isinstance(adopt, Exception):
                    raise adopt
                assert family == socket.AF_UNIX
                factory.buildProtocol(None).makeConnection(StringTransport())

        return UNIXDialer(cast(IReactorSocket, Reactor()), self.path, noPoller()).dial()

    def test_connected(self) -> None:
        """
        The stream is there at once; no descriptor but the adopted one stays.
        """
        before = os.listdir("/proc/self/fd")
        self.assertIsInstance(self.dial(), TransportStream)
        self.assertEqual(os.listdir("/proc/self/fd"), before)

    def test_noDescriptors(self) -> None:
        """
        Too many open files is no fault of the backend's: it counts as busy.
        """
        with self.assertRaises(DialFailed) as raised:
            self.dial(OSError(24, "Too many open files"))
        self.assertIs(raised.exception.outcome, Outcome.busy)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        with self.assertRaises(DialFailed) as raised:
            self.dial()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        self.assertIs(raised.exception.outcome, Outcome.busy)

    def test_pathTooLong(self) -> None:
        self.path += "x" * 200
        with self.assertRaises(DialFailed) as raised:
            self.dial()
        self.assertIs(raised.exception.outcome, Outcome.connectRefused)


class AddressTests(SynchronousTestCase):
    def test_canonical(self) -> None:
        reactor = MemoryReactorClock()
        for description, address in (
            ("tcp:10.0.0.7:80", "tcp:10.0.0.7:80"),
            ("tcp:host=example.com:port=8080:timeout=3", "tcp:example.com:8080"),
            ("unix:/run/x", "unix:/run/x"),
        ):
            endpoint = clientFromString(reactor, description)
            self.assertEqual(addressOf(endpoint), address)

    def test_dialerFor(self) -> None:
        reactor = cast(IReactorSocket, MemoryReactorClock())
        unix = dialerFor(reactor, clientFromString(reactor, "unix:/run/x"), 1.0, noPoller())
        self.assertIsInstance(unix, UNIXDialer)
        tcp = dialerFor(reactor, clientFromString(reactor, "tcp:a:1"), 1.0, noPoller())
        self.assertIsInstance(tcp, EndpointDialer)
