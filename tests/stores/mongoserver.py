"""
A real mongod, from the only wheel that has one.
"""

from __future__ import annotations

import os
import socket
import sysconfig
from pathlib import Path

from tests.stores.certificates import makeCertificates
from tests.stores.serverprocess import ServerProcess


class MongoServer(ServerProcess):
    """
    A mongod on a port of 127.0.0.1.
    """

    binary = os.path.join(sysconfig.get_path("purelib"), "fiftyone", "db", "bin", "mongod")

    def __init__(
        self,
        isAuthenticated: bool = False,
        isTLS: bool = False,
        options: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.port = 0
        self.authority = os.path.join(self.folder, "authority.pem")
        self._isAuthenticated = isAuthenticated
        self._isTLS = isTLS
        self._options = options
        if isTLS:
            makeCertificates(self.folder)
            both = os.path.join(self.folder, "both.pem")
            with open(both, "wb") as file:
                for name in ("server.key", "server.pem"):
                    file.write(Path(self.folder, name).read_bytes())

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
            *(("--tlsMode", "requireTLS") if self._isTLS else ()),
            *(("--tlsCertificateKeyFile", f"{self.folder}/both.pem") if self._isTLS else ()),
            *self._options,
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
