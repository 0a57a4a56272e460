"""
Launches a real child exactly as the master does, and speaks to it.

The test is the master: it binds the entrance and the notify socket, makes the control
pair, writes the spec, and spawns the launcher by path with descriptors by number.
Everything blocks, with one deadline that only a failure ever meets; the child is ended
by its own pid in a cleanup.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

import twisted_multiserver
from twisted_multiserver.contract import (
    CONTROL_FD,
    CONTROL_VARIABLE,
    HTTP_FD,
    MESSAGE_LIMIT,
    RUN_VARIABLE,
    SPEC_VARIABLE,
    SPEC_VERSION,
    decodeMessage,
    encodeMessage,
)

LAUNCHER = Path(twisted_multiserver.__file__).parent / "child" / "launch.py"
ROOT = Path(twisted_multiserver.__file__).parent.parent
APPLICATIONS = ROOT / "tests" / "applications"

# How long anything may take before the test has failed, in seconds.
DEADLINE = 60.0

# A dup2 onto a low number must not meet a descriptor that is still to be passed.
_FIRST_FREE = 20

_SCRUBBED = ("LISTEN_", "NOTIFY_", "WATCHDOG_", "MULTISERVER_", "TWISTED_MULTISERVER_")


class Died(AssertionError):
    """
    The child ended while the test waited for something from it.
    """


@dataclass(frozen=True)
class Answer:
    """
    One response, read to its end.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("www.example.com", timeout=DEADLINE)
        self._path = path

    def connect(self) -> None:
        self.sock = connectTo(self._path)


def connectTo(path: str) -> socket.socket:
    """
    Connect to a UNIX socket.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(DEADLINE)
    connection.connect(path)
    return connection


def _listener(path: str) -> socket.socket:
    entrance = socket.socket(socket.AF_UNIX)
    entrance.bind(path)
    entrance.listen(4096)
    return entrance


def _high(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)


class LaunchedChild:
    """
    A child and the master's ends of everything that it was given.
    """

    def __init__(
        self,
        test: SynchronousTestCase,
        application: str | None = None,
        *,
        kind: str = "auto",
        threads: int = 10,
        argv: list[str] | None = None,
        environ: dict[str, str] | None = None,
        control: bool = True,
        watchdog: float | None = None,
        **spec: Any,
    ) -> None:
        self._test = test
        self.told: list[bytes] = []
        self.status: int | None = None
        self._errors = b""
        self.folder = tempfile.mkdtemp(prefix="child")
        test.addCleanup(shutil.rmtree, self.folder)
        self.socketPath = os.path.join(self.folder, "http")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(os.path.join(self.folder, "notify"))
        self._notify.settimeout(DEADLINE)
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control.settimeout(DEADLINE)
        theirs.setblocking(False)
        entrance = _listener(self.socketPath)
        self._stdout, stdout = os.pipe()
        self._stderr, stderr = os.pipe()
        fields: dict[str, Any] = {
            "version": SPEC_VERSION,
            "masterPid": os.getpid(),
            "slot": 0,
            "generation": 1,
            "incarnation": 1,
            "run": "00ff",
            "chdir": str(APPLICATIONS),
            "limits": {},
            "uid": None,
            "gid": None,
            "deathSignal": signal.SIGKILL,
            "stopBudget": 10.0,
            "stateFolder": None,
            "previous": None,
        }
        if argv is None:
            fields["application"] = {"name": application, "kind": kind, "threads": threads}
        else:
            fields["exec"] = argv
        fields.update(spec)
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith(_SCRUBBED)
        }
        variables |= {
            "LISTEN_FDS": "1",
            "LISTEN_FDNAMES": "http",
            "NOTIFY_SOCKET": os.path.join(self.folder, "notify"),
            SPEC_VARIABLE: json.dumps(fields),
            RUN_VARIABLE: "00ff:1",
            **(environ or {}),
        }
        if watchdog is not None:
            variables["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        if control:
            variables[CONTROL_VARIABLE] = str(CONTROL_FD)
        null = os.open(os.devnull, os.O_RDWR)
        given = {0: null, 1: stdout, 2: stderr, HTTP_FD: entrance.fileno()}
        if control:
            given[CONTROL_FD] = theirs.fileno()
        high = {number: _high(descriptor) for number, descriptor in given.items()}
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", str(LAUNCHER), "child 0"],
            variables,
            file_actions=[(os.POSIX_SPAWN_DUP2, high[number], number) for number in high],
        )
        for descriptor in (*high.values(), null, stdout, stderr):
            os.close(descriptor)
        entrance.close()
        theirs.close()
        self._process = os.pidfd_open(self.pid)
        test.addCleanup(self._end)

    def _end(self) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        for descriptor in (self._process, self._stdout, self._stderr):
            os.close(descriptor)
        self._notify.close()
        self.control.close()

    def _await(self, descriptor: int, what: str) -> None:
        """
        Wait until a descriptor can be read, or the child has ended.
        """
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        waiting.register(self._process, select.POLLIN)
        events = dict(waiting.poll(DEADLINE * 1000))
        if descriptor in events:
            return
        if self._process in events:
            raise Died(f"ended with {self.wait()} before {what}:\n{self.stderr()}")
        raise AssertionError(f"no {what} in time")

    def wait(self) -> int:
        """
        Wait for the end.

        @return: the exit status; negative for a signal.
        """
        if self.status is None:
            waiting = select.poll()
            waiting.register(self._process, select.POLLIN)
            if not waiting.poll(DEADLINE * 1000):
                raise AssertionError("still running")
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def expect(self, message: bytes) -> None:
        """
        Wait for a notification; what comes before it is noted in L{told}.
        """
        while not self.told or self.told[-1] != message:
            self._await(self._notify.fileno(), message.decode())
            self.told.append(self._notify.recv(4096))

    def beats(self) -> bool:
        """
        Tell whether the watchdog hears the child within a second, from now on.
        """
        self._notify.setblocking(False)
        try:
            while True:
                self._notify.recv(4096)
        except BlockingIOError:
            pass
        self._notify.settimeout(1.0)
        try:
            return self._notify.recv(4096) == b"WATCHDOG=1"
        except TimeoutError:
            return False
        finally:
            self._notify.settimeout(DEADLINE)

    def ready(self) -> LaunchedChild:
        """
        Wait until the child serves.
        """
        self.expect(b"READY=1")
        return self

    def message(self) -> dict[str, object]:
        """
        Wait for a control message.
        """
        self._await(self.control.fileno(), "control message")
        message = decodeMessage(self.control.recv(MESSAGE_LIMIT))
        assert message is not None
        return message

    def order(self, type: str, **fields: object) -> None:
        """
        Send a control message.
        """
        self.control.send(encodeMessage(type, **fields))

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def stop(self) -> int:
        """
        Stop the child as the master does.
        """
        self.signal(signal.SIGTERM)
        return self.wait()

    def stderrUntil(self, text: str) -> str:
        """
        Wait until stderr says something.
        """
        while text.encode() not in self._errors:
            self._await(self._stderr, f"{text!r} on stderr")
            chunk = os.read(self._stderr, 65536)
            assert chunk, f"stderr ended without {text!r}: {self._errors!r}"
            self._errors += chunk
        return self._errors.decode()

    def stderr(self) -> str:
        """
        Read all of stderr; the child has ended.
        """
        while chunk := os.read(self._stderr, 65536):
            self._errors += chunk
        return self._errors.decode()

    def stdout(self) -> str:
        """
        Read all of stdout; the child has ended.
        """
        chunks = []
        while chunk := os.read(self._stdout, 65536):
            chunks.append(chunk)
        return b"".join(chunks).decode()

    def connect(self) -> socket.socket:
        """
        Connect as the master does.
        """
        return connectTo(self.socketPath)

    def request(
        self,
        path: str = "/",
        method: str = "GET",
        body: Any = None,
        **fields: str,
    ) -> Answer:
        """
        Ask on a connection of its own, with the fields that the master writes.

        @param body: bytes, or an iterable of them, which is sent chunked.
        @param fields: more fields, or other values; C{_} stands for C{-}.
        """
        connection = _UnixConnection(self.socketPath)
        headers = {
            "Host": "www.example.com",
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "www.example.com",
        } | {name.replace("_", "-"): value for name, value in fields.items()}
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        try:
            connection.request(method, path, body, headers, encode_chunked=chunked)
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()


def goneWithin(pid: int) -> bool:
    """
    Wait for the end of any process, child or not.

    @return: whether it came before the deadline.
    """
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        waiting = select.poll()
        waiting.register(process, select.POLLIN)
        return bool(waiting.poll(DEADLINE * 1000))
    finally:
        os.close(process)
