"""
The master's part in sessions: it makes the store ready, sees at the start that it can be
reached, and removes what has expired.

The master itself never looks into a session.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.sessions.errors import SessionError, StoreUnavailable
from twisted_multiserver.sessions.setup import SessionSetup
from twisted_multiserver.sessions.uri import parseURI, synchronizerFromURI

PURGE_INTERVAL = 60.0
_PURGE_LIMIT = 10_000


class Upkeep:
    """
    Looks after one store.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorTime, setup: SessionSetup) -> None:
        """
        @param reactor: the reactor.
        @param setup: where sessions are kept.
        @raise StoreConfigError: if the URI is none, a driver is missing, or a database
            can't be made.
        """
        self._optional = setup.optional
        uri = parseURI(setup.uri)
        if uri.scheme == "sqlite":
            from twisted_multiserver.sessions.sqliteschema import prepareDatabase

            prepareDatabase(uri.path)
        self._synchronizer = synchronizerFromURI(setup.uri, reactor)
        self._purging = LoopingCall(self._purge)
        self._purging.clock = reactor

    def start(self) -> Deferred[None]:
        """
        See whether the store is there; call this once.

        @return: fires when it is, or needn't be; fails with C{StoreUnavailable} or
            C{StoreConfigError}.
        """
        return self._synchronizer.start().addCallbacks(self._reached, self._notReached)

    def stop(self) -> Deferred[None]:
        """
        @return: fires when the store is left alone.
        """
        if self._purging.running:
            self._purging.stop()
        return self._synchronizer.stop()

    def _reached(self, _: None) -> None:
        self._purging.start(PURGE_INTERVAL, now=True)

    def _notReached(self, failure: Failure) -> Failure | None:
        if self._optional and failure.check(StoreUnavailable):
            self._log.warn(
                "serving without sessions for now: {reason}", reason=failure.getErrorMessage()
            )
            self._purging.start(PURGE_INTERVAL, now=False)
            return None
        return failure

    def _purge(self) -> Deferred[int]:
        return self._synchronizer.purge(_PURGE_LIMIT).addErrback(self._notPurged)

    def _notPurged(self, failure: Failure) -> int:
        failure.trap(SessionError)
        self._log.warn("expired sessions stay: {reason}", reason=failure.getErrorMessage())
        return 0
