"""
A real redis-server.
"""

from __future__ import annotations

import os
import socket
from urllib.parse import quote

from tests.stores.certificates import makeCertificates
from tests.stores.serverprocess import ServerProcess


class RedisServer(ServerProcess):
    """
    A redis-server on a UNIX socket, or with TLS on a port.
    """

    binary = "redis-server"

    def __init__(
        self,
        password: str | None = None,
        isDurable: bool = False,
        isTLS: bool = False,
        options: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.password = password
        self.path = os.path.join(self.folder, "redis")
        self.authority = os.path.join(self.folder, "authority.pem")
        self._isDurable = isDurable
        self._isTLS = isTLS
        self._options = options
        self.port = 0
        if isTLS:
            makeCertificates(self.folder)

    def arguments(self) -> list[str]:
        arguments = ["--dir", self.folder, "--save", "", "--port", "0", "--daemonize", "no"]
        if self._isTLS:
            self.port = _freePort()
            arguments += ["--tls-port", str(self.port), "--bind", "127.0.0.1"]
            arguments += ["--tls-cert-file", "server.pem", "--tls-key-file", "server.key"]
            arguments += ["--tls-auth-clients", "no"]
        else:
            arguments += ["--unixsocket", self.path]
        if self._isDurable:
            arguments += ["--appendonly", "yes", "--appendfsync", "always"]
        if self.password is not None:
            arguments += ["--requirepass", self.password]
        return [*arguments, *self._options]

    def isReady(self, output: bytes) -> bool:
        return b"eady to accept connections" in output

    def uri(self, password: str | None = None, options: str = "") -> str:
        """
        Of this server; with a password that isn't its own, if one is given.
        """
        password = self.password if password is None else password
        login = "" if password is None else f":{quote(password, safe='')}@"
        if self._isTLS:
            return f"rediss://{login}localhost:{self.port}/0?ca={self.authority}{options}"
        return f"redis://{login}/0?unix={self.path}{options}"


def _freePort() -> int:
    # Another may take it before the server does; then it says so, and is started again.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
