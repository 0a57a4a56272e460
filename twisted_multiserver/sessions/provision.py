"""
Whether a master's applications have sessions, and the store that it keeps ready for them.

Strategy: nothing is made before the first application is to run, since a master of other
servers and programs needs no store; the store is looked at while the first children boot, so
that requests that come early wait for these.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred, FirstError, gatherResults, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from twisted_multiserver.config import MasterConfig
from twisted_multiserver.sessions.setup import SessionSetup, setupOf
from twisted_multiserver.sessions.upkeep import Upkeep


class SessionProvision:
    """
    The sessions of one master.

    @ivar spec: what children are told; L{None} if there are no sessions, or none yet.
    """

    def __init__(
        self, reactor: IReactorTime, config: MasterConfig, stateFolder: str | None
    ) -> None:
        """
        @param reactor: the reactor.
        @param config: says where they are kept.
        @param stateFolder: where they are if it doesn't; L{None}: nowhere then.
        """
        self._reactor = reactor
        self._config = config
        self._stateFolder = stateFolder
        self._made: tuple[SessionSetup, Upkeep] | None = None
        self._isStarted = False

    @property
    def spec(self) -> Mapping[str, object] | None:
        """
        See the class.
        """
        return None if self._made is None else self._made[0].toSpec()

    def prepare(self) -> Mapping[str, object] | None:
        """
        Make the store ready, the first time.

        @return: what children are told; L{None} if there are to be no sessions.
        @raise ConfigError: if they can't be had.
        """
        if self._made is None:
            setup = setupOf(self._config, self._stateFolder)
            if setup is not None:
                self._made = setup, Upkeep(self._reactor, setup)
        return self.spec

    def startBeside(self, spawned: Deferred[None]) -> Deferred[None]:
        """
        See whether the store is there, the first time.

        @param spawned: fires when the children are ready.
        @return: fires when they and the store are; fails with what fails first.
        """
        if self._made is None or self._isStarted:
            return spawned
        self._isStarted = True
        both = gatherResults([self._made[1].start(), spawned], consumeErrors=True)
        return both.addCallbacks(lambda _: None, _firstOf)

    def stop(self) -> Deferred[None]:
        """
        @return: fires when the store is left alone.
        """
        return succeed(None) if self._made is None else self._made[1].stop()


def _firstOf(failure: Failure) -> Failure:
    failure.trap(FirstError)
    error = failure.value
    assert isinstance(error, FirstError)
    return error.subFailure
