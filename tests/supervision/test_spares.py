"""
Spares, on a reactor that starts nothing.
"""

from __future__ import annotations

import signal

from tests.supervision.stage import SupervisionTestCase
from twisted_multiserver.supervision.events import SpareActivated
from twisted_multiserver.supervision.program import ApplicationProgram


class SpareTests(SupervisionTestCase):
    """
    Two children serve, one stands by.
    """

    def setUp(self) -> None:
        super().setUp()
        spawning = self.supervisor.spawn(ApplicationProgram("a:b"), 2, spares=1)
        for process in self.reactor.processes:
            self.notify(process, b"READY=1")
        self.successResultOf(spawning)

    def ready(self, index: int) -> None:
        self.notify(self.process(index), b"READY=1")

    def leave(self, index: int, slot: int) -> None:
        self.traffic.draining[slot].callback(None)
        self.process(index).exits(None, signal.SIGTERM)

    def serving(self) -> set[int]:
        """
        @return: the slots whose children get requests.
        """
        serving: set[int] = set()
        for name, slot in self.traffic.calls:
            if name == "admit":
                serving.add(slot)
            elif name in ("drain", "remove"):
                serving.discard(slot)
        return serving

    def test_standsBy(self) -> None:
        """
        It is ready, but gets no requests, and none wait for it.
        """
        self.assertEqual(self.serving(), {0, 1})
        self.assertNotIn(("expect", 2), self.traffic.calls)

    def test_takesTheDeadsPlace(self) -> None:
        """
        In the very turn in which the exit is seen; the dead one's successor stands by.
        """
        self.traffic.calls.clear()
        self.process(0).exits(None, 9)
        self.assertEqual(self.traffic.calls[:3], [("remove", 0), ("admit", 2), ("unexpect", 0)])
        (event,) = (e for e in self.observer.events if isinstance(e, SpareActivated))
        self.assertEqual((event.child.name, event.insteadOf), ("child 2", "child 0"))
        self.reactor.advance(0)
        self.ready(3)
        self.assertNotIn(("admit", 0), self.traffic.calls)
        self.process(2).exits(1)
        self.assertIn(("admit", 0), self.traffic.calls)

    def test_twoDieAtOnce(self) -> None:
        """
        There is one spare; the other place waits for its successor, or for a spare that is
        ready first.
        """
        self.process(0).exits(None, 9)
        self.traffic.calls.clear()
        self.process(1).exits(None, 9)
        self.assertIn(("expect", 1), self.traffic.calls)
        self.reactor.advance(0)
        # The process that was started for the first dead one is a spare; it boots first.
        self.ready(3)
        self.assertIn(("admit", 0), self.traffic.calls)
        self.assertIn(("unexpect", 1), self.traffic.calls)
        self.ready(4)
        self.assertNotIn(("admit", 1), self.traffic.calls)

    def test_spareDies(self) -> None:
        """
        Another one boots; nobody else notices.
        """
        self.traffic.calls.clear()
        self.process(2).exits(1)
        self.reactor.advance(0)
        self.ready(3)
        self.assertEqual(self.traffic.calls, [("remove", 2)])

    def test_reload(self) -> None:
        """
        Spares move first, and then take over: never one child too many, nor too few.
        """
        self.traffic.calls.clear()
        reloading = self.supervisor.reload()
        self.leave(2, 2)
        self.ready(3)
        self.assertEqual(self.traffic.calls[-2:], [("admit", 2), ("drain", 0)])
        self.leave(0, 0)
        self.ready(4)
        self.assertEqual(self.traffic.calls[-2:], [("admit", 0), ("drain", 1)])
        self.leave(1, 1)
        self.assertNoResult(reloading)
        self.ready(5)
        self.successResultOf(reloading)
        self.assertEqual([child.generation for child in self.supervisor.children()], [2, 2, 2])
        self.assertEqual(len(self.reactor.processes), 6)

    def test_scaleLeavesSparesAlone(self) -> None:
        """
        So many serve.
        """
        self.supervisor.scale(1)
        self.assertEqual([slot for name, slot in self.traffic.calls if name == "drain"], [1])

    def test_stop(self) -> None:
        """
        They stop with the others.
        """
        stopped = self.supervisor.stop()
        for index in range(3):
            self.leave(index, index)
        self.successResultOf(stopped)
