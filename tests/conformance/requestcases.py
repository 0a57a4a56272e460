"""
Requests a strict HTTP/1.1 proxy or origin server is asked with, and what must come of
each: all of them, in groups.

Written from RFC 9112 (messages), RFC 9110 (fields, forwarding) and RFC 3986 (targets).
Where these leave a choice, either every choice is allowed (several outcomes), or the
strict one is asked for: a message that two readers may read differently is refused.

Invariant: group and name identify a case.
"""

from __future__ import annotations

from tests.conformance import (
    chunkcases,
    connectioncases,
    fieldcases,
    forwardingcases,
    framingcases,
    linecases,
)
from tests.conformance.cases import Case

_TOPICS = (linecases, fieldcases, framingcases, chunkcases, forwardingcases, connectioncases)

CASES: dict[str, tuple[Case, ...]] = {
    name: tuple(make()) for topic in _TOPICS for name, make in topic.GROUPS.items()
}
