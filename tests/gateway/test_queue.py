"""
L{twisted_multiserver.gateway.queue}.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.gateway.queue import ExchangeQueue, Waiting
from twisted_multiserver.streams.sweep import Sweep


class FakeWaiting:
    """
    Does what it is told when it may go on.
    """

    deadline = inf
    tries = 0

    def __init__(self, goOn: Callable[[], None]) -> None:
        self.goOn = goOn

    def overdue(self) -> None:
        """
        See L{Waiting}.
        """


class ExchangeQueueTests(SynchronousTestCase):
    """
    Who waits, and who is asked when.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.queue = ExchangeQueue(self.clock, Sweep(self.clock), 10)
        self.places = 0
        self.asked: list[str] = []

    def wait(self, name: str, canGo: bool = True, inLine: bool = True) -> Waiting:
        """
        @return: one that waits, and leaves if it can go when it is asked.
        """

        def goOn() -> None:
            self.asked.append(name)
            if canGo:
                self.queue.remove(waiting)
                self.places -= 1
            else:
                self.queue.add(waiting, inLine)

        waiting = cast(Waiting, FakeWaiting(goOn))
        self.queue.add(waiting, True)
        return waiting

    def wake(self, places: int) -> list[str]:
        """
        @return: who was asked when there were so many places.
        """
        self.places, self.asked = places, []
        self.queue.wakeSoon(lambda: self.places > 0)
        self.assertEqual(self.asked, [])
        self.clock.advance(0)
        return self.asked

    def test_inOrder(self) -> None:
        """
        One is asked for each place, in the order in which they came.
        """
        for name in "abcd":
            self.wait(name)
        self.assertEqual(self.wake(0), [])
        self.assertEqual(self.wake(1), ["a"])
        self.assertEqual(self.wake(2), ["b", "c"])
        self.assertEqual(self.wake(5), ["d"])
        self.assertTrue(self.queue.isEmpty)

    def test_cannotUseIt(self) -> None:
        """
        Who can't use a place keeps its own in the line, and holds up nobody.
        """
        self.wait("a", canGo=False)
        for name in "bcd":
            self.wait(name)
        self.assertEqual(self.wake(1), ["a", "b"])
        self.assertEqual(self.wake(2), ["a", "c", "d"])
        self.assertEqual(self.wake(2), ["a"])

    def test_otherReason(self) -> None:
        """
        Who begins to wait for something else leaves the line.
        """
        self.wait("a", canGo=False, inLine=False)
        self.wait("b")
        self.assertEqual(self.wake(1), ["a", "b"])
        self.assertFalse(self.queue.hasLine)
        self.assertFalse(self.queue.isEmpty)
        # It is asked at every change now, whether or not there is a place.
        self.assertEqual(self.wake(0), ["a"])

    def test_countedOnce(self) -> None:
        """
        The limit counts everybody once.
        """
        waiting = [self.wait(str(number)) for number in range(9)]
        for each in waiting:
            self.queue.add(each, False)
        self.assertFalse(self.queue.isFull)
        self.wait("last")
        self.assertTrue(self.queue.isFull)
