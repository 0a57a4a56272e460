"""
The proxies that are compared, and the server behind them: how each is started, on one
processor.

A port that is free now may not be so when a program comes to bind it, so a program that
ends before it answers is started again on another.  It answers if what comes back is what
only the server behind it can say: somebody else may listen on that port.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from benchmarks.rounds import Contender

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
reactor.listenTCP(int(sys.argv[1]), site, backlog=4096, interface="127.0.0.1")
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
            *("--listen=tcp:{port}:interface=127.0.0.1:backlog=4096", "--backend=unix:{backend}"),
        ),
    ),
    "ReverseProxyResource": Proxy(sys.executable, ("-c", _REVERSE_PROXY, "{port}", "{server}")),
}

# Seconds.
_PATIENCE = 20
_PORTS_TRIED = 5


class NotStarted(Exception):
    """
    A program didn't come to answer; the message ends with what it said.
    """


@dataclass(frozen=True)
class Backend:
    """
    The server behind all proxies.

    @ivar folder: of its files and of those of the proxies.
    @ivar path: of its UNIX socket.
    @ivar port: its other one.
    """

    folder: Path
    path: str
    port: int

    def requests(self) -> int:
        """
        @return: how many requests it has had.
        """
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self.folder / "status"))
            asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with asking.makefile() as answer:
                # "server accepts handled requests" and, below that, the numbers.
                lines = answer.read().splitlines()
        numbers = next(line for line in lines if line.strip()[:1].isdigit())
        return int(numbers.split()[2])


@dataclass(frozen=True)
class Running:
    """
    A proxy that runs.

    @ivar name: see L{PROXIES}.
    @ivar pid: of its first process.
    @ivar port: where it listens, on 127.0.0.1.
    @ivar backend: behind it.
    """

    name: str
    pid: int
    port: int
    backend: Backend

    def contender(self) -> Contender:
        """
        @return: it, without any figures yet.
        """
        url = f"http://127.0.0.1:{self.port}/"
        return Contender(self.name, self.pid, url, served=self.backend.requests)


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


def startBackend(stack: ExitStack, folder: Path) -> Backend:
    """
    Start the server behind all proxies.

    @param stack: ends it.
    @param folder: for its files; with a short path.
    @return: it.
    @raise NotStarted: if it doesn't answer.
    """
    path, config = str(folder / "backend"), folder / "backend.conf"

    def command(port: int) -> list[str]:
        values = {"folder": folder, "backend": path, "server": port}
        config.write_text(configuration("backend.conf", values))
        return ["nginx", "-c", str(config)]

    return Backend(folder, path, start(stack, folder, processors()[1], command)[1])


def startProxy(stack: ExitStack, name: str, backend: Backend) -> Running:
    """
    Start a proxy.

    @param stack: ends it.
    @param name: one of L{PROXIES}.
    @param backend: what is behind it.
    @return: it.
    @raise NotStarted: if it doesn't answer.
    """
    proxy = PROXIES[name]

    def command(port: int) -> list[str]:
        values: dict[str, object] = {
            "port": port,
            "folder": backend.folder,
            "backend": backend.path,
            "server": backend.port,
        }
        if proxy.template is not None:
            config = backend.folder / f"{port}-{proxy.template}"
            config.write_text(configuration(proxy.template, values))
            values["config"] = config
        words = (
            word if word is _REVERSE_PROXY else word.format(**values) for word in proxy.arguments
        )
        return [proxy.program, *words]

    return Running(name, *start(stack, backend.folder, processors()[0], command), backend)


def start(
    stack: ExitStack, folder: Path, processor: str, command: Callable[[int], list[str]]
) -> tuple[int, int]:
    """
    Start a program that listens on a port, until it answers.

    @param stack: ends it.
    @param folder: where it runs, and where what it says is written.
    @param processor: where it runs.
    @param command: makes its command line, with a port.
    @return: its pid and its port.
    @raise NotStarted: if it doesn't answer.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if name[:12] != "MULTISERVER_"},
        "GOMAXPROCS": "1",
        "PYTHONPATH": str(_ROOT),
    }
    for _ in range(_PORTS_TRIED):
        port = freePort()
        said = folder / f"{port}.log"
        with said.open("wb") as log:
            process = subprocess.Popen(
                ["taskset", "-c", processor, *command(port)],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        stack.callback(_end, process)
        if _answers(process, f"http://127.0.0.1:{port}/alive", str(folder)):
            return process.pid, port
    raise NotStarted(f"{command(port)[0]}: {said.read_text(errors='replace')[-2000:]}")


def _answers(process: subprocess.Popen[bytes], url: str, expected: str) -> bool:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
                if answer.read().decode(errors="replace") == expected:
                    return True
        # HTTPException: whoever is there speaks something else.
        except (OSError, HTTPException):
            pass
        time.sleep(0.05)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
