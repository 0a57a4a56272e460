"""
From the start of a child until it is ready.

Strategy: L{Readiness<twisted_multiserver.supervision.readiness.Readiness>} decides on
what is heard here: notifications, and the probe's answer where there is one.

Invariants: told once, ready or unfit; a port at which somebody else answers makes no
child ready; what is known of a program that did not get ready is in the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpoint

from twisted_multiserver.supervision.entrancekind import EntranceKind
from twisted_multiserver.supervision.entrances import splitAddress
from twisted_multiserver.supervision.launching import Launch
from twisted_multiserver.supervision.probe import Probe
from twisted_multiserver.supervision.processes import (
    areListening,
    commandOf,
    listenersOf,
    membersOf,
    whoListens,
)
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.readiness import Readiness
from twisted_multiserver.supervision.spawning import Reactor


class Boot:
    """
    One child's.
    """

    def __init__(
        self, reactor: Reactor, program: Program, launch: Launch, over: Callable[[bool], None]
    ) -> None:
        """
        @param reactor: the reactor.
        @param program: what the child runs.
        @param launch: knows its entrance.
        @param over: called once, with whether it is fit to serve.
        """
        self._reactor = reactor
        self._program = program
        self._launch = launch
        self._over = over
        self._readiness = Readiness(program.readyPath is not None)
        self._probe: Probe | None = None
        self._group = 0
        self._misfit = ""
        self._isOver = False

    def begin(self, group: int) -> None:
        """
        Its process has been started.

        @param group: its process group, which is its first process, too.
        """
        self._group = group
        path = self._program.readyPath
        if path is not None:
            endpoint = _endpointOf(self._reactor, self._launch.address)
            self._probe = Probe(self._reactor, endpoint, path, self._answered)
            self._probe.start()

    def notified(self, notification: dict[str, str]) -> None:
        """
        @param notification: of the child's.
        """
        self._readiness.notified(notification)
        self._judge()

    def end(self) -> None:
        """
        It is ready, or will never be.
        """
        self._isOver = True
        if self._probe is not None:
            self._probe.stop()

    def blame(self, name: str, budget: float) -> str:
        """
        @param name: what people call the child.
        @param budget: the boot budget, in seconds.
        @return: why it is not ready, in one line.
        """
        if self._misfit:
            return f"{name} {self._misfit}"
        reason = f"{name} was not ready within {budget:g} s (the boot budget)"
        path = self._program.readyPath
        if path is None:
            return reason
        hint = self._readiness.hint(
            self._program.entrance,
            self._launch.address,
            path,
            self._elsewhere(),
            "" if self._probe is None else self._probe.said,
        )
        return f"{reason}: {hint}"

    def _answered(self) -> None:
        if self._program.entrance is EntranceKind.port:
            self._misfit = self._stranger()
            if self._misfit:
                self._finish(False)
                return
        self._readiness.hasAnswered = True
        self._judge()

    def _judge(self) -> None:
        if self._readiness.isReady:
            self._finish(True)

    def _finish(self, isFit: bool) -> None:
        if not self._isOver:
            self.end()
            self._over(isFit)

    def _stranger(self) -> str:
        address = splitAddress(self._launch.address)
        assert not isinstance(address, str)
        if areListening(membersOf(self._group, self._launch.cookie), *address):
            return ""
        listening = whoListens(*address)
        if not listening:
            # Who may not be looked at (another user's) can't be told from ours.
            return ""
        pid = listening[0]
        return (
            f"can't have port {address[1]}: process {pid} ({commandOf(pid)}) has taken it since"
            " it was chosen; another one is tried"
        )

    def _elsewhere(self) -> list[str]:
        found = listenersOf(membersOf(self._group, self._launch.cookie))
        shown = sorted({str(listener) for listener in found} - {self._launch.address})
        return shown[:5]


def _endpointOf(reactor: Reactor, address: str) -> IStreamClientEndpoint:
    where = splitAddress(address)
    if isinstance(where, str):
        return UNIXClientEndpoint(reactor, where)
    return TCP4ClientEndpoint(reactor, *where)
