"""
The session of the request that is being answered, for frameworks that don't pass on what came
with it.

Invariant: a request without a session hides that of whoever runs it: servers begin a request
where another one ends, in its context.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from twisted_multiserver.sessions.settling import RequestSession

# L{None} in a request that has no session; not set outside of requests.
CURRENT: Final[ContextVar[RequestSession | None]] = ContextVar("twisted_multiserver session")
