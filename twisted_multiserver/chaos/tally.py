"""
What the clients saw.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """
    Counts what became of requests.

    @ivar requests: that were sent.
    @ivar statuses: how many responses had which status.
    @ivar failures: how many requests had no whole response, by reason.
    @ivar waits: how long each took, in seconds.
    """

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    def answered(self, status: int, wait: float) -> None:
        """
        @param status: of a whole response.
        @param wait: from the request until the response's end, in seconds.
        """
        self.requests += 1
        self.statuses[status] += 1
        self.waits.append(wait)

    def failed(self, reason: str, wait: float) -> None:
        """
        @param reason: why there was no whole response.
        @param wait: until that was known, in seconds.
        """
        self.requests += 1
        self.failures[reason] += 1
        self.waits.append(wait)

    @property
    def errors(self) -> int:
        """
        How many requests were not answered, or by the server's failure (5xx).
        """
        refused = sum(count for status, count in self.statuses.items() if status >= 500)
        return self.failures.total() + refused

    @property
    def longest(self) -> float:
        """
        The longest wait, in seconds.
        """
        return max(self.waits, default=0.0)

    def percentile(self, share: float) -> float:
        """
        @param share: from 0 to 1.
        @return: so large a share of the waits is at most this, in seconds.
        """
        if not self.waits:
            return 0.0
        waits = sorted(self.waits)
        return waits[min(len(waits) - 1, int(share * len(waits)))]


def table(rows: list[tuple[str, str]]) -> str:
    """
    @param rows: what, and how much.
    @return: lines, in two columns.
    """
    width = max(len(name) for name, _ in rows)
    return "".join(f"  {name:<{width}}  {value}\n" for name, value in rows)


def report(tally: Tally, seconds: float, faults: Counter[str], orphans: int) -> str:
    """
    Say what was seen.

    @param tally: of the clients.
    @param seconds: how long it took.
    @param faults: what was done, how often.
    @param orphans: processes that were left at the end.
    @return: lines for people.
    """
    rows = [
        ("requests", f"{tally.requests} in {seconds:.0f} s"),
        ("failed", str(tally.errors)),
        *((f"  {reason}", str(count)) for reason, count in sorted(tally.failures.items())),
        *(
            (f"  status {status}", str(count))
            for status, count in sorted(tally.statuses.items())
            if status >= 500
        ),
        ("median wait", f"{tally.percentile(0.5) * 1000:.1f} ms"),
        ("99 % waited at most", f"{tally.percentile(0.99) * 1000:.1f} ms"),
        ("longest wait", f"{tally.longest * 1000:.1f} ms"),
        ("faults", ", ".join(f"{name} x {count}" for name, count in faults.items()) or "none"),
        ("orphans", str(orphans)),
    ]
    return f"what the clients saw\n{table(rows)}"
