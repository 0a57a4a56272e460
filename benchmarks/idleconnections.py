"""
Clients that keep their connections and ask nothing.

They are a process of their own, C{python -m benchmarks.idleconnections PORT COUNT}, with
descriptors of its own.  At each line on its standard input it asks once on every connection,
so that no proxy closes one for being idle for too long, opens again what was closed, and
prints how many had to be.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from benchmarks.proxies import Running, processors

_REQUEST = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
# What the server behind all proxies answers.
_ANSWER = b"hello, world\n"
# Seconds.
_PATIENCE = 20


class IdleConnections:
    """
    A running process of them.
    """

    def __init__(self, stack: ExitStack, proxy: Running, count: int) -> None:
        """
        Open them.

        @param stack: closes them.
        @param proxy: to this one.
        @param count: how many.
        """
        command = [sys.executable, "-m", __name__, str(proxy.port), str(count)]
        self._process = stack.enter_context(
            subprocess.Popen(
                ["taskset", "-c", processors()[1], *command],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(self._process.terminate)
        self.refresh()

    def refresh(self) -> int:
        """
        Use each once.

        @return: how many had been closed, or weren't answered, since the last time.
        """
        asked: IO[str] | None = self._process.stdin
        answered: IO[str] | None = self._process.stdout
        assert asked is not None
        assert answered is not None
        asked.write("\n")
        asked.flush()
        return int(answered.readline())


def _ask(connection: socket.socket) -> None:
    data = b""
    connection.sendall(_REQUEST)
    while _ANSWER not in data:
        received = connection.recv(65536)
        if not received:
            raise ConnectionResetError
        data += received


def _opened(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), _PATIENCE)
    _ask(connection)
    return connection


def main(port: int, count: int) -> None:
    """
    Be that process.

    @param port: of the proxy.
    @param count: of the connections.
    """
    connections = [_opened(port) for _ in range(count)]
    for _ in sys.stdin:
        closed = 0
        for place, connection in enumerate(connections):
            try:
                _ask(connection)
            except OSError:
                closed += 1
                connection.close()
                # Where even that fails, it is closed the next time, too.
                with suppress(OSError):
                    connections[place] = _opened(port)
        print(closed, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
