"""
A moving average that believes bad news at once and good news slowly.

Rule: a sample above what the last one left becomes the average; one below pulls that
down by 1 - e**(-t/T), t being the time since the last sample; without samples the average
fades towards 0 in the same way.
Source: Finagle's Peak EWMA load metric (PeakEwma.scala).
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from time import monotonic

# Seconds: after so long, a peak weighs 1/e.
_DECAY = 10.0


class PeakAverage:
    """
    The peak-sensitive average of one series of samples.
    """

    __slots__ = ("_clock", "_sampledAt", "_value")

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """
        @param clock: seconds.
        """
        self._clock = clock
        self._value: float | None = None
        self._sampledAt = 0.0

    def add(self, sample: float) -> None:
        """
        Take a sample.

        @param sample: in seconds.
        """
        now = self._clock()
        if self._value is None or sample >= self._value:
            self._value = sample
        else:
            kept = exp((self._sampledAt - now) / _DECAY)
            self._value = self._value * kept + sample * (1.0 - kept)
        self._sampledAt = now

    def value(self) -> float | None:
        """
        @return: the average as of now, in seconds; L{None} before the first sample.
        """
        if self._value is None:
            return None
        return self._value * exp((self._sampledAt - self._clock()) / _DECAY)
