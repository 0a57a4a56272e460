"""
Weighted round robin: shares, how they are spread, and what changes of the set do.

The bounds are those of the rule's arithmetic.  A credit is what a backend is owed, in
parts of a choice; all credits together are nothing, and who is chosen has the most and
pays one.  So nobody is ever ahead of its share by a whole choice; and since what the k
most in credit have, on the average, grows by at most 1/(k+1) over what the k+1 most have,
nobody of N is behind by more than 1/2 + 1/3 + ... + 1/N.
"""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.weightedroundrobin import WeightedRoundRobin
from twisted_multiserver.testing import makeBackend, makeRequest

REQUEST = makeRequest()
WEIGHTS = st.lists(st.integers(1, 30), min_size=1, max_size=8)
SEVERAL_WEIGHTS = st.lists(st.integers(1, 30), min_size=2, max_size=8)


def weighted(weights: list[int]) -> tuple[Backend, ...]:
    return tuple(
        makeBackend(f"child {number}", weight=weight) for number, weight in enumerate(weights)
    )


def play(policy: WeightedRoundRobin, shown: tuple[Backend, ...], choices: int) -> list[Backend]:
    return [policy.choose(REQUEST, shown) for _ in range(choices)]


def furthestBehind(count: int) -> Fraction:
    """
    @return: the most choices that one of so many can be behind its share.
    """
    return sum((Fraction(1, place) for place in range(2, count + 1)), Fraction(0))


def deviations(
    chosen: list[Backend], shown: tuple[Backend, ...]
) -> list[tuple[Fraction, Fraction]]:
    """
    @return: for each backend how far, at any moment, it was behind (negative) and ahead
        of its share, in choices.
    """
    total = sum(backend.weight for backend in shown)
    extremes = []
    for backend in shown:
        count = least = most = 0
        for number, other in enumerate(chosen, 1):
            count += other is backend
            deviation = count * total - number * backend.weight
            least, most = min(least, deviation), max(most, deviation)
        extremes.append((Fraction(least, total), Fraction(most, total)))
    return extremes


class SharesTests(SynchronousTestCase):
    """
    One set, shown all the time.
    """

    def test_smooth(self) -> None:
        """
        The turns of a heavy one are spread between the others', and each turn is like
        the first.
        """
        policy = WeightedRoundRobin()
        shown = (makeBackend("A", weight=5), makeBackend("B"), makeBackend("C"))
        names = "".join(backend.name for backend in play(policy, shown, 14))
        self.assertEqual(names, "AABACAA" * 2)

    def test_equalWeights(self) -> None:
        """
        With equal weights it is round robin.
        """
        shown = weighted([3, 3, 3])
        self.assertEqual(play(WeightedRoundRobin(), shown, 6), [*shown, *shown])

    @settings(deadline=None)
    @given(WEIGHTS, st.integers(0, 40))
    def test_wholeTurn(self, weights: list[int], before: int) -> None:
        """
        Over as many choices as the sum of the weights, wherever they begin, each is
        chosen exactly as often as its weight says.
        """
        policy, shown = WeightedRoundRobin(), weighted(weights)
        play(policy, shown, before)
        counts = Counter(play(policy, shown, sum(weights)))
        self.assertEqual([counts[backend] for backend in shown], weights)

    @settings(deadline=None)
    @given(WEIGHTS)
    def test_anyMoment(self, weights: list[int]) -> None:
        """
        Nobody is ahead of its share by a choice, nor behind by more than can be.
        """
        shown = weighted(weights)
        chosen = play(WeightedRoundRobin(), shown, sum(weights))
        for least, most in deviations(chosen, shown):
            self.assertLess(most, 1)
            self.assertLessEqual(-least, furthestBehind(len(shown)))

    @settings(deadline=None)
    @given(st.integers(1, 30), st.integers(1, 30))
    def test_two(self, first: int, second: int) -> None:
        """
        Of two, neither is ever further than half a choice from its share.
        """
        shown = weighted([first, second])
        chosen = play(WeightedRoundRobin(), shown, first + second)
        for least, most in deviations(chosen, shown):
            self.assertLessEqual(max(-least, most), Fraction(1, 2))


class ChangesTests(SynchronousTestCase):
    """
    Sets that change.
    """

    @settings(deadline=None)
    @given(WEIGHTS, st.integers(1, 30), st.integers(0, 60))
    def test_newcomer(self, weights: list[int], weight: int, before: int) -> None:
        """
        A newcomer neither waits nor floods: it has its share from the first choice on.
        """
        policy, shown = WeightedRoundRobin(), weighted(weights)
        play(policy, shown, before)
        newcomer = makeBackend("newcomer", weight=weight)
        policy.backendAdmitted(newcomer)
        shown = (*shown, newcomer)
        total = sum(weights) + weight
        least, most = deviations(play(policy, shown, total), shown)[-1]
        self.assertLess(most, 1)
        # The credits are whole numbers: centring them leaves a rest.
        self.assertLessEqual(-least, furthestBehind(len(shown)) + Fraction(1, total))

    @settings(deadline=None)
    @given(st.integers(1, 100), st.integers(0, 200))
    def test_newcomerInPlaceOfAHeavyOne(self, weight: int, before: int) -> None:
        """
        What the one who is left was owed beside one that has gone is no advantage over
        a newcomer, and what it had too much is none for the newcomer.
        """
        policy, (heavy, light) = WeightedRoundRobin(), weighted([weight, 1])
        play(policy, (heavy, light), before)
        policy.backendRemoved(heavy)
        shown = (light, makeBackend("newcomer"))
        self.assertEqual(play(policy, shown, 6), [*shown] * 3)

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 5), min_size=2, max_size=8), st.data())
    def test_removed(self, weights: list[int], data: st.DataObject) -> None:
        """
        Who was removed is never chosen, and the others have whole shares after it.
        """
        policy, shown = WeightedRoundRobin(), weighted(weights)
        play(policy, shown, data.draw(st.integers(0, 30)))
        gone = data.draw(st.sampled_from(shown))
        left = tuple(backend for backend in shown if backend is not gone)
        policy.backendRemoved(gone)
        turn = sum(backend.weight for backend in left)
        # What the larger set owed them is paid first.
        chosen = play(policy, left, sum(weights) * len(weights) + turn)
        self.assertNotIn(gone, chosen)
        counts = Counter(chosen[-turn:])
        self.assertEqual([counts[backend] for backend in left], [b.weight for b in left])

    def test_removedIsForgotten(self) -> None:
        """
        One that comes back after its removal comes as a newcomer, with the weight that
        it has then.
        """
        policy, shown = WeightedRoundRobin(), weighted([1, 1])
        play(policy, shown, 1)
        policy.backendRemoved(shown[0])
        shown[0].weight = 3
        counts = Counter(play(policy, (shown[0], shown[1]), 4))
        self.assertEqual([counts[backend] for backend in shown], [3, 1])

    @settings(deadline=None)
    @given(SEVERAL_WEIGHTS, st.data())
    def test_retry(self, weights: list[int], data: st.DataObject) -> None:
        """
        A set shown once, because the backend that was chosen has failed, shifts nobody's
        share by more than a choice.
        """
        policy, shown = WeightedRoundRobin(), weighted(weights)
        chosen = play(policy, shown, data.draw(st.integers(1, 2 * sum(weights))))
        left = tuple(backend for backend in shown if backend is not chosen[-1])
        self.assertIn(policy.choose(REQUEST, left), left)
        chosen += play(policy, shown, 2 * sum(weights))
        for least, most in deviations(chosen, shown):
            self.assertLess(most, 2)
            # One choice for the retry's own, which is none of these, and one for the shift.
            self.assertLess(-least, furthestBehind(len(shown)) + 2)

    def test_heavyOneLeaves(self) -> None:
        """
        What the others were owed beside it is no reason for a run of choices now.
        """
        for weights, before in (([100, 1, 1], 35), ([60, 4, 2], 25), ([10, 1, 1], 5)):
            policy, shown = WeightedRoundRobin(), weighted(weights)
            play(policy, shown, before)
            policy.backendRemoved(shown[0])
            total = sum(weights[1:])
            counts = Counter(play(policy, shown[1:], 2 * total))
            for backend in shown[1:]:
                self.assertLessEqual(abs(counts[backend] - 2 * backend.weight), 1, weights)

    def test_oneAlwaysFails(self) -> None:
        """
        Whoever fails each time is still chosen first as often as its weight says.
        """
        for weights in ([1, 1], [5, 1, 1], [3, 2, 2]):
            policy, shown = WeightedRoundRobin(), weighted(weights)
            firsts = 0
            for _ in range(10 * sum(weights)):
                if policy.choose(REQUEST, shown) is shown[0]:
                    firsts += 1
                    policy.choose(REQUEST, tuple(shown[1:]))
            self.assertLessEqual(abs(firsts - 10 * weights[0]), 1, weights)

    def test_anotherTupleOfTheSame(self) -> None:
        """
        The turn goes on where it was if the same backends come in another tuple.
        """
        policy, shown = WeightedRoundRobin(), weighted([5, 1, 1])
        chosen = [policy.choose(REQUEST, (*shown,)) for _ in range(7)]
        self.assertEqual(chosen, play(WeightedRoundRobin(), shown, 7))
