"""
The probe: asks a program's entrance until it answers.

Strategy: one request at a time, on a connection of its own; a refusal or an end without
an answer is no failure of the program's, only too early.  Any status is an answer.
A connection that gives none is replaced by another, which gets twice as long.

Invariants: it stops when it has its answer or is told to; it is counted nowhere, since
it goes past the pool; whatever arrives, no more than L{_LINE} bytes are kept of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IReactorTime,
    IStreamClientEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

# Seconds.
_PAUSE = 0.05
_PATIENCE = 5.0
_REST = 2.0

_LINE = 200
_STATUS = re.compile(rb"HTTP/[0-9.]{1,3} [1-9][0-9]{2}[ \r\n]")


class _Question(Protocol):
    """
    One request.

    @ivar isOver: whether there is an answer, or will be none.
    """

    transport: ITCPTransport

    def __init__(self, clock: IReactorTime, path: str, over: Callable[[bool, bytes], None]) -> None:
        """
        @param clock: the reactor.
        @param path: what is asked for.
        @param over: called once, with whether it was answered, and what was said.
        """
        self._clock = clock
        self._path = path
        self._over = over
        self._received = b""
        self._cutting: IDelayedCall | None = None
        self.isOver = False

    def connectionMade(self) -> None:
        """
        Ask.
        """
        request = (
            f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n"
            "User-Agent: twisted_multiserver\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(request.encode("ascii"))

    def dataReceived(self, data: bytes) -> None:
        """
        @param data: a piece of an answer.
        """
        if self.isOver:
            return
        self._received = (self._received + data)[:_LINE]
        if _STATUS.match(self._received):
            # The rest is read, since some servers make much of a client that leaves.
            self._cutting = self._clock.callLater(_REST, self._cut)
            self._end(True)
        elif b"\n" in self._received or len(self._received) == _LINE:
            self.giveUp()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        @param reason: why.
        """
        if self._cutting is not None and self._cutting.active():
            self._cutting.cancel()
        self._end(False)

    def giveUp(self) -> None:
        """
        There is no answer, or it takes too long.
        """
        self._cut()
        self._end(False)

    def _cut(self) -> None:
        self.transport.abortConnection()

    def _end(self, answered: bool) -> None:
        if not self.isOver:
            self.isOver = True
            self._over(answered, self._received)


class _Questions(Factory):
    """
    Makes one request.
    """

    noisy = False

    def __init__(self, clock: IReactorTime, path: str, over: Callable[[bool, bytes], None]) -> None:
        """
        @param clock: see L{_Question}.
        @param path: see L{_Question}.
        @param over: see L{_Question}.
        """
        self._clock = clock
        self._path = path
        self._over = over

    def buildProtocol(self, addr: object) -> _Question:
        """
        @param addr: of the entrance.
        @return: the request.
        """
        return _Question(self._clock, self._path, self._over)


class Probe:
    """
    Asks one entrance.

    @ivar said: what answered last that was no HTTP, for people.
    """

    def __init__(
        self,
        clock: IReactorTime,
        endpoint: IStreamClientEndpoint,
        path: str,
        answered: Callable[[], None],
    ) -> None:
        """
        @param clock: the reactor.
        @param endpoint: the entrance.
        @param path: what is asked for.
        @param answered: called once.
        """
        self._clock = clock
        self._endpoint = endpoint
        self._path = path
        self._answered = answered
        self._patience = _PATIENCE
        self._isStopped = False
        self._connecting: Deferred[IProtocol] | None = None
        self._question: _Question | None = None
        self._timer: IDelayedCall | None = None
        self.said = ""

    def start(self) -> None:
        """
        Begin to ask.
        """
        self._timer = None
        if self._isStopped:
            return
        self._question = None
        connecting = self._endpoint.connect(_Questions(self._clock, self._path, self._over))
        self._connecting = connecting
        connecting.addCallbacks(self._connected, self._refused)

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._isStopped = True
        self._cancelTimer()
        if self._connecting is not None:
            self._connecting.cancel()
        if self._question is not None:
            self._question.giveUp()

    def _connected(self, question: IProtocol) -> None:
        self._connecting = None
        assert isinstance(question, _Question)
        if not question.isOver:
            self._question = question
            self._timer = self._clock.callLater(self._patience, self._overdue)
            self._patience *= 2

    def _refused(self, failure: Failure) -> None:
        self._connecting = None
        if not failure.check(CancelledError):
            self._again()

    def _overdue(self) -> None:
        self._timer = None
        if self._question is not None:
            self._question.giveUp()

    def _over(self, answered: bool, received: bytes) -> None:
        self._question = None
        self._cancelTimer()
        if self._isStopped:
            return
        if answered:
            self._isStopped = True
            self._answered()
            return
        if received:
            self.said = repr(received[:60])[1:]
        self._again()

    def _again(self) -> None:
        if not self._isStopped:
            self._timer = self._clock.callLater(_PAUSE, self.start)

    def _cancelTimer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
