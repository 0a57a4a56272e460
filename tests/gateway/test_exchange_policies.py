"""
Exchanges on doubles: what policies may do, and what they hear of it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, Stage
from twisted_multiserver.balancing.affinity import Affinity


class PolicyTests(SynchronousTestCase):
    """
    Policies that are slow, shy or wrong.
    """

    def test_deferred(self) -> None:
        """
        It may take its time.
        """
        stage = Stage()
        backend = stage.add("a")
        later: Deferred[object] = Deferred()
        stage.policy.choices = [later]
        _, client = stage.begin()
        self.assertEqual(stage.dialers["a"].streams, [])
        later.callback(backend)
        stage.stream("a").receives(OK)
        self.assertEqual(client.heard[-1], "end")

    def test_deferredForEver(self) -> None:
        """
        A choice that doesn't come has the queue budget; one that comes later is told.
        """
        stage = Stage(queue=5)
        backend = stage.add("a")
        late: Deferred[object] = Deferred(lambda _: late.callback(backend))
        stage.policy.choices = [late]
        _, client = stage.begin()
        stage.clock.pump([1] * 4)
        self.assertEqual(client.heard, [])
        stage.clock.pump([1] * 2)
        self.assertEqual(client.heard, [("answer", 503)])
        self.assertEqual(stage.policy.told, [("admitted", "a"), ("clientGone", "a")])
        self.assertEqual((backend.inFlight, stage.dialers["a"].streams), (0, []))
        stage.clock.pump([1])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_choiceThatHasGone(self) -> None:
        """
        The choice is finished as withdrawn, and another is asked for.
        """
        stage = Stage()
        backend = stage.add("a")
        stage.add("b")
        later: Deferred[object] = Deferred()
        stage.policy.choices = [later]
        _, client = stage.begin()
        stage.distribution.pool.remove(backend)
        later.callback(backend)
        stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")
        self.assertEqual(stage.policy.told[-2:], [("withdrawn", "a"), ("ok", "b")])

    def test_noneSuits(self) -> None:
        """
        The request waits until something changes.
        """
        stage = Stage()
        backend = stage.add("a")
        _, first = stage.begin()
        stage.policy.choices = [None]
        _, second = stage.begin()
        self.assertEqual(backend.inFlight, 1)
        stage.stream("a").receives(OK)
        stage.clock.advance(0)
        stage.stream("a").receives(OK)
        self.assertEqual((first.heard[-1], second.heard[-1]), ("end", "end"))

    def test_affinity(self) -> None:
        """
        The backend that it names is taken.
        """
        stage = Stage()
        stage.add("a")
        stage.policy.choices = [Affinity(stage.add("b"), b"sticky=1")]
        _, client = stage.begin()
        stage.stream("b").receives(OK)
        self.assertEqual(client.heard[-1], "end")

    def test_wrong(self) -> None:
        """
        An exception, garbage, or a failed Deferred: 500, logged, and only this once.
        """
        failed: Deferred[object] = Deferred()
        failed.errback(RuntimeError("policy"))
        for choice in (RuntimeError("policy"), "garbage", failed):
            stage = Stage()
            stage.add("a")
            stage.policy.choices = [choice]
            _, client = stage.begin()
            self.assertEqual(client.heard, [("answer", 500)])
            self.assertEqual(len(self.flushLoggedErrors()), 1)
            _, client = stage.begin()
            stage.stream("a").receives(OK)
            self.assertEqual(client.heard[-1], "end")

    def test_triedOnesAreLeftOut(self) -> None:
        """
        Whatever failed this request isn't shown again; the tuple stays the same
        otherwise.
        """
        stage = Stage()
        for address in "abc":
            stage.add(address)
        stage.begin()
        stage.begin()
        self.assertIs(stage.policy.asked[0], stage.policy.asked[1])
        stage.dialers["a"].streams[0].ends(clean=True)
        self.assertEqual([backend.name for backend in stage.policy.asked[2]], ["b", "c"])
