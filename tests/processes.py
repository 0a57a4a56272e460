"""
Looking at processes that a master has started.
"""

from __future__ import annotations

from pathlib import Path

WARDEN = b"wardenprocess.py"


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
