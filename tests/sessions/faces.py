"""
What the tests of ASGI and WSGI applications share: a store in memory that tells when it is
asked, and a browser's view of responses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_multiserver.testing import MemorySynchronizer

Field = tuple[bytes, bytes]


class Memory(MemorySynchronizer):
    """
    A store in memory.

    @ivar whenCalled: called with the name of each operation.
    """

    def __init__(self) -> None:
        super().__init__(time.time)
        self.whenCalled: Callable[[str], None] = lambda name: None

    @property
    def records(self) -> dict[bytes, Any]:
        """
        What it has, by keys.
        """
        return self.memory.records

    def _do(self, name: str, call: Callable[[], Any]) -> Deferred[Any]:
        self.whenCalled(name)
        return super()._do(name, call)


def cookieOf(fields: Iterable[Field]) -> bytes | None:
    """
    @param fields: of a response.
    @return: what the browser sends from now on; empty if it forgot what it had, and L{None}
        if it was told nothing of our cookie.
    """
    for name, value in fields:
        if name.lower() == b"set-cookie" and value.startswith((b"__Host-sid=", b"sid=")):
            pair = value.split(b";")[0]
            return b"" if pair.endswith(b"=") else pair
    return None
