"""
The proxies that are compared: how each is started, on one processor.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

_PEERS = Path(__file__).parent / "peers"
_ROOT = Path(__file__).parent.parent

# It can't reach a UNIX socket.
_REVERSE_PROXY = """
import sys
from twisted.internet import reactor
from twisted.web.proxy import ReverseProxyResource
from twisted.web.server import Site
class Quiet(Site):
    def log(self, request):
        pass
site = Quiet(ReverseProxyResource("127.0.0.1", int(sys.argv[2]), b""))
reactor.listenTCP(int(sys.argv[1]), site, backlog=1024, interface="127.0.0.1")
reactor.run()
"""


@dataclass(frozen=True)
class Proxy:
    """
    A kind of proxy.

    @ivar program: its program, which must be installed.
    @ivar arguments: of its command line, with C{{port}}, C{{backend}} (the server's
        socket), C{{server}} (its port) and C{{config}}.
    @ivar template: the file in C{peers} that its configuration is made from.
    """

    program: str
    arguments: tuple[str, ...]
    template: str | None = None


PROXIES = {
    "HAProxy": Proxy("haproxy", ("-db", "-f", "{config}"), "haproxy.cfg"),
    "HAProxy with fields": Proxy("haproxy", ("-db", "-f", "{config}"), "haproxy-fields.cfg"),
    "nginx": Proxy("nginx", ("-c", "{config}"), "nginx.conf"),
    "Caddy": Proxy("caddy", ("run", "--adapter", "caddyfile", "--config", "{config}"), "Caddyfile"),
    "multiserver": Proxy(
        str(Path(sys.executable).with_name("twistd")),
        (
            *("-n", "--pidfile=", "--logfile=/dev/null", "multiserver"),
            *("--listen=tcp:{port}:interface=127.0.0.1", "--backend=unix:{backend}"),
        ),
    ),
    "ReverseProxyResource": Proxy(sys.executable, ("-c", _REVERSE_PROXY, "{port}", "{server}")),
}

# Seconds.
_PATIENCE = 20


def processors() -> tuple[str, str]:
    """
    @return: where proxies run, and where all the rest does; the same if there is one only.
    """
    mine = sorted(os.sched_getaffinity(0))
    return str(mine[0]), str(mine[-1])


def freePort() -> int:
    """
    @return: a port on 127.0.0.1 that nobody uses at the moment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def configuration(template: str, values: Mapping[str, object]) -> str:
    """
    @param template: the name of a file in C{peers}.
    @param values: what is filled in.
    @return: a configuration.
    """
    return (_PEERS / template).read_text().format(**values)


def _start(stack: ExitStack, processor: str, command: list[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "GOMAXPROCS": "1", "PYTHONPATH": str(_ROOT)}
    process = subprocess.Popen(
        ["taskset", "-c", processor, *command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process


def startBackend(stack: ExitStack, folder: Path) -> tuple[str, int]:
    """
    Start the server behind all proxies.

    @param stack: ends it.
    @param folder: for its files; with a short path.
    @return: its UNIX socket and its port.
    """
    path, port = str(folder / "backend"), freePort()
    config = folder / "backend.conf"
    config.write_text(
        configuration("backend.conf", {"folder": folder, "backend": path, "server": port})
    )
    _start(stack, processors()[1], ["nginx", "-c", str(config)])
    _waitFor(f"http://127.0.0.1:{port}/")
    return path, port


def startProxy(
    stack: ExitStack, folder: Path, name: str, backend: tuple[str, int]
) -> tuple[str, int, str]:
    """
    Start a proxy.

    @param stack: ends it.
    @param folder: for its files.
    @param name: one of L{PROXIES}.
    @param backend: as L{startBackend} gave it.
    @return: its name, the pid of the process that does the work, and what it serves.
    """
    proxy, port = PROXIES[name], freePort()
    values: dict[str, object] = {
        "port": port,
        "folder": folder,
        "backend": backend[0],
        "server": backend[1],
    }
    if proxy.template is not None:
        config = folder / f"{port}-{proxy.template}"
        config.write_text(configuration(proxy.template, values))
        values["config"] = config
    words = [word if word is _REVERSE_PROXY else word.format(**values) for word in proxy.arguments]
    process = _start(stack, processors()[0], [proxy.program, *words])
    url = f"http://127.0.0.1:{port}/"
    _waitFor(url)
    return name, _worker(process.pid), url


def _worker(pid: int) -> int:
    """
    nginx leaves the work to a process of its own.
    """
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if len(children) == 1 else pid


def _waitFor(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=_PATIENCE):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
