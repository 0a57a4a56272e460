"""
What tests of requests' sessions have in common: a store, a clock, and a client with a cookie.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.sessions.fakestore import FakeStore
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.requestsession import RequestSession, Sessions

NAME = b"__Host-sid"


class SettlingCase(SynchronousTestCase):
    """
    A process with sessions.

    @ivar cookie: what the client sends, as a C{Cookie} field; empty for nothing.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000.0)
        self.store = FakeStore(self.clock.seconds)
        self.cookie = b""
        self.use()

    def use(self, **rules: Any) -> None:
        """
        Go on with other rules.
        """
        self.sessions = Sessions(self.store, SessionPolicy(**rules), self.clock.seconds)

    def open(self, secure: bool = True) -> RequestSession:
        """
        Begin with a request of the client.
        """
        fields = [self.cookie] if self.cookie else []
        opened = self.sessions.open(fields, secure)
        return self.successResultOf(opened) if isinstance(opened, Deferred) else opened

    def settle(self, session: RequestSession, method: bytes = b"POST", status: int = 200) -> None:
        """
        Settle a response whose session can be stored, and let the client have its head.
        """
        settling = session.settle(method, status)
        if settling is not None:
            self.successResultOf(settling)
        self.send(session)

    def send(self, session: RequestSession) -> None:
        """
        Let the client have a head.
        """
        line = dict(session.fields()).get(b"set-cookie")
        if line is not None:
            pair = line.split(b";")[0]
            self.cookie = b"" if pair.endswith(b"=") else pair
        session.headSent()

    def put(self, **values: Any) -> None:
        """
        Let the client make a request that puts something into its session.
        """
        session = self.open()
        session.data.update(values)
        self.settle(session)

    def get(self) -> dict[str, Any]:
        """
        Let the client make a request that reads its session.
        """
        session = self.open()
        values = dict(session.data)
        self.settle(session, b"GET")
        return values

    @property
    def records(self) -> int:
        """
        How many sessions are stored.
        """
        return len(self.store.memory.records)
