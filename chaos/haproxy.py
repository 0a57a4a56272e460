"""
HAProxy in front of the same children, on the UNIX sockets that it knows them by; they are kept
alive by hand (L{chaos.byhand}).

It gets what helps: C{option redispatch}, C{retry-on all-retryable-errors}, and a health check
that notices a child that hangs.  There is nobody to end such a child.  A reload is what is done by
hand then: one child after the other is asked to end.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chaos.byhand import ByHand
from chaos.running import CHILDREN, Refused, Server, freePort

PROGRAM = shutil.which("haproxy") or "/usr/sbin/haproxy"
_CONFIG = """
global
    nbthread 1
    maxconn 4000
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 10s
    timeout queue 5s
    timeout check 1s
    option http-keep-alive
    option redispatch
    retries 3
    retry-on all-retryable-errors
    http-reuse safe
frontend f
    bind 127.0.0.1:{port}
    {rule}
    default_backend b
backend b
    balance roundrobin
    option httpchk GET /page/0/10/0
    default-server check inter 500ms fall 2 rise 1
{servers}
"""
# For those who know that a POST isn't to be repeated.
_CAREFUL = "http-request disable-l7-retry if METH_POST"


class HAProxy(Server):
    """
    HAProxy, and what is behind it.
    """

    rule = ""

    def __init__(self, reactor: Any, folder: Path, kind: str) -> None:
        """
        @param reactor: the reactor.
        @param folder: where it runs.
        @param kind: of the application.
        """
        super().__init__(reactor, folder, kind)
        self._behind: list[ByHand] = []

    async def start(self, options: Sequence[str], variables: Mapping[str, str]) -> int:
        """
        See L{Server.start}.
        """
        paths = [self._folder / str(number) for number in range(CHILDREN)]
        self._behind = [
            ByHand(self._reactor, self._folder, self._kind, variables, path) for path in paths
        ]
        for child in self._behind:
            await child.whenServing()
        port = freePort()
        servers = "\n".join(f"    server s{path.name} unix@{path}" for path in paths)
        config = self._folder / "haproxy.cfg"
        config.write_text(_CONFIG.format(port=port, servers=servers, rule=self.rule))
        self.spawn(self._reactor, self._folder, [PROGRAM, "-db", "-f", str(config)], {})
        return await self.whenListening(port)

    def children(self) -> list[int]:
        """
        See L{Server.children}.
        """
        for child in self._behind:
            self.seen.update(child.pids)
        return [child.pids[-1] for child in self._behind]

    async def reload(self) -> None:
        """
        See L{Server.reload}.
        """
        for child in self._behind:
            if not await child.restart():
                # Whoever does this by hand stops here.
                raise Refused("the new code doesn't boot")

    async def stop(self) -> int:
        """
        See L{Server.stop}.
        """
        for child in self._behind:
            await child.stop()
        return await super().stop()


class CarefulHAProxy(HAProxy):
    """
    One that doesn't repeat POSTs.
    """

    rule = _CAREFUL
