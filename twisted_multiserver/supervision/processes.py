"""
What /proc tells of the processes that a child consists of, and where they listen.

Sources: proc(5); /proc/net/tcp lists listeners before everything else, so that reading
it stops there, however many connections there are.

Everything here is a snapshot of what changes meanwhile: a process that is gone when it
is looked at isn't there.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_LISTENING = "0A"
# __SO_ACCEPTCON of /proc/net/unix: it listens.
_ACCEPTS = 0x10000
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Listener:
    """
    A listening socket.

    @ivar inode: its number.
    @ivar address: the address, or the path of a UNIX socket.
    @ivar port: 0 for a UNIX socket.
    """

    inode: str
    address: str
    port: int

    def __str__(self) -> str:
        if not self.port:
            return f"unix:{self.address}"
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"

    def isReachedBy(self, host: str, port: int) -> bool:
        """
        @param host: an IPv4 address.
        @param port: a port.
        @return: whether a connection to there comes here.
        """
        return self.port == port and self.address in (host, "0.0.0.0", "::", f"::ffff:{host}")


def membersOf(group: int, cookie: str) -> list[int]:
    """
    Find the processes that belong to an incarnation.

    @param group: its process group.
    @param cookie: C{NAME=value}, which the environment of each process has that it
        started.
    @return: their numbers; zombies are left out.
    """
    wanted = cookie.encode()
    return [
        pid
        for pid in (int(name) for name in os.listdir("/proc") if name.isdecimal())
        if _belongs(pid, group, wanted)
    ]


def _belongs(pid: int, group: int, cookie: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name before it may have blanks and parentheses.
            state, _, found = file.read().rpartition(b") ")[2].split(None, 3)[:3]
        if state == b"Z":
            return False
        if int(found) == group:
            return True
        with open(f"/proc/{pid}/environ", "rb") as file:
            return cookie in file.read().split(b"\0")
    except (OSError, ValueError):
        return False


def residentMemory() -> dict[int, int]:
    """
    Add up what all processes take; pages that several share count for each.

    @return: bytes, by process group.
    """
    totals: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b") ")[2].split()
        except OSError:
            continue
        group = int(fields[2])
        totals[group] = totals.get(group, 0) + int(fields[21]) * _PAGE
    return totals


def commandOf(pid: int) -> str:
    """
    @param pid: a process.
    @return: what it runs, for people; empty if it is gone.
    """
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return os.fsdecode(file.read(200).replace(b"\0", b" ").strip())
    except OSError:
        return ""


def _sockets(pid: int) -> set[str]:
    found = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            target = os.readlink(f"/proc/{pid}/fd/{name}")
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except OSError:
        pass
    return found


def _address(text: str) -> str:
    data = bytes.fromhex(text)
    if sys.byteorder == "little":
        # Four bytes at a time are in the machine's order.
        data = b"".join(data[place : place + 4][::-1] for place in range(0, len(data), 4))
    return str(ipaddress.ip_address(data))


def _internetListeners() -> Iterator[Listener]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                next(file, None)
                for line in file:
                    fields = line.split()
                    if fields[3] != _LISTENING:
                        break
                    address, _, port = fields[1].partition(":")
                    yield Listener(fields[9], _address(address), int(port, 16))
        except OSError:
            # There is no such table, as without IPv6.
            continue


def _unixListeners() -> Iterator[Listener]:
    try:
        with open("/proc/net/unix", errors="surrogateescape") as file:
            next(file, None)
            for line in file:
                fields = line.rstrip("\n").split(None, 7)
                isStream = int(fields[4], 16) == socket.SOCK_STREAM
                if len(fields) == 8 and isStream and int(fields[3], 16) & _ACCEPTS:
                    yield Listener(fields[6], fields[7], 0)
    except OSError:
        return


def listenersOf(pids: list[int]) -> list[Listener]:
    """
    Find out where processes listen.

    @param pids: of the processes.
    @return: their listening sockets.
    """
    inodes = set().union(*(_sockets(pid) for pid in pids))
    listeners = [*_internetListeners(), *_unixListeners()] if inodes else []
    return [listener for listener in listeners if listener.inode in inodes]


def areListening(pids: list[int], host: str, port: int) -> bool:
    """
    Find out whether it is these who answer at a port.

    @param pids: some processes.
    @param host: an IPv4 address.
    @param port: a port.
    @return: whether one of them listens there.
    """
    inodes = _answering(host, port)
    return any(not inodes.isdisjoint(_sockets(pid)) for pid in pids)


def whoListens(host: str, port: int) -> list[int]:
    """
    Find out who answers at a port, by looking at all processes.

    @param host: an IPv4 address.
    @param port: a port.
    @return: the processes that listen there and may be looked at.
    """
    inodes = _answering(host, port)
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return [pid for pid in pids if not inodes.isdisjoint(_sockets(pid))] if inodes else []


def _answering(host: str, port: int) -> set[str]:
    return {each.inode for each in _internetListeners() if each.isReachedBy(host, port)}
