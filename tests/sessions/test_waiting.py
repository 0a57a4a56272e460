"""
Threads that wait for the reactor's.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_multiserver.sessions.errors import SessionConflict, StoreUnavailable
from twisted_multiserver.sessions.waiting import waitFor

PATIENCE = 0.01


class ReactorTests(TestCase):
    """
    A reactor that runs.
    """

    async def wait(self, call: Callable[[], Deferred[Any] | None]) -> Any:
        from_: Any = reactor
        return await deferToThread(waitFor, from_.callFromThread, call)

    async def test_result(self) -> None:
        """
        The call runs in the reactor's thread, and its result is what the waiting one gets.
        """
        here = threading.get_ident()

        def call() -> Deferred[bool]:
            return succeed(threading.get_ident() == here)

        self.assertTrue(await self.wait(call))
        self.assertIsNone(await self.wait(lambda: None))

    async def test_failure(self) -> None:
        """
        So is its failure, also a C{TimeoutError}.
        """
        for error in (SessionConflict("no"), TimeoutError("late")):
            with self.assertRaises(type(error)) as raised:
                await self.wait(lambda error=error: fail(error))  # type: ignore[misc]
            self.assertIs(raised.exception, error)


class StoppedTests(SynchronousTestCase):
    """
    A reactor that doesn't run any more.
    """

    def test_never(self) -> None:
        """
        Nobody waits for it for ever, and what wasn't begun isn't begun later.
        """
        scheduled: list[Callable[[], None]] = []
        called: list[int] = []
        with self.assertRaises(StoreUnavailable) as raised:
            waitFor(scheduled.append, lambda: called.append(1), PATIENCE)
        self.assertFalse(raised.exception.outcomeUnknown)
        scheduled[0]()
        self.assertEqual(called, [])

    def test_unfinished(self) -> None:
        """
        What was begun may have been done.
        """
        waiting: Deferred[None] = Deferred()
        with self.assertRaises(StoreUnavailable) as raised:
            waitFor(lambda run: run(), lambda: waiting, PATIENCE)
        self.assertTrue(raised.exception.outcomeUnknown)
        waiting.callback(None)

    def test_closedLoop(self) -> None:
        """
        A closed loop of asyncio is a store that can't be asked.
        """
        loop = asyncio.new_event_loop()
        loop.close()
        self.assertRaises(StoreUnavailable, waitFor, loop.call_soon_threadsafe, lambda: None)
