"""
What the clients saw, counted: each row of the table.

What is allowed, and nothing else, and only if a child died meanwhile: a POST that was answered
502, and a streamed response that was cut because it had begun.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from chaos.clients import Asked, Got
from chaos.pages import VISIT, pageAt

# Seconds between a death and the answers that it causes, on a loaded machine.
_LATER = 1.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    A request and what came of it.
    """

    asked: Asked
    got: Got

    @property
    def verdict(self) -> str:
        """
        C{"ok"}; C{"cut"} if a response was cut that had begun to be streamed; else what was
        wrong, for people.
        """
        asked, got = self.asked, self.got
        page = pageAt(asked.path)
        if got.end == "cut" and got.status:
            isStreamed = page is not None and page.isStreamed and asked.method == "GET"
            return "cut" if isStreamed and got.status == 200 else "ended within a response"
        if got.end == "cut":
            return "closed without a response"
        if got.end != "whole":
            return f"{got.end}"
        if got.status != 200:
            return f"status {got.status}"
        if asked.method == "POST":
            return "ok" if got.body == b"%s %d\n" % _told(asked) else "wrong body"
        if asked.path == VISIT:
            return "ok" if got.body.startswith(asked.identity.encode()) else "wrong body"
        return "ok" if page is not None and got.body == page.body(asked.identity) else "wrong body"

    @property
    def wait(self) -> float:
        """
        From its sending until its end, in seconds.
        """
        return self.got.ended - self.got.began


def _told(asked: Asked) -> tuple[bytes, int]:
    return asked.identity.encode(), len(asked.body)


def _isExplained(exchange: Exchange, deaths: Sequence[float]) -> bool:
    got = exchange.got
    return any(got.began <= death <= got.ended + _LATER for death in deaths)


@dataclass(slots=True)
class Row:
    """
    A row of the table.

    @ivar name: what was done.
    @ivar kind: to whom.
    @ivar requests: of the clients.
    @ivar getsFailed: of these, GETs that had no right answer.
    @ivar twice: POSTs that were executed more than once.
    @ivar postsFailed: POSTs that had no right answer.
    @ivar notExecuted: of these, those that no child has begun to execute.
    @ivar unexplained: of these, those that no death of a child explains, and POSTs that were
        answered and not executed.
    @ivar cut: GETs whose response had begun to be streamed, and was cut as a child died.
    @ivar quarantined: requests that were refused as dangerous, and weren't.
    @ivar longest: the longest wait, in seconds.
    @ivar orphans: processes that were left.
    @ivar lost: child-seconds without a child that should have been ready; L{None}: not known.
    @ivar faults: what was done, how often.
    @ivar load: of the machine, by all of it: from 0 to 1.
    @ivar reasons: of all failures, for people.
    @ivar longestAllowed: see L{longest}; L{None} if no cell of this row is bound.
    """

    name: str
    kind: str
    requests: int = 0
    getsFailed: int = 0
    twice: int = 0
    postsFailed: int = 0
    notExecuted: int = 0
    unexplained: int = 0
    cut: int = 0
    quarantined: int = 0
    longest: float = 0.0
    orphans: int = 0
    lost: float | None = None
    faults: int = 0
    load: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    longestAllowed: float | None = None

    def count(
        self,
        exchanges: Sequence[Exchange],
        executed: Mapping[str, Sequence[int]],
        deaths: Sequence[float],
    ) -> None:
        """
        Count what was seen.

        @param exchanges: all.
        @param executed: see L{chaos.record.executed}.
        @param deaths: when children died, in seconds of C{time.monotonic}.
        """
        for exchange in exchanges:
            verdict, asked = exchange.verdict, exchange.asked
            self.requests += 1
            self.longest = max(self.longest, exchange.wait)
            if verdict != "ok":
                self.reasons[f"{asked.method}: {verdict}"] += 1
            if asked.method == "POST":
                self._countPost(exchange, verdict, len(executed.get(asked.identity, ())), deaths)
            elif verdict == "cut" and _isExplained(exchange, deaths):
                self.cut += 1
            elif verdict != "ok":
                self.getsFailed += 1

    def _countPost(
        self, exchange: Exchange, verdict: str, executions: int, deaths: Sequence[float]
    ) -> None:
        self.twice += executions > 1
        if verdict == "ok":
            self.unexplained += executions == 0
            return
        self.postsFailed += 1
        self.notExecuted += executions == 0
        if exchange.got.status != 502 or not _isExplained(exchange, deaths):
            self.unexplained += 1

    def facts(self) -> dict[str, object]:
        """
        @return: it, for JSON.
        """
        facts = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**facts, "reasons": dict(self.reasons), "unmet": self.unmet()}

    def unmet(self) -> list[str]:
        """
        @return: the cells that aren't what they must be, for people.
        """
        if self.longestAllowed is None:
            return []
        cells = {
            "GETs failed": self.getsFailed,
            "POSTs executed twice": self.twice,
            "POSTs failed without a reason": self.unexplained,
            "innocents quarantined": self.quarantined,
            "orphans": self.orphans,
        }
        wrong = [f"{name} {value}, not 0" for name, value in cells.items() if value]
        if self.longest > self.longestAllowed:
            wrong.append(f"longest wait {self.longest:.2f} s, not {self.longestAllowed:.2f} s")
        return [f"{self.kind}, {self.name}: {each}" for each in wrong]
