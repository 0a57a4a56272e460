"""
Reloads and scaling, on a reactor that starts nothing.
"""

from __future__ import annotations

import json
import signal
from dataclasses import replace

from tests.supervision.stage import SupervisionTestCase
from twisted_multiserver.contract import SPEC_VARIABLE
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.supervision.events import ReloadGivenUp, Scaled
from twisted_multiserver.supervision.program import ApplicationProgram, Program
from twisted_multiserver.supervision.reloading import ReloadFailed
from twisted_multiserver.supervision.slotowner import Stopped


class ReloadTests(SupervisionTestCase):
    """
    Children that do what the test says.
    """

    def ready(self, index: int) -> None:
        """
        @param index: of a process that says so now.
        """
        self.notify(self.process(index), b"READY=1")

    def leave(self, index: int, slot: int) -> None:
        """
        A child that was dismissed finishes what it has, and ends.

        @param index: of its process.
        @param slot: its place.
        """
        self.traffic.draining[slot].callback(None)
        self.assertEqual(self.process(index).signals, [signal.SIGTERM])
        self.process(index).exits(None, signal.SIGTERM)

    def renew(self, program: Program) -> Program:
        """
        @param program: what was run.
        @return: another one.
        """
        assert isinstance(program, ApplicationProgram)
        return replace(program, name="c:d")

    def generations(self) -> list[int]:
        return [child.generation for child in self.supervisor.children()]

    def test_rolling(self) -> None:
        """
        One after the other: the successor is admitted before the old child is drained.
        """
        self.spawnReady(2)
        self.traffic.calls.clear()
        reloading = self.supervisor.reload()
        self.assertEqual(len(self.reactor.processes), 3)
        self.assertEqual(self.generations(), [1, 1])
        self.ready(2)
        self.assertEqual(
            self.traffic.calls, [("expect", 0), ("admit", 0), ("drain", 0), ("expect", 1)]
        )
        self.assertEqual(self.generations(), [2, 1])
        self.assertNoResult(reloading)
        self.ready(3)
        self.successResultOf(reloading)
        self.assertEqual(self.generations(), [2, 2])
        self.leave(0, 0)
        self.leave(1, 1)
        self.assertEqual(self.crashes(), [])
        self.assertEqual(
            self.observer.names()[-7:],
            [
                *("ChildReady", "ChildDraining", "ReloadFinished"),
                *("ChildDrained", "ChildStopped", "ChildDrained", "ChildStopped"),
            ],
        )

    def test_successorKnowsItsPlace(self) -> None:
        """
        It lives in the same slot, of the next generation.
        """
        self.spawnReady(2)
        self.supervisor.reload()
        spec = json.loads(self.process().environment[SPEC_VARIABLE])
        self.assertEqual((spec["slot"], spec["generation"], spec["incarnation"]), (0, 2, 3))

    def test_surge(self) -> None:
        """
        So many boot at once.
        """
        self.spawnReady(3)
        reloading = self.supervisor.reload(surge=2)
        self.assertEqual(len(self.reactor.processes), 5)
        self.ready(4)
        self.assertEqual(len(self.reactor.processes), 6)
        self.ready(3)
        self.ready(5)
        self.successResultOf(reloading)

    def test_withoutSurge(self) -> None:
        """
        A child ends before its successor starts, and its slot is expected meanwhile.
        """
        self.spawnReady(2)
        self.traffic.calls.clear()
        reloading = self.supervisor.reload(surge=0)
        self.assertEqual(self.traffic.calls, [("expect", 0), ("drain", 0)])
        self.assertEqual(len(self.reactor.processes), 2)
        self.leave(0, 0)
        self.assertEqual(len(self.reactor.processes), 3)
        self.ready(2)
        self.leave(1, 1)
        self.ready(3)
        self.successResultOf(reloading)
        self.assertEqual(self.generations(), [2, 2])

    def test_doesNotBoot(self) -> None:
        """
        The first failure ends the reload; the old children serve on.
        """
        self.spawnReady(2)
        reloading = self.supervisor.reload()
        self.process().exits(1)
        failure = self.failureResultOf(reloading, ReloadFailed)
        self.assertEqual(
            failure.getErrorMessage(),
            "keeping generation 1: generation 2 did not boot: child 0 did not boot: exit 1",
        )
        self.assertEqual(failure.value.crash.generation, 2)
        self.assertEqual(self.observer.events[-1:], [ReloadGivenUp(2, failure.getErrorMessage())])
        self.assertEqual(self.generations(), [1, 1])
        self.assertEqual(self.traffic.calls[-1], ("unexpect", 0))
        self.reactor.advance(60)
        self.assertEqual(len(self.reactor.processes), 3)

    def test_laterOneDoesNotBoot(self) -> None:
        """
        What has moved stays moved, and the failure says so.
        """
        self.spawnReady(3)
        reloading = self.supervisor.reload()
        self.ready(3)
        self.process(4).exits(1)
        failure = self.failureResultOf(reloading, ReloadFailed)
        self.assertEqual(
            failure.getErrorMessage(),
            "keeping generation 1 in child 1, child 2 (child 0 moved): generation 2 did not"
            " boot: child 1 did not boot: exit 1",
        )
        self.assertEqual(self.generations(), [2, 1, 1])

    def test_withoutSurgeDoesNotBoot(self) -> None:
        """
        Another one like the old one is started.
        """
        self.spawnReady()
        reloading = self.supervisor.reload(self.renew, surge=0)
        self.leave(0, 0)
        self.assertIn("c:d", self.process().environment[SPEC_VARIABLE])
        self.process().exits(1)
        self.failureResultOf(reloading, ReloadFailed)
        self.reactor.advance(0)
        self.assertIn("a:b", self.process().environment[SPEC_VARIABLE])
        self.ready(-1)
        self.assertEqual(self.generations(), [1])

    def test_oldOneCrashesMeanwhile(self) -> None:
        """
        The successor is what is waited for; no third one is started.
        """
        self.spawnReady()
        reloading = self.supervisor.reload()
        self.traffic.calls.clear()
        self.process(0).exits(None, 9)
        self.assertEqual(self.traffic.calls, [("remove", 0), ("expect", 0)])
        self.reactor.advance(1)
        self.assertEqual(len(self.reactor.processes), 2)
        self.ready(1)
        self.successResultOf(reloading)
        self.assertEqual(self.generations(), [2])
        self.assertEqual(len(self.crashes()), 1)

    def test_bothCrash(self) -> None:
        """
        The old one's program comes back.
        """
        self.spawnReady()
        reloading = self.supervisor.reload()
        self.process(0).exits(None, 9)
        self.process(1).exits(1)
        self.failureResultOf(reloading, ReloadFailed)
        self.reactor.advance(0.2)
        self.assertEqual(len(self.reactor.processes), 3)
        self.ready(2)
        self.assertEqual(self.generations(), [1])

    def test_inBackoff(self) -> None:
        """
        A slot that waits for its respawn moves at once.
        """
        self.spawnReady()
        self.process().exits(1)
        reloading = self.supervisor.reload()
        self.reactor.advance(30)
        self.assertEqual(len(self.reactor.processes), 2)
        self.reactor.advance(0)
        self.ready(1)
        self.successResultOf(reloading)
        self.assertEqual(self.generations(), [2])

    def test_oneAfterTheOther(self) -> None:
        """
        A reload that is asked for while one runs follows it, once for all.
        """
        self.spawnReady()
        first = self.supervisor.reload()
        second, third = self.supervisor.reload(), self.supervisor.reload()
        self.ready(1)
        self.successResultOf(first)
        self.assertEqual(len(self.reactor.processes), 3)
        self.assertNoResult(second)
        self.ready(2)
        self.successResultOf(second)
        self.successResultOf(third)
        self.assertEqual(len(self.reactor.processes), 3)
        self.assertEqual(self.generations(), [3])

    def test_stopMeanwhile(self) -> None:
        """
        Both leave; nothing is left.
        """
        self.spawnReady()
        running = self.supervisor.reload()
        following = self.supervisor.reload()
        stopped = self.supervisor.stop()
        self.failureResultOf(running, Stopped)
        self.failureResultOf(following, Stopped)
        self.leave(0, 0)
        self.assertNoResult(stopped)
        self.process(1).exits(None, signal.SIGTERM)
        self.successResultOf(stopped)
        self.failureResultOf(self.supervisor.reload(), Stopped)
        self.assertEqual(self.reactor.reading, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_newProgram(self) -> None:
        """
        The new generation runs what is to be run from now on, after a crash too.
        """
        self.spawnReady()
        self.supervisor.reload(self.renew)
        self.ready(1)
        self.process(1).exits(1)
        self.reactor.advance(0)
        self.assertIn("c:d", self.process(2).environment[SPEC_VARIABLE])


class ScaleTests(SupervisionTestCase):
    """
    Children that do what the test says.
    """

    def test_up(self) -> None:
        """
        Those that are missing are started.
        """
        self.spawnReady(2)
        scaling = self.supervisor.scale(4)
        self.notify(self.process(2), b"READY=1")
        self.assertNoResult(scaling)
        self.notify(self.process(3), b"READY=1")
        self.successResultOf(scaling)
        self.assertEqual([child.slot for child in self.supervisor.children()], [0, 1, 2, 3])
        self.assertIn(Scaled(2, 4), self.observer.events)

    def test_down(self) -> None:
        """
        The last ones finish what they have, and go.
        """
        self.spawnReady(3)
        scaling = self.supervisor.scale(1)
        self.assertEqual(sorted(self.traffic.draining), [1, 2])
        for slot in (1, 2):
            self.traffic.draining[slot].callback(None)
            self.process(slot).exits(None, signal.SIGTERM)
        self.successResultOf(scaling)
        self.assertEqual([child.slot for child in self.supervisor.children()], [0])
        self.assertEqual(self.crashes(), [])

    def test_placesAreFilledAgain(self) -> None:
        """
        A new child takes the lowest free place.
        """
        self.spawnReady(3)
        self.supervisor.scale(2)
        self.traffic.draining[2].callback(None)
        self.process(2).exits(None, signal.SIGTERM)
        self.supervisor.scale(3)
        self.assertEqual([child.slot for child in self.supervisor.children()], [0, 1, 2])

    def test_severalPrograms(self) -> None:
        """
        Which one is meant can't be known.
        """
        self.spawnReady()
        self.supervisor.spawn(ApplicationProgram("c:d"), 1)
        error = self.assertRaises(ConfigError, self.supervisor.scale, 3)
        self.assertEqual(str(error), "scale: 2 programs were spawned, not one")
