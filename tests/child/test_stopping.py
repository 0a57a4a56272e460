"""
The one way to stop, on a reactor in memory.
"""

from __future__ import annotations

import signal
from typing import Any, cast

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.notify import Notifier
from twisted_multiserver.child.stopping import Stopping


class Slow:
    """
    Serves until the test says so.
    """

    def __init__(self) -> None:
        self.budgets: list[float] = []
        self.finishing: Deferred[None] = Deferred()

    def busyThreads(self) -> tuple[int, int]:
        return 0, 0

    async def stop(self, budget: float) -> None:
        self.budgets.append(budget)
        await self.finishing


class Notes(Notifier):
    """
    Notes what would be told.
    """

    def __init__(self) -> None:
        self.told: list[str] = []

    def stopping(self) -> None:
        self.told.append("stopping")


class Reactor(MemoryReactorClock):
    """
    One that can be asked from a signal handler.
    """

    def callFromThread(self, function: Any, *arguments: Any, **keywords: Any) -> None:
        function(*arguments, **keywords)


class StoppingTests(SynchronousTestCase):
    def setUp(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reactor: Any = Reactor()
        self.notes = Notes()
        self.serving = Slow()
        self.stopping = Stopping(cast(Any, self.reactor), self.notes, 10.0)
        self.stopping.watch()

    def terminate(self) -> None:
        signal.raise_signal(signal.SIGTERM)

    def shutdown(self) -> Any:
        """
        What the reactor asks before it shuts down.
        """
        [(function, arguments, _keywords)] = self.reactor.triggers["before"]["shutdown"]
        return function(*arguments)

    def test_exchangesFirst(self) -> None:
        """
        The reactor stops when the exchanges have finished, and not before.
        """
        self.stopping.served(self.serving)
        self.terminate()
        self.assertEqual((self.notes.told, self.serving.budgets), (["stopping"], [8.0]))
        self.assertFalse(self.reactor.hasStopped)
        self.serving.finishing.callback(None)
        self.assertTrue(self.reactor.hasStopped)

    def test_once(self) -> None:
        """
        However many ask, the application is stopped once, and all wait for it.
        """
        self.stopping.served(self.serving)
        self.terminate()
        self.terminate()
        waiting = self.shutdown()
        self.assertNoResult(waiting)
        self.serving.finishing.callback(None)
        self.successResultOf(waiting)
        self.assertEqual((len(self.serving.budgets), self.notes.told), (1, ["stopping"]))
        self.successResultOf(self.shutdown())

    def test_applicationStopsReactor(self) -> None:
        """
        The shutdown waits for the exchanges too.
        """
        self.stopping.served(self.serving)
        waiting = self.shutdown()
        self.assertNoResult(waiting)
        self.serving.finishing.callback(None)
        self.successResultOf(waiting)

    def test_nothingServedYet(self) -> None:
        """
        While booting there is nothing to wait for.
        """
        self.terminate()
        self.assertTrue(self.reactor.hasStopped)
        self.assertTrue(self.stopping.begun)

    def test_stoppingFails(self) -> None:
        """
        An application that fails at its end doesn't keep the process.
        """
        self.stopping.served(self.serving)
        self.terminate()
        self.serving.finishing.errback(RuntimeError("at the end"))
        self.assertTrue(self.reactor.hasStopped)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_masterGone(self) -> None:
        """
        Nothing is waited for, and an alarm ends what hangs.
        """
        self.addCleanup(signal.signal, signal.SIGALRM, signal.getsignal(signal.SIGALRM))
        self.addCleanup(signal.alarm, 0)
        self.stopping.served(self.serving)
        self.stopping.masterGone()
        self.assertEqual(self.serving.budgets, [0.0])
        self.assertEqual(signal.getsignal(signal.SIGALRM), signal.SIG_DFL)
        self.assertGreater(signal.alarm(0), 0)
