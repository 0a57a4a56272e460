"""
A real memcached.
"""

from __future__ import annotations

import os
import socket

from tests.stores.serverprocess import ServerProcess


class MemcachedServer(ServerProcess):
    """
    A memcached on a UNIX socket.
    """

    binary = "memcached"

    def __init__(self, options: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.path = os.path.join(self.folder, "memcached")
        self._options = options

    def arguments(self) -> list[str]:
        # It refuses to be root without being told to be.
        user = ["-u", "root"] if os.getuid() == 0 else []
        return ["-s", self.path, "-U", "0", *user, *self._options]

    def isReady(self, output: bytes) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.path) == 0

    def uri(self, *others: MemcachedServer) -> str:
        """
        Of this server, and others beside it.
        """
        return f"memcached://?unix={','.join(server.path for server in (self, *others))}"
