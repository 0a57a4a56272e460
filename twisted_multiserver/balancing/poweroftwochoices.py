"""
Power of two choices: the less busy of two.

Rule: two different backends are drawn at random; the one with fewer exchanges in
flight, relative to its weight, is taken.
Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing"
(IEEE TPDS 12, 2001); as in Envoy and HAProxy's random(2).

It costs the same for ten backends and for a thousand, and several masters that share
backends don't herd.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from twisted_multiserver.balancing.backend import Backend
from twisted_multiserver.balancing.base import BasePolicy
from twisted_multiserver.balancing.request import RequestInfo


def drawTwo(
    backends: Sequence[Backend], draw: Callable[[], float]
) -> tuple[Backend, Backend] | None:
    """
    Draw two different backends.

    @param backends: at least one.
    @param draw: gives a number from 0 to below 1.
    @return: two of them, either first as likely as the other; L{None} if there is
        only one.
    """
    count = len(backends)
    if count == 1:
        return None
    first = int(draw() * count)
    second = int(draw() * (count - 1))
    if second >= first:
        second += 1
    return backends[first], backends[second]


class PowerOfTwoChoices(BasePolicy):
    """
    Takes the less busy of two backends.
    """

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        """
        @param draw: gives a number from 0 to below 1.
        """
        self._draw = draw

    def choose(self, request: RequestInfo, backends: Sequence[Backend]) -> Backend:
        """
        See L{twisted_multiserver.interfaces.ILoadBalancer.choose}.
        """
        drawn = drawTwo(backends, self._draw)
        if drawn is None:
            return backends[0]
        first, second = drawn
        if second.inFlight * first.weight < first.inFlight * second.weight:
            return second
        return first
