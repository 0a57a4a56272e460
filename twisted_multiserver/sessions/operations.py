"""
How every operation on a store runs: a deadline, a circuit breaker, a second try, counters.

Each store of ours does its driver's calls through here and so keeps what
L{ISessionSynchronizer<twisted_multiserver.interfaces.ISessionSynchronizer>} promises of all of
them; a store of a user's may too.

Invariants: the caller waits no longer than the deadline; the driver's call is left to end
by itself and is never cancelled, since drivers lose connections so; no error of a driver
gets out; an operation that may have been done is tried again with the same identity only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_multiserver.sessions.breaker import CircuitBreaker
from twisted_multiserver.sessions.errors import SessionError, StoreUnavailable

Result = TypeVar("Result")

LOAD_DEADLINE = 1.0
COMMIT_DEADLINE = 2.0


class Classify(Protocol):
    """
    Knows what an error of a driver means.
    """

    def __call__(self, error: BaseException) -> SessionError | None:
        """
        @param error: of the driver.
        @return: the error to report; L{None} if it is a fault in our code.
        """


class Operations:
    """
    The operations of one store.

    @ivar counts: how many ended how, as C{"load ok"}, C{"commit unavailable"}.
    @ivar breaker: keeps requests from a store that doesn't answer.
    """

    _log = Logger()

    def __init__(self, store: str, reactor: IReactorTime, classify: Classify) -> None:
        """
        @param store: the kind of store, for people.
        @param reactor: the clock.
        @param classify: knows the driver's errors.
        """
        self._store = store
        self._reactor = reactor
        self._classify = classify
        self._open: set[_Running] = set()
        self._whenQuiet: list[Deferred[None]] = []
        self.counts: Counter[str] = Counter()
        self.breaker = CircuitBreaker(reactor.seconds)

    def run(
        self,
        name: str,
        deadline: float,
        call: Callable[[], Deferred[Result]],
        breaker: CircuitBreaker | None = None,
    ) -> Deferred[Result]:
        """
        Do one operation.

        @param name: of the operation, for counters and people.
        @param deadline: in seconds, all tries together.
        @param call: asks the driver; may be called a second time.
        @param breaker: of the server that is asked, if the store has several; else
            L{None}.
        @return: fires or fails with what the driver's answer means.
        """
        breaker = breaker or self.breaker
        if not breaker.admits():
            self.counts[f"{name} refused"] += 1
            return fail(StoreUnavailable(f"{self._store} does not answer; it isn't asked for now"))
        waiter: Deferred[Result] = Deferred(lambda _: running.detach())
        running = _Running(self, breaker, name, call, waiter)
        running.begin(self._reactor, deadline)
        return waiter

    def whenQuiet(self, grace: float) -> Deferred[None]:
        """
        @param grace: how long to wait at most, in seconds.
        @return: fires when no call of the driver is open, or the time is over.
        """
        if not self._open:
            return succeed(None)
        quiet: Deferred[None] = Deferred()
        self._whenQuiet.append(quiet)
        delayed = self._reactor.callLater(grace, self._tellQuiet)
        return quiet.addBoth(lambda _: delayed.cancel() if delayed.active() else None)

    def began(self, running: _Running) -> None:
        """
        @param running: an operation that asks the driver.
        """
        self._open.add(running)

    def ended(self, running: _Running) -> None:
        """
        @param running: the driver has answered, for the last time.
        """
        self._open.discard(running)
        if not self._open:
            self._tellQuiet()

    def meaning(self, name: str, failure: Failure) -> Failure:
        """
        @param name: of the operation.
        @param failure: of the driver.
        @return: a failure that may be reported.
        """
        error = failure.value
        assert error is not None
        found = error if isinstance(error, SessionError) else self._classify(error)
        if found is None:
            self._log.failure(
                "{store}: {operation} failed in a way that is not known",
                failure,
                store=self._store,
                operation=name,
            )
            found = StoreUnavailable(
                f"{self._store}: {name} failed: {type(error).__name__}", outcomeUnknown=True
            )
        return Failure(found)

    def callLater(self, delay: float, call: Callable[[], object]) -> IDelayedCall:
        """
        @param delay: in seconds.
        @param call: called then.
        """
        return self._reactor.callLater(delay, call)

    def _tellQuiet(self) -> None:
        waiting, self._whenQuiet = self._whenQuiet, []
        for quiet in waiting:
            quiet.callback(None)


class _Running:
    """
    One operation on its way.
    """

    def __init__(
        self,
        operations: Operations,
        breaker: CircuitBreaker,
        name: str,
        call: Callable[[], Deferred[Any]],
        waiter: Deferred[Any],
    ) -> None:
        self._operations = operations
        self._breaker = breaker
        self._name = name
        self._call = call
        self._waiter: Deferred[Any] | None = waiter
        self._mayRepeat = True
        self._isLate = False
        self._timer: IDelayedCall | None = None

    def begin(self, reactor: IReactorTime, deadline: float) -> None:
        self._timer = reactor.callLater(deadline, self._late)
        self._operations.began(self)
        self._ask()

    def detach(self) -> None:
        self._waiter = None
        self._stopTimer()

    def _ask(self) -> None:
        maybeDeferred(self._call).addBoth(self._answered)

    def _answered(self, result: Any) -> None:
        operations = self._operations
        if isinstance(result, Failure):
            result = operations.meaning(self._name, result)
            error = result.value
            isUnavailable = isinstance(error, StoreUnavailable)
            if isUnavailable and error.retryable and self._mayRepeat and self._waiter is not None:
                # Not in this turn: the driver has yet to notice that its connection is gone.
                self._mayRepeat = False
                operations.callLater(0, self._ask)
                return
            how = "unavailable" if isUnavailable else "error"
        else:
            isUnavailable, how = False, "ok"
        if not isUnavailable:
            # It has answered, if not always what was hoped for.
            self._breaker.succeeded()
        elif not self._isLate:
            self._breaker.failed()
        operations.ended(self)
        self._end(how, result)

    def _late(self) -> None:
        self._timer = None
        self._isLate = True
        self._breaker.failed()
        self._end(
            "unavailable",
            Failure(
                StoreUnavailable(
                    f"{self._operations._store} did not answer in time: {self._name}",
                    outcomeUnknown=True,
                )
            ),
        )

    def _end(self, how: str, result: Any) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            # Nobody waits any more; it was counted as late, or given up.
            return
        self._operations.counts[f"{self._name} {how}"] += 1
        self._stopTimer()
        waiter.callback(result)

    def _stopTimer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
