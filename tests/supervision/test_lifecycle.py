"""
The life of one incarnation: every input in every state.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.supervision.lifecycle import Life, makeLife

INPUTS = (
    "readied",
    "bootOverdue",
    "beatOverdue",
    "overgrown",
    "stop",
    "drained",
    "drainOverdue",
    "stopOverdue",
    "dumped",
    "exited",
)


class Recorded:
    """
    Actions that are written down.
    """

    def __init__(self) -> None:
        self.done: list[str] = []

    def admit(self) -> None:
        self.done.append("admit")

    def expectExit(self) -> None:
        self.done.append("expectExit")

    def drain(self) -> None:
        self.done.append("drain")

    def noteDrained(self, isComplete: bool) -> None:
        self.done.append("noteDrained" if isComplete else "noteCut")

    def terminate(self) -> None:
        self.done.append("terminate")

    def dump(self) -> None:
        self.done.append("dump")

    def kill(self) -> None:
        self.done.append("kill")

    def blameBoot(self) -> None:
        self.done.append("blameBoot")

    def blameHang(self) -> None:
        self.done.append("blameHang")

    def blameMemory(self) -> None:
        self.done.append("blameMemory")

    def conclude(self) -> None:
        self.done.append("conclude")


def live(*inputs: str) -> list[str]:
    """
    @param inputs: what happens.
    @return: what is done about it.
    """
    recorded = Recorded()
    life: Life = makeLife(recorded)
    for name in inputs:
        getattr(life, name)()
    return recorded.done


class LifecycleTests(SynchronousTestCase):
    """
    The table.
    """

    def test_orderOfAStop(self) -> None:
        """
        Drain, terminate, dump, kill: always in this order.
        """
        self.assertEqual(
            live("readied", "stop", "drained", "stopOverdue", "dumped", "exited"),
            [
                *("admit", "expectExit", "drain", "noteDrained", "terminate"),
                *("dump", "kill", "conclude"),
            ],
        )

    def test_drainOverdue(self) -> None:
        """
        It is told to exit all the same; that it drains in the end is no news.
        """
        self.assertEqual(
            live("readied", "stop", "drainOverdue", "drained", "exited"),
            ["admit", "expectExit", "drain", "noteCut", "terminate", "conclude"],
        )

    def test_stopWhileStarting(self) -> None:
        """
        There is nothing to drain.
        """
        self.assertEqual(live("stop", "exited"), ["expectExit", "terminate", "conclude"])

    def test_hang(self) -> None:
        """
        Blamed, dumped, killed; a stop that is asked for then changes nothing.
        """
        self.assertEqual(
            live("readied", "beatOverdue", "stop", "dumped", "exited"),
            ["admit", "blameHang", "dump", "kill", "conclude"],
        )

    def test_bootTooLong(self) -> None:
        """
        As a hang, and a READY that comes late doesn't count.
        """
        self.assertEqual(
            live("bootOverdue", "readied", "dumped", "exited"),
            ["blameBoot", "dump", "kill", "conclude"],
        )

    def test_readyTwice(self) -> None:
        """
        It is admitted once.
        """
        self.assertEqual(live("readied", "readied"), ["admit"])

    @given(st.lists(st.sampled_from(INPUTS)))
    def test_anyOrder(self, inputs: list[str]) -> None:
        """
        Nothing is an error; it ends once, when it exits, and not otherwise.
        """
        done = live(*inputs)
        self.assertEqual(done.count("conclude"), 1 if "exited" in inputs else 0)
        if "exited" in inputs:
            self.assertEqual(done[-1], "conclude")
        for once in ("admit", "drain", "terminate", "dump", "kill"):
            self.assertLessEqual(done.count(once), 1)
        if "drain" in done and "terminate" in done:
            self.assertLess(done.index("drain"), done.index("terminate"))
