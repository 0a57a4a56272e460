"""
What SIGHUP and SIGUSR1 mean; with real processes and terminals in
L{tests.integration.test_signals}.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver import signals
from twisted_multiserver.signals import ServerSignals, controllingTerminal


class FakeReactor:
    """
    Makes calls in turns.
    """

    def __init__(self) -> None:
        self._calls: list[Callable[[], object]] = []

    def callFromThread(self, call: Callable[[], object]) -> None:
        """
        @param call: made in the next turn.
        """
        self._calls.append(call)

    def run(self) -> None:
        """
        Make a turn.
        """
        calls, self._calls = self._calls, []
        for call in calls:
            call()


class ServerSignalsTests(SynchronousTestCase):
    """
    L{ServerSignals}.
    """

    def setUp(self) -> None:
        """
        Signals are given back afterwards.
        """
        for number in (signal.SIGHUP, signal.SIGUSR1):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
            signal.signal(number, signal.SIG_DFL)
        self.stops = self.reloads = 0
        self.reactor = FakeReactor()

    def stop(self) -> None:
        """
        Count.
        """
        self.stops += 1

    def reload(self) -> None:
        """
        Count.
        """
        self.reloads += 1

    def install(self, terminal: int | None = None) -> None:
        """
        @param terminal: stands for the controlling one.
        """
        self.patch(signals, "controllingTerminal", lambda: terminal)
        ServerSignals(self.reactor, self.stop, self.reload).install()  # type: ignore[arg-type]

    def goneTerminal(self) -> int:
        """
        @return: a descriptor that tcgetpgrp(3) fails on, as on a terminal that is gone.
        """
        descriptor = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        return descriptor

    def hangUp(self) -> list[str]:
        """
        @return: what a SIGHUP leaves in the log.
        """
        with capturedLogs() as events:
            signal.raise_signal(signal.SIGHUP)
            self.assertEqual(self.stops, 0)
            self.reactor.run()
        return [formatEvent(event) for event in events]

    def test_hangupWithoutTerminal(self) -> None:
        """
        It is a wish to reload.
        """
        self.install()
        self.assertEqual(self.hangUp(), [])
        self.assertEqual((self.stops, self.reloads), (0, 1))

    def test_terminalGone(self) -> None:
        """
        It is the terminal's.
        """
        self.install(self.goneTerminal())
        self.assertEqual(self.hangUp(), ["the terminal hung up: stopping"])
        self.assertEqual(self.stops, 1)

    def test_noHangup(self) -> None:
        """
        Where SIGHUP was ignored, a terminal that is gone is no reason to stop.
        """
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self.install(self.goneTerminal())
        self.assertEqual((self.hangUp(), self.reloads), ([], 1))
        self.assertEqual(self.stops, 0)

    def test_usr1(self) -> None:
        """
        Without a handler it is no reason to die.
        """
        self.install()
        signal.raise_signal(signal.SIGUSR1)
        self.assertEqual(self.stops, 0)

    def test_usr1Ignored(self) -> None:
        """
        What is ignored isn't called.
        """
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        self.install()
        signal.raise_signal(signal.SIGUSR1)

    def test_usr1WithHandler(self) -> None:
        """
        The handler that was there is called, as a handler.
        """
        calls: list[int] = []

        def reopen(number: int, frame: FrameType | None) -> None:
            calls.append(number)

        signal.signal(signal.SIGUSR1, reopen)
        self.install()
        signal.raise_signal(signal.SIGUSR1)
        self.assertEqual(calls, [signal.SIGUSR1])

    def test_controllingTerminal(self) -> None:
        """
        Either there is one, and its descriptor is kept from children, or none.
        """
        terminal = controllingTerminal()
        if terminal is not None:
            self.addCleanup(os.close, terminal)
            self.assertFalse(os.get_inheritable(terminal))
