"""
Looking at processes that a master has started.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

WARDEN = b"wardenprocess.py"
# For a child that boots, in seconds.
_PATIENCE = 30.0


def isAlive(pid: int) -> bool:
    """
    @param pid: of a process.
    @return: whether it is there, and no zombie.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def startedBy(pid: int) -> list[int]:
    """
    @param pid: of a master.
    @return: the living processes that it has started, its warden among them.
    """
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(child) for child in listed if isAlive(int(child))]


def isWarden(pid: int) -> bool:
    """
    @param pid: of a process.
    @return: whether it is a master's warden.
    """
    try:
        return WARDEN in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def childrenOf(pid: int) -> list[int]:
    """
    @param pid: of a master.
    @return: the pids of its living children.
    """
    return [child for child in startedBy(pid) if not isWarden(child)]


def wardenOf(pid: int) -> int | None:
    """
    @param pid: of a master.
    @return: its warden's pid, if there is one.
    """
    return next((child for child in startedBy(pid) if isWarden(child)), None)


def entranceOf(pid: int) -> str | None:
    """
    @param pid: of a child.
    @return: the path of the UNIX socket that it was given; L{None} if it has closed that.
    """
    try:
        inode = os.readlink(f"/proc/{pid}/fd/3").partition("[")[2].rstrip("]")
    except OSError:
        return None
    for line in Path("/proc/net/unix").read_text().splitlines():
        words = line.split()
        if len(words) == 8 and words[6] == inode:
            return words[7]
    return None


def isServing(pid: int) -> bool:
    """
    @param pid: of a child.
    @return: whether it answers a request now or in a moment, as far as that can be asked.
    """
    path = entranceOf(pid)
    if path is None:
        return isAlive(pid)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_PATIENCE)
        try:
            client.connect(path)
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return client.recv(16).startswith(b"HTTP/1.1 ")
        except OSError:
            return False
