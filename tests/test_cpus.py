"""
How many processors may be used: affinity and the quotas of both kinds of cgroups.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.cpus import availableProcessors, quotaProcessors


class CgroupTestCase(SynchronousTestCase):
    """
    Makes trees of files as the kernel shows them.
    """

    def setUp(self) -> None:
        """
        An empty tree.
        """
        self.cgroups = Path(self.mktemp())
        self.cgroups.mkdir()
        self.ours = Path(self.mktemp())

    def write(self, path: str, text: str) -> None:
        """
        @param path: below the cgroup file system.
        @param text: what the file says.
        """
        file = self.cgroups / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


class QuotaTests(CgroupTestCase):
    """
    What the groups around this process allow.
    """

    def quota(self, ours: str) -> float | None:
        """
        @param ours: what /proc/self/cgroup says.
        @return: the quota found.
        """
        self.ours.write_text(ours)
        return quotaProcessors(self.cgroups, self.ours)

    def test_noQuota(self) -> None:
        """
        C{max}, and files that are not there.
        """
        self.assertIsNone(quotaProcessors(self.cgroups, self.ours))
        self.assertIsNone(self.quota("0::/a\n"))
        self.write("a/cpu.max", "max 100000\n")
        self.assertIsNone(self.quota("0::/a\n"))

    def test_own(self) -> None:
        """
        The group's own.
        """
        self.write("a/cpu.max", "150000 100000\n")
        self.assertEqual(self.quota("0::/a\n"), 1.5)

    def test_leastOfAllAround(self) -> None:
        """
        A group inside of another gets no more than that.
        """
        self.write("a/cpu.max", "200000 100000\n")
        self.write("a/b/cpu.max", "300000 100000\n")
        self.write("a/b/c/cpu.max", "max 100000\n")
        self.assertEqual(self.quota("0::/a/b/c\n"), 2.0)

    def test_others(self) -> None:
        """
        A neighbour's quota is its own.
        """
        self.write("b/cpu.max", "100000 100000\n")
        self.assertIsNone(self.quota("0::/a\n"))

    def test_rootInContainer(self) -> None:
        """
        Inside of a container the path can be one of the world outside.
        """
        self.write("cpu.max", "100000 100000\n")
        self.assertEqual(self.quota("0::/docker/abc\n"), 1.0)
        self.assertEqual(self.quota("0::/\n"), 1.0)

    def test_versionOne(self) -> None:
        """
        The old hierarchy: a tree for each controller, others' are not looked at.
        """
        self.write("cpu/a/cpu.cfs_quota_us", "50000\n")
        self.write("cpu/a/cpu.cfs_period_us", "100000\n")
        self.assertEqual(self.quota("5:memory:/z\n4:cpu,cpuacct:/a\n"), 0.5)
        self.assertIsNone(self.quota("4:cpuset:/a\n"))

    def test_versionOneWithoutQuota(self) -> None:
        """
        It says -1.
        """
        self.write("cpu/a/cpu.cfs_quota_us", "-1\n")
        self.write("cpu/a/cpu.cfs_period_us", "100000\n")
        self.assertIsNone(self.quota("4:cpu:/a\n"))

    def test_nonsense(self) -> None:
        """
        Files that say something else are as good as none.
        """
        for text in ("", "100000", "a b", "100000 0", "0 100000", "1 2 3"):
            self.write("a/cpu.max", text)
            self.assertIsNone(self.quota("0::/a\n"), text)
        self.assertIsNone(self.quota("nonsense"))


class AvailableTests(CgroupTestCase):
    """
    The number of children that is the default.
    """

    def available(self, quota: str) -> int:
        """
        @param quota: of the group, in processors' hundredths.
        @return: the number.
        """
        self.write("a/cpu.max", f"{quota} 100")
        self.ours.write_text("0::/a\n")
        return availableProcessors(self.cgroups, self.ours)

    def test_affinity(self) -> None:
        """
        Without a quota, those that this process may run on.
        """
        self.assertEqual(self.available("max"), len(os.sched_getaffinity(0)))
        self.assertEqual(self.available("99999900"), len(os.sched_getaffinity(0)))

    def test_quota(self) -> None:
        """
        A part of a processor counts as one.
        """
        self.assertEqual(self.available("1"), 1)
        self.assertEqual(self.available("100"), 1)
        bound = len(os.sched_getaffinity(0))
        self.assertEqual(self.available("150"), min(2, bound))

    def test_here(self) -> None:
        """
        On this machine: from 1 to its number of processors.
        """
        self.assertTrue(1 <= availableProcessors() <= (os.cpu_count() or 1))

    def test_boundToOne(self) -> None:
        """
        Affinity counts, not the machine.
        """
        before = os.sched_getaffinity(0)
        self.addCleanup(os.sched_setaffinity, 0, before)
        os.sched_setaffinity(0, {min(before)})
        self.assertEqual(self.available("max"), 1)
