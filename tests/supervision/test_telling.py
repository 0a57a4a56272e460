"""
Who is told of crashes: Deferreds, a command.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.supervision.fakes import FakeReactor
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.interfaces import ILifecycleObserver
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash, makeCrash
from twisted_multiserver.supervision.events import ChildCrashed, ChildStopped
from twisted_multiserver.supervision.oncrash import INTERVAL, LIMIT, CrashCommand, splitCommand
from twisted_multiserver.supervision.whencrashed import CrashNotifier


def crashOf(slot: int) -> ChildCrashed:
    child = Child(slot, 1, slot + 1, 100 + slot, "/run/x")
    return ChildCrashed(child, makeCrash(child, 1, None, 1.0, (), (), None, ""))


class CrashNotifierTests(SynchronousTestCase):
    """
    C{whenCrashed}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.notifier = CrashNotifier(self.clock)

    def turn(self) -> None:
        self.clock.advance(0)

    def test_interface(self) -> None:
        """
        It is an observer like any other.
        """
        verifyObject(ILifecycleObserver, self.notifier)

    def test_everyCallerGetsItsOwn(self) -> None:
        """
        Two Deferreds, both with the crash.
        """
        first, second = self.notifier.whenCrashed(), self.notifier.whenCrashed()
        self.assertIsNot(first, second)
        self.notifier.lifecycleEvent(crashOf(0))
        self.turn()
        self.assertEqual(self.successResultOf(first), self.successResultOf(second))

    def test_noneIsLostByAskingAgain(self) -> None:
        """
        Three crashes in one turn reach whoever asks again each time.
        """
        seen: list[int] = []

        def again(crash: Crash) -> None:
            seen.append(crash.slot)
            self.notifier.whenCrashed().addCallback(again)

        self.notifier.whenCrashed().addCallback(again)
        for slot in range(3):
            self.notifier.lifecycleEvent(crashOf(slot))
        for _ in range(3):
            self.turn()
        self.assertEqual(seen, [0, 1, 2])

    def test_noneIsLostBetweenTwoCallsInOneTurn(self) -> None:
        """
        A crash between two calls of the same turn reaches both callers.
        """
        before = self.notifier.whenCrashed()
        self.notifier.lifecycleEvent(crashOf(0))
        after = self.notifier.whenCrashed()
        self.turn()
        self.assertEqual(self.successResultOf(before).slot, 0)
        self.assertEqual(self.successResultOf(after).slot, 0)

    def test_cancel(self) -> None:
        """
        A Deferred that was cancelled isn't told, also from another's callback.
        """
        first = self.notifier.whenCrashed()
        second = self.notifier.whenCrashed()
        first.addCallback(lambda crash: second.cancel())
        third = self.notifier.whenCrashed()
        third.cancel()
        self.failureResultOf(third, CancelledError)
        self.notifier.lifecycleEvent(crashOf(0))
        self.turn()
        self.successResultOf(first)
        self.failureResultOf(second, CancelledError)

    def test_otherEvents(self) -> None:
        """
        Only crashes count.
        """
        waiting = self.notifier.whenCrashed()
        self.notifier.lifecycleEvent(ChildStopped(crashOf(0).child))
        self.turn()
        self.assertNoResult(waiting)


class CrashCommandTests(SynchronousTestCase):
    """
    C{--on-crash}.
    """

    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.command = CrashCommand(self.reactor, ["tell", "me"])

    def test_splitting(self) -> None:
        """
        As a shell would, without one.
        """
        self.assertEqual(splitCommand("mail -s 'a b' $X"), ["mail", "-s", "a b", "$X"])
        for wrong in ("", "  ", "a 'b"):
            self.assertRaises(ConfigError, splitCommand, wrong)

    def test_firstIsToldAtOnce(self) -> None:
        """
        One line of JSON, then the end of its input.
        """
        event = crashOf(0)
        self.command.lifecycleEvent(event)
        (process,) = self.reactor.processes
        self.assertEqual(process.argv, [b"tell", b"me"])
        self.assertEqual(process.written, event.crash.toJSON().encode() + b"\n")
        self.assertIn(0, process.closed)

    def test_rate(self) -> None:
        """
        The latest of those that came meanwhile is told when the interval is over.
        """
        for slot in range(4):
            self.command.lifecycleEvent(crashOf(slot))
        self.reactor.processes[0].exits(0)
        self.assertEqual(len(self.reactor.processes), 1)
        self.reactor.advance(INTERVAL)
        self.assertEqual(len(self.reactor.processes), 2)
        self.assertIn(b'"slot": 3', self.reactor.processes[1].written)

    def test_oneAtATime(self) -> None:
        """
        A command that takes long is waited for, then killed.
        """
        self.command.lifecycleEvent(crashOf(0))
        self.command.lifecycleEvent(crashOf(1))
        process = self.reactor.processes[0]
        self.reactor.advance(INTERVAL)
        self.assertEqual(len(self.reactor.processes), 1)
        self.reactor.advance(LIMIT)
        self.assertEqual(process.signals, [9])
        process.exits(None, 9)
        self.assertEqual(len(self.reactor.processes), 2)

    def test_cannotBeRun(self) -> None:
        """
        It is logged, and the next crash is tried again.
        """
        self.reactor.refusal = FileNotFoundError(2, "No such file")
        self.command.lifecycleEvent(crashOf(0))
        self.reactor.advance(0)
        self.reactor.refusal = None
        self.command.lifecycleEvent(crashOf(1))
        self.reactor.advance(INTERVAL)
        self.assertEqual(len(self.reactor.processes), 1)
