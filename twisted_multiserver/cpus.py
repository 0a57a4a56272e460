"""
How many processors this process may use.

The number of processors of the machine is the wrong one twice over: a process may be
bound to some of them (sched_setaffinity(2)), and a container's quota (cgroup cpu.max)
may amount to fewer, as many servers that counted processors have learnt by running
out of memory.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OURS = Path("/proc/self/cgroup")


def availableProcessors(cgroups: Path = _CGROUPS, ours: Path = _OURS) -> int:
    """
    Count them.

    @param cgroups: where the cgroup file system is.
    @param ours: tells which groups this process is in.
    @return: the least of affinity and quota, at least 1.
    """
    bound = len(os.sched_getaffinity(0))
    quota = quotaProcessors(cgroups, ours)
    return max(1, bound if quota is None else min(bound, math.ceil(quota)))


def quotaProcessors(cgroups: Path, ours: Path) -> float | None:
    """
    Read the quota.

    @param cgroups: where the cgroup file system is.
    @param ours: tells which groups this process is in.
    @return: the smallest quota of all groups around this process, in processors;
        L{None} if there is none.
    """
    quotas = []
    for line in _read(ours).splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers == "":
            quotas.extend(_quotasAbove(cgroups, group))
        elif "cpu" in controllers.split(","):
            quotas.extend(_quotasAbove(cgroups / "cpu", group))
    return min(quotas, default=None)


def _quotasAbove(root: Path, group: str) -> list[float]:
    folder = root / group.lstrip("/")
    folders = [folder, *folder.parents]
    # Inside of a container the group's own path may not be there, only its root.
    inside = [place for place in folders if place == root or root in place.parents]
    return [quota for place in inside if (quota := _quota(place)) is not None]


def _quota(folder: Path) -> float | None:
    limit = _read(folder / "cpu.max").split()
    if not limit:
        limit = [
            _read(folder / "cpu.cfs_quota_us").strip(),
            _read(folder / "cpu.cfs_period_us").strip(),
        ]
    if len(limit) != 2 or not all(part.isdecimal() for part in limit) or int(limit[1]) == 0:
        return None
    return int(limit[0]) / int(limit[1]) or None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
