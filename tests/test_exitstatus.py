"""
Which status is decided on, and by whom; the process's real end is tested with real
processes.
"""

from __future__ import annotations

import atexit
import io
import signal
import sys
from collections.abc import Callable

from twisted.internet.error import ReactorNotRunning
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.exitstatus import ExitStatus


class FakeReactor:
    """
    Stops and calls as a reactor does.

    @ivar running: until it is stopped.
    @ivar stops: how often it was asked to.
    """

    def __init__(self, running: bool = True) -> None:
        """
        @param running: whether it runs already.
        """
        self.running = running
        self.stops = 0
        self._waiting: list[Callable[[], object]] = []
        self._fromThread: list[Callable[[], object]] = []

    def callWhenRunning(self, call: Callable[[], object]) -> None:
        """
        @param call: made at once if it runs.
        """
        if self.running:
            call()
        else:
            self._waiting.append(call)

    def callFromThread(self, call: Callable[[], object]) -> None:
        """
        @param call: made in the next turn.
        """
        self._fromThread.append(call)

    def run(self) -> None:
        """
        Begin, or make a turn.
        """
        self.running = True
        calls = self._waiting + self._fromThread
        self._waiting, self._fromThread = [], []
        for call in calls:
            call()

    def stop(self) -> None:
        """
        As a reactor's.
        """
        if not self.running:
            raise ReactorNotRunning("Can't stop reactor that isn't running.")
        self.stops += 1
        self.running = False


class ExitStatusTests(SynchronousTestCase):
    """
    L{ExitStatus}.
    """

    def setUp(self) -> None:
        """
        Signals and the real stderr are given back afterwards.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.errors = io.StringIO()
        self.patch(sys, "__stderr__", self.errors)

    def make(self, running: bool = True) -> tuple[ExitStatus, FakeReactor]:
        """
        @param running: whether the reactor runs already.
        @return: an exit status and its reactor.
        """
        reactor = FakeReactor(running)
        return ExitStatus(reactor), reactor  # type: ignore[arg-type]

    def install(self, exit: ExitStatus) -> None:
        """
        @param exit: is installed until the end of the test.
        """
        exit.install()
        self.addCleanup(atexit.unregister, exit._leave)

    def test_undecided(self) -> None:
        """
        Nothing is decided at the beginning.
        """
        exit, reactor = self.make()
        self.assertIsNone(exit.status)
        self.assertEqual(reactor.stops, 0)

    def test_stop(self) -> None:
        """
        A stop that was asked for is a success.
        """
        exit, reactor = self.make()
        exit.stop()
        self.assertEqual((exit.status, reactor.stops), (0, 1))
        self.assertEqual(self.errors.getvalue(), "")

    def test_stopTwice(self) -> None:
        """
        Asking again changes nothing.
        """
        exit, reactor = self.make()
        exit.stop()
        exit.stop()
        self.assertEqual((exit.status, reactor.stops), (0, 1))

    def test_fail(self) -> None:
        """
        One line on stderr, one in the log, and an end.
        """
        exit, reactor = self.make()
        exit.fail("no such thing")
        self.assertEqual((exit.status, reactor.stops), (1, 1))
        self.assertEqual(self.errors.getvalue(), "twistd multiserver: no such thing\n")

    def test_failureStaysAFailure(self) -> None:
        """
        A signal that comes while it ends makes it no success.
        """
        exit, _ = self.make()
        exit.fail("no such thing")
        exit.stop()
        self.assertEqual(exit.status, 1)

    def test_firstFailureCounts(self) -> None:
        """
        Two failures are one line.
        """
        exit, _ = self.make()
        exit.fail("first")
        exit.fail("second")
        self.assertEqual(self.errors.getvalue(), "twistd multiserver: first\n")

    def test_failureAfterStop(self) -> None:
        """
        What fails in a stop that was asked for is no failure to start.
        """
        exit, _ = self.make()
        exit.stop()
        exit.fail("too late")
        self.assertEqual((exit.status, self.errors.getvalue()), (0, ""))

    def test_failBeforeTheReactorRuns(self) -> None:
        """
        It is stopped as soon as it runs.
        """
        exit, reactor = self.make(running=False)
        exit.fail("no such thing")
        self.assertEqual((exit.status, reactor.stops), (1, 0))
        reactor.run()
        self.assertEqual(reactor.stops, 1)

    def test_bracesInReason(self) -> None:
        """
        A reason is no format.
        """
        exit, _ = self.make()
        with capturedLogs() as events:
            exit.fail("{broken")
        self.assertEqual(self.errors.getvalue(), "twistd multiserver: {broken\n")
        self.assertEqual([formatEvent(event) for event in events], ["{broken"])
        self.assertIs(events[0]["log_level"], LogLevel.error)

    def test_signals(self) -> None:
        """
        TERM and INT stop it in the reactor's own time, with success.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            exit, reactor = self.make()
            self.install(exit)
            signal.raise_signal(number)
            self.assertEqual(reactor.stops, 0)
            reactor.run()
            self.assertEqual((exit.status, reactor.stops), (0, 1))

    def test_signalBeforeTheReactorRuns(self) -> None:
        """
        A signal between binding and running is not lost, and kills nobody.
        """
        exit, reactor = self.make(running=False)
        self.install(exit)
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual(reactor.stops, 0)
        reactor.run()
        self.assertEqual((exit.status, reactor.stops), (0, 1))

    def test_reactorTakesSignalsToo(self) -> None:
        """
        The reactor sets its own when it begins to run; ours come after it.
        """
        exit, reactor = self.make(running=False)
        self.install(exit)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        reactor.run()
        self.assertEqual(signal.getsignal(signal.SIGTERM), exit._signalled)

    def test_ignoredInterrupt(self) -> None:
        """
        INT stays ignored where a shell wants it so; TERM does not.
        """
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        exit, _ = self.make()
        self.install(exit)
        self.assertIs(signal.getsignal(signal.SIGINT), signal.SIG_IGN)
        self.assertEqual(signal.getsignal(signal.SIGTERM), exit._signalled)
