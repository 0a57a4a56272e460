"""
The pool: its invariants over any sequence of changes.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend, BackendKind, BackendState
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.pool import AlreadyInPool, Pool
from twisted_multiserver.testing import MadeExchange


def child(address: str = "unix:a", slot: int | None = None) -> Backend:
    return Backend(address, BackendKind.child, slot=slot)


def finish(
    pool: Pool, backend: Backend, exchange: MadeExchange, outcome: Outcome, now: float = 100.0
) -> None:
    """
    An exchange ends, and the pool is told as it must be.
    """
    backend.finish(exchange, outcome, now)
    if backend.state is not BackendState.admitted:
        pool.exchangeEnded(backend)


class Observer:
    """
    Notes what it is told, and what could be chosen at that moment.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.told: list[tuple[str, str]] = []
        self.shown: set[Backend] = set()
        self.changes = 0

    def backendAdmitted(self, backend: Backend) -> None:
        assert backend not in self.pool.admissible, "it could be chosen before it was announced"
        self.told.append(("admitted", backend.address))
        self.shown.add(backend)

    def backendRemoved(self, backend: Backend) -> None:
        assert backend not in self.pool.admissible, "it can be chosen though it was removed"
        self.told.append(("removed", backend.address))
        self.shown.remove(backend)

    def backendGone(self, backend: Backend) -> None:
        self.told.append(("gone", backend.address))

    def poolChanged(self) -> None:
        self.changes += 1


class PoolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 100.0
        self.pool = Pool(lambda: self.now)
        self.observer = Observer(self.pool)
        self.pool.observe(self.observer)
        self.drained: list[str] = []

    def drain(self, backend: Backend, name: str) -> None:
        self.pool.drain(backend, lambda: self.drained.append(name))

    def test_sameTuple(self) -> None:
        """
        What doesn't change the set leaves the tuple as it is.
        """
        backend = child(slot=0)
        self.pool.admit(backend)
        before = self.pool.admissible
        self.assertEqual(before, (backend,))
        exchange = MadeExchange()
        backend.begin(exchange)
        self.pool.expect(1)
        self.pool.unexpect(1)
        finish(self.pool, backend, exchange, Outcome.ok)
        self.assertIs(self.pool.admissible, before)
        self.pool.admit(child("unix:b"))
        self.assertEqual(len(before), 1)
        self.assertEqual(len(self.pool.admissible), 2)

    def test_oneForAnAddress(self) -> None:
        backend = child()
        self.pool.admit(backend)
        self.assertRaises(AlreadyInPool, self.pool.admit, child())
        self.assertIs(self.pool.find("unix:a"), backend)
        self.assertEqual(self.observer.told, [("admitted", "unix:a")])
        self.pool.remove(backend)
        self.assertIsNone(self.pool.find("unix:a"))
        self.pool.admit(child())

    def test_expected(self) -> None:
        """
        A slot is expected until its child is admitted, or nothing will come of it.
        """
        self.assertFalse(self.pool.isExpecting)
        self.pool.expect(0)
        self.pool.expect(0)
        self.pool.expect(1)
        self.pool.admit(child(slot=0))
        self.assertTrue(self.pool.isExpecting)
        changes = self.observer.changes
        self.pool.unexpect(1)
        self.assertFalse(self.pool.isExpecting)
        self.assertGreater(self.observer.changes, changes)

    def test_drained(self) -> None:
        """
        Told when the last exchange has finished; not chosen meanwhile, but there.
        """
        backend, first, second = child(), MadeExchange(), MadeExchange()
        self.pool.admit(backend)
        backend.begin(first)
        backend.begin(second)
        self.drain(backend, "a")
        self.drain(backend, "b")
        self.assertEqual((self.pool.admissible, self.pool.backends()), ((), (backend,)))
        self.assertEqual(self.observer.told[-1], ("removed", "unix:a"))
        finish(self.pool, backend, first, Outcome.ok)
        self.assertEqual(self.drained, [])
        finish(self.pool, backend, second, Outcome.cut)
        self.assertEqual(self.drained, ["a", "b"])
        self.pool.remove(backend)
        self.assertEqual(self.drained, ["a", "b"])
        self.assertEqual(
            self.observer.told, [("admitted", "unix:a"), ("removed", "unix:a"), ("gone", "unix:a")]
        )

    def test_drainedAtOnce(self) -> None:
        backend = child()
        self.pool.admit(backend)
        self.drain(backend, "idle")
        self.pool.remove(backend)
        self.drain(backend, "gone")
        self.assertEqual(self.drained, ["idle", "gone"])

    def test_drainedByDeath(self) -> None:
        backend, exchange = child(), MadeExchange()
        self.pool.admit(backend)
        backend.begin(exchange)
        self.drain(backend, "a")
        self.pool.remove(backend)
        self.assertEqual(self.drained, ["a"])
        finish(self.pool, backend, exchange, Outcome.cut)
        self.assertEqual(self.drained, ["a"])

    def test_successorAtTheSameAddress(self) -> None:
        """
        The last exchange of one backend says nothing of the next at its address.
        """
        old, new, oldExchange, newExchange = child(), child(), MadeExchange(), MadeExchange()
        self.pool.admit(old)
        old.begin(oldExchange)
        self.pool.remove(old)
        self.pool.admit(new)
        new.begin(newExchange)
        self.drain(new, "new")
        finish(self.pool, old, oldExchange, Outcome.cut)
        self.assertEqual(self.drained, [])
        self.pool.remove(old)
        self.assertIs(self.pool.find("unix:a"), new)
        self.assertEqual(self.drained, [])
        finish(self.pool, new, newExchange, Outcome.ok)
        self.assertEqual(self.drained, ["new"])

    def test_atDeath(self) -> None:
        """
        A crash is told what was in flight, and what failed just before it.
        """
        backend = child()
        self.pool.admit(backend)
        exchanges = [MadeExchange(f"GET /{number}") for number in range(4)]
        for exchange in exchanges:
            backend.begin(exchange)
        finish(self.pool, backend, exchanges[0], Outcome.cut, self.now)
        self.now += 1.5
        finish(self.pool, backend, exchanges[1], Outcome.eofBeforeHead, self.now)
        finish(self.pool, backend, exchanges[2], Outcome.clientGone, self.now)
        self.now += 0.5
        lost = [each.description for each in self.pool.remove(backend)]
        self.assertEqual(lost, ["GET /1", "GET /3"])


class PoolMachine(RuleBasedStateMachine):
    """
    Anything that may happen, in any order, against a model of what must be.
    """

    inThePool: Bundle[Backend] = Bundle("inThePool")
    leftWithExchanges: Bundle[Backend] = Bundle("leftWithExchanges")

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool(lambda: 0.0)
        self.observer = Observer(self.pool)
        self.pool.observe(self.observer)
        self.admitted: list[Backend] = []
        self.present: list[Backend] = []
        self.open: dict[Backend, list[MadeExchange]] = {}
        self.expected: set[int] = set()
        self.waiting: list[tuple[Backend, list[int]]] = []
        self.tuple = self.pool.admissible

    @rule(target=inThePool, address=st.sampled_from("abcd"), slot=st.none() | st.integers(0, 2))
    def admit(self, address: str, slot: int | None) -> Backend | MultipleResults[Backend]:
        backend = Backend(address, BackendKind.child, slot=slot)
        if any(other.address == address for other in self.present):
            try:
                self.pool.admit(backend)
            except AlreadyInPool:
                return multiple()
            raise AssertionError("two backends at one address")
        self.pool.admit(backend)
        self.admitted.append(backend)
        self.present.append(backend)
        self.open[backend] = []
        self.expected.discard(-1 if slot is None else slot)
        return backend

    @rule(backend=inThePool)
    def begin(self, backend: Backend) -> None:
        exchange = MadeExchange()
        backend.begin(exchange)
        self.open[backend].append(exchange)

    @rule(backend=leftWithExchanges)
    def removeAgain(self, backend: Backend) -> None:
        told = list(self.observer.told)
        self.pool.remove(backend)
        assert self.observer.told == told

    @rule(backend=inThePool | leftWithExchanges, outcome=st.sampled_from(Outcome))
    def finish(self, backend: Backend, outcome: Outcome) -> None:
        if self.open[backend]:
            finish(self.pool, backend, self.open[backend].pop(), outcome)

    @rule(backend=inThePool)
    def drain(self, backend: Backend) -> None:
        told: list[int] = []
        self.waiting.append((backend, told))

        def drained() -> None:
            assert not backend.inFlight or backend.state is BackendState.removed, "too early"
            told.append(1)

        self.pool.drain(backend, drained)
        if backend in self.admitted:
            self.admitted.remove(backend)

    @rule(target=leftWithExchanges, backend=consumes(inThePool))
    def remove(self, backend: Backend) -> Backend:
        lost = self.pool.remove(backend)
        assert len(lost) >= len(self.open[backend])
        self.present.remove(backend)
        if backend in self.admitted:
            self.admitted.remove(backend)
        return backend

    @rule(slot=st.integers(0, 2))
    def expect(self, slot: int) -> None:
        self.pool.expect(slot)
        self.expected.add(slot)

    @precondition(lambda self: self.expected)
    @rule(slot=st.integers(0, 2))
    def unexpect(self, slot: int) -> None:
        self.pool.unexpect(slot)
        self.expected.discard(slot)

    @invariant()
    def setIsRight(self) -> None:
        assert self.pool.admissible == tuple(self.admitted)
        assert self.pool.backends() == tuple(self.present)
        assert self.observer.shown == set(self.admitted)
        assert self.pool.isExpecting == bool(self.expected)

    @invariant()
    def tupleIsStable(self) -> None:
        if self.tuple == self.pool.admissible:
            assert self.tuple is self.pool.admissible
        self.tuple = self.pool.admissible

    @invariant()
    def countsAreRight(self) -> None:
        for backend, exchanges in self.open.items():
            assert backend.inFlight == len(exchanges) == len(backend.openExchanges())
            ended = sum(backend.statistics.outcomes.values())
            assert backend.statistics.requests == ended + backend.inFlight

    @invariant()
    def drainedIsToldOnce(self) -> None:
        for backend, told in self.waiting:
            isDone = not self.open[backend] or backend.state is BackendState.removed
            # Once told, further exchanges can't take it back.
            assert len(told) == 1 if isDone else len(told) <= 1
        self.waiting = [entry for entry in self.waiting if not entry[1]]


class PoolMachineTests(SynchronousTestCase):
    def test_anySequence(self) -> None:
        """
        See L{PoolMachine}.
        """
        run_state_machine_as_test(
            PoolMachine, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
        )
