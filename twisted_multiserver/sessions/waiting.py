"""
Threads that wait for the reactor's.

Invariants: what a session belongs to is one thread at a time, and the one that waits isn't it;
no thread waits for ever, since a reactor that has stopped answers nobody, and would in turn be
waited for at the end of the process.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from twisted_multiserver.sessions.errors import StoreUnavailable

# How long to wait for the reactor's thread, in seconds.  Stores have deadlines of their own,
# which are far shorter: this one is for reactors that run no more.
PATIENCE = 30.0
_NOBODY = "nobody is there to ask the store: the process stops, or hangs"

Schedule = Callable[[Callable[[], None]], object]


def waitFor(
    schedule: Schedule,
    call: Callable[[], Deferred[Any] | None],
    patience: float = PATIENCE,
) -> Any:
    """
    Have something done by the reactor's thread, and wait for it.

    @param schedule: has a function called there, such as C{reactor.callFromThread}.
    @param call: called there.
    @param patience: how long to wait, in seconds.
    @return: what it returned, or its C{Deferred} fired with; fails as that does.
    @raise StoreUnavailable: if the reactor doesn't run, or not any more.
    """
    answer: Future[Any] = Future()
    try:
        schedule(partial(_run, call, answer))
    except RuntimeError as error:
        # asyncio's loop is closed.
        raise StoreUnavailable(_NOBODY) from error
    try:
        return answer.result(patience)
    except TimeoutError:
        if answer.done():
            raise
        raise StoreUnavailable(_NOBODY, outcomeUnknown=not answer.cancel()) from None


def _run(call: Callable[[], Deferred[Any] | None], answer: Future[Any]) -> None:
    if not answer.set_running_or_notify_cancel():
        # Nobody waits any more, and what it is about is theirs again.
        return
    done: Deferred[Any] = maybeDeferred(call)
    done.addCallbacks(answer.set_result, partial(_fail, answer))


def _fail(answer: Future[Any], failure: Failure) -> None:
    answer.set_exception(failure.value)
