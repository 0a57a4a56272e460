"""
What a policy chooses is checked, and each choice has one end, whatever happens.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.doubles import OK, First, Stage
from twisted_multiserver.balancing.affinity import Affinity
from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.outcomes import Outcome
from twisted_multiserver.balancing.request import RequestInfo
from twisted_multiserver.http1.grammar import findFields
from twisted_multiserver.http1.heads import fieldValues
from twisted_multiserver.testing import makeBackend


class BadChoiceTests(SynchronousTestCase):
    """
    A backend that wasn't shown is no choice: 500, logged, and nothing is in flight.
    """

    def refused(self, stage: Stage, choice: object) -> None:
        later: Deferred[object] = Deferred()
        for answer in (choice, later):
            told = list(stage.policy.told)
            stage.policy.choices = [answer]
            _, client = stage.begin()
            if answer is later:
                later.callback(choice)
            self.assertEqual(client.heard, [("answer", 500)])
            self.assertEqual(len(self.flushLoggedErrors()), 1)
            self.assertEqual(stage.policy.told, told)
            for backend in stage.distribution.pool.backends():
                self.assertEqual(backend.inFlight, 0)
        self.assertEqual(stage.distribution.open, 0)

    def test_stranger(self) -> None:
        """
        One that never was in the pool.
        """
        stage = Stage()
        stage.add("a")
        self.refused(stage, makeBackend("stranger"))
        self.refused(stage, Affinity(makeBackend("stranger"), b"x"))

    def test_removed(self) -> None:
        """
        One that left before the policy was asked.
        """
        stage = Stage()
        stage.add("a")
        backend = stage.add("b")
        stage.distribution.pool.remove(backend)
        self.refused(stage, backend)

    def test_tried(self) -> None:
        """
        One that failed this request.
        """
        stage = Stage()
        backend = stage.add("a")
        stage.add("b")
        stage.policy.choices = [backend, backend]
        _, client = stage.begin()
        stage.stream("a").ends(clean=True)
        self.assertEqual(client.heard, [("answer", 500)])
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertEqual(stage.policy.told[-1], ("eofBeforeHead", "a"))

    def test_failsInEveryWay(self) -> None:
        """
        A policy that fails in what it is told harms nobody.
        """

        class Failing(First):
            def backendAdmitted(self, backend: Backend) -> None:
                raise RuntimeError("admitted")

            def backendRemoved(self, backend: Backend) -> None:
                raise RuntimeError("removed")

            def exchangeFinished(
                self, backend: Backend, request: RequestInfo, outcome: Outcome
            ) -> None:
                raise RuntimeError("finished")

        stage = Stage()
        stage.distribution.policy = Failing()
        backend = stage.add("a")
        _, client = stage.begin()
        stage.stream("a").receives(OK)
        self.assertEqual(client.heard[-1], "end")
        stage.distribution.pool.remove(backend)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 3)
        self.assertEqual(backend.inFlight, 0)


class AffinityTests(SynchronousTestCase):
    """
    The cookie is sent with the response of the backend that it names.
    """

    def cookies(self, stage: Stage, address: str, begun: object = None) -> list[bytes]:
        _, client = stage.begin()
        if begun == "fails":
            stage.stream("a").ends(clean=True)
        stage.stream(address).receives(OK)
        return fieldValues(tuple(findFields(client.lines)), b"set-cookie")

    def test_cookie(self) -> None:
        stage = Stage()
        backend = stage.add("a")
        stage.policy.choices = [Affinity(backend, b"stay=a; HttpOnly")]
        self.assertEqual(self.cookies(stage, "a"), [b"stay=a; HttpOnly"])
        self.assertEqual(self.cookies(stage, "a"), [])

    def test_laterChoice(self) -> None:
        """
        A retry elsewhere has its own cookie, or none.
        """
        for second, cookies in ((None, []), (b"stay=b", [b"stay=b"])):
            stage = Stage()
            first, other = stage.add("a"), stage.add("b")
            stage.policy.choices = [
                Affinity(first, b"stay=a"),
                other if second is None else Affinity(other, second),
            ]
            self.assertEqual(self.cookies(stage, "b", "fails"), cookies)


_HAPPENINGS = [
    "begin",
    "begin",
    "answer",
    "part",
    "end",
    "choose",
    "leave",
    "remove",
    "refuse",
    "wait",
    "pause",
]


class OneEndTests(SynchronousTestCase):
    """
    Whatever happens, in whatever order.
    """

    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_exactlyOne(self, data: st.DataObject) -> None:
        """
        For every backend that the policy gave back there is one C{exchangeFinished};
        in the end nothing is in flight, nothing is open, and each client heard one
        end at most.
        """
        draw = data.draw
        stage = Stage(queue=2.0, firstByte=3.0, stall=3.0)
        chosen: Counter[str] = Counter()
        pending: list[tuple[Deferred[object], tuple[Backend, ...]]] = []

        class Policy(First):
            def choose(self, request: RequestInfo, backends: tuple[Backend, ...]) -> object:
                kind = draw(st.sampled_from(["now", "now", "later", "none", "raise"]))
                if kind == "raise":
                    raise RuntimeError("policy")
                if kind == "none":
                    return None
                if kind == "later":
                    later: Deferred[object] = Deferred()
                    pending.append((later, backends))
                    return later
                backend = draw(st.sampled_from(backends))
                chosen[backend.name] += 1
                return backend

        policy = stage.policy = Policy()
        stage.distribution.policy = policy
        backends = [
            stage.add(f"b{number}", kind)
            for number, kind in enumerate(
                draw(st.lists(st.sampled_from(BackendKind), min_size=1, max_size=3))
            )
        ]
        begun = []
        for _ in range(draw(st.integers(1, 25))):
            streams = [
                stream
                for dialer in stage.dialers.values()
                for stream in dialer.streams
                if stream.state == "open"
            ]
            match draw(st.sampled_from(_HAPPENINGS)):
                case "begin":
                    begun.append(stage.begin(draw(st.sampled_from([b"GET", b"POST"]))))
                case "answer" if streams:
                    draw(st.sampled_from(streams)).receives(OK)
                case "part" if streams:
                    draw(st.sampled_from(streams)).receives(OK[:-1])
                case "end" if streams:
                    draw(st.sampled_from(streams)).ends(draw(st.booleans()))
                case "choose" if pending:
                    later, shown = pending.pop()
                    if not later.called:
                        backend = draw(st.sampled_from(shown))
                        chosen[backend.name] += 1
                        if backend in backends and draw(st.booleans()):
                            backends.remove(backend)
                            stage.distribution.pool.remove(backend)
                        later.callback(backend)
                case "leave" if begun:
                    draw(st.sampled_from(begun))[0].clientGone()
                case "pause" if begun:
                    draw(st.sampled_from(begun))[0].pause()
                case "remove" if backends:
                    stage.distribution.pool.remove(backends.pop())
                case "refuse":
                    dialer = draw(st.sampled_from(sorted(stage.dialers)))
                    refusals = [None, Outcome.busy, Outcome.connectRefused]
                    stage.dialers[dialer].refusal = draw(st.sampled_from(refusals))
                case "wait":
                    stage.clock.pump([0.25] * draw(st.integers(0, 6)))
                case _:
                    pass
        for exchange, _ in begun:
            exchange.clientGone()
        self.flushLoggedErrors(RuntimeError)
        finished = Counter(
            address for name, address in policy.told if name not in ("admitted", "removed")
        )
        self.assertEqual(finished, chosen)
        for backend in stage.distribution.pool.backends():
            self.assertEqual((backend.inFlight, backend.openExchanges()), (0, ()))
        self.assertEqual(stage.distribution.open, 0)
        for _, client in begun:
            ends = [
                heard
                for heard in client.heard
                if heard in ("end", "cut") or isinstance(heard, tuple)
            ]
            self.assertLessEqual(len(ends), 1)
            self.assertLessEqual(client.heard.count(200), 1)
