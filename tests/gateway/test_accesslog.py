"""
The access log: its batches, and what it does when they can't be written.
"""

from __future__ import annotations

import io
import os
from dataclasses import replace
from errno import EIO, ENOSPC
from pathlib import Path

from twisted.internet.task import Clock
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import formatEvent, globalLogPublisher
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.gateway.test_accessline import RECORD
from twisted_multiserver.gateway.accessline import AccessRecord
from twisted_multiserver.gateway.accesslog import AccessLog, logFileOpener


def short(record: AccessRecord) -> bytes:
    """
    A format: the target only.
    """
    return record.target + b"\n"


class SmallDisk(io.FileIO):
    """
    A file that takes no more than there is room for, as those on a full disk do.

    @ivar room: in bytes; L{None} is plenty.
    @ivar writes: how many there were.
    @ivar wouldBlock: whether it takes nothing at present, but is no error (a full pipe).
    @ivar closingFails: whether C{close} tells of an error.
    """

    room: int | None = None
    writes = 0
    wouldBlock = False
    closingFails = False

    # The argument's type is that of the base.
    def write(self, data: bytes, /) -> int | None:  # type: ignore[override]
        self.writes += 1
        if self.wouldBlock:
            return None
        if self.room is None:
            return super().write(data)
        if self.room == 0:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        written = super().write(data[: self.room])
        assert written is not None
        self.room -= written
        return written

    def close(self) -> None:
        wasClosed = self.closed
        super().close()
        if self.closingFails and not wasClosed:
            raise OSError(EIO, os.strerror(EIO))


class LogCase(SynchronousTestCase):
    """
    A log with short lines.
    """

    def setUp(self) -> None:
        self.events = EventLoggingObserver()
        self.heard = 0
        globalLogPublisher.addObserver(self.events)
        self.addCleanup(globalLogPublisher.removeObserver, self.events)
        self.clock = Clock()
        self.path = Path(self.mktemp()).absolute()
        self.files: list[SmallDisk] = []
        self.log = AccessLog(self.clock, self.open, short)
        self.addCleanup(self.log.close)

    def open(self) -> SmallDisk:
        file = SmallDisk(self.path, "ab")
        self.addCleanup(file.close)
        self.files.append(file)
        return file

    def add(self, *targets: bytes) -> None:
        for target in targets:
            self.log.add(replace(RECORD, target=target))

    def told(self) -> list[str]:
        """
        @return: what the log said of itself since it was last asked.
        """
        events = [event for event in self.events if event["log_namespace"].endswith("AccessLog")]
        told = [formatEvent(event) for event in events[self.heard :]]
        self.heard = len(events)
        return told

    @property
    def text(self) -> bytes:
        return self.path.read_bytes()


class BatchTests(LogCase):
    """
    When lines are written.
    """

    def test_aSecond(self) -> None:
        """
        A line waits for no more than a second, and others go with it.
        """
        self.add(b"a")
        self.clock.advance(0.75)
        self.add(b"b")
        self.assertEqual(self.text, b"")
        self.clock.advance(0.25)
        self.assertEqual(self.text, b"a\nb\n")
        self.assertEqual(self.files[0].writes, 1)

    def test_again(self) -> None:
        """
        Each second in which there is something; nothing ticks in vain.
        """
        self.add(b"a")
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.add(b"b")
        self.clock.advance(1)
        self.assertEqual(self.text, b"a\nb\n")

    def test_manyBytes(self) -> None:
        """
        64 KiB are enough.
        """
        self.add(b"a" * 65534)
        self.assertEqual(self.text, b"")
        self.add(b"")
        self.assertEqual(len(self.text), 65536)
        self.add(b"b")
        self.assertEqual(len(self.text), 65536)
        self.clock.advance(1)
        self.assertEqual(len(self.text), 65538)

    def test_manyLines(self) -> None:
        """
        A thousand are enough.
        """
        self.add(*[b"a"] * 999)
        self.assertEqual(self.text, b"")
        self.add(b"b")
        self.assertEqual(self.text, b"a\n" * 999 + b"b\n")
        self.assertEqual(self.files[0].writes, 1)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_flush(self) -> None:
        """
        At once; and without anything to write there is no write.
        """
        self.log.flush()
        self.assertEqual(self.files[0].writes, 0)
        self.add(b"a")
        self.log.flush()
        self.assertEqual(self.text, b"a\n")

    def test_close(self) -> None:
        """
        What waits is written, the file and the timer are gone; later requests are let go.
        """
        self.add(b"a")
        self.log.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.files[0].closed)
        self.add(b"b")
        self.log.flush()
        self.log.reopen()
        self.log.close()
        self.assertEqual(self.text, b"a\n")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((len(self.files), self.told()), (1, []))


class FullDiskTests(LogCase):
    """
    Lines are dropped, and that is told.
    """

    def test_tellsOnce(self) -> None:
        """
        When it begins and when it ends, with the number of lines.
        """
        (file,) = self.files
        file.room = 0
        for _ in range(3):
            self.add(b"a", b"b")
            self.clock.advance(1)
        self.assertEqual(
            self.told(),
            [
                "the access log can't be written, lines are dropped:"
                " [Errno 28] No space left on device"
            ],
        )
        file.room = None
        self.add(b"c")
        self.clock.advance(1)
        self.assertEqual(self.text, b"c\n")
        self.assertEqual(self.told(), ["the access log is written again; lines missing: 6"])
        file.room = 0
        self.add(b"d")
        self.log.flush()
        self.assertEqual(len(self.told()), 1)
        file.room = None
        self.add(b"e")
        self.log.flush()
        self.assertEqual(self.told(), ["the access log is written again; lines missing: 1"])

    def test_memory(self) -> None:
        """
        What was not written isn't kept.
        """
        self.files[0].room = 0
        self.add(*[b"a" * 1000] * 1000)
        self.files[0].room = None
        self.log.flush()
        self.assertLess(len(self.text), 65536)

    def test_withinLine(self) -> None:
        """
        A line that was cut is completed before anything else is written.
        """
        (file,) = self.files
        file.room = 6
        self.add(b"first", b"second", b"third")
        self.log.flush()
        self.assertEqual(self.text, b"first\n")
        file.room = 3
        self.add(b"fourth", b"fifth")
        self.log.flush()
        self.assertEqual(self.text, b"first\nfou")
        file.room = 0
        self.add(b"sixth")
        self.log.flush()
        file.room = 1
        self.add(b"seventh")
        self.log.flush()
        self.assertEqual(self.text, b"first\nfour")
        file.room = None
        self.log.flush()
        self.assertEqual(self.text, b"first\nfourth\n")
        self.add(b"eighth")
        self.log.flush()
        self.assertEqual(self.text, b"first\nfourth\neighth\n")
        self.assertEqual(self.told()[1:], ["the access log is written again; lines missing: 5"])

    def test_anyRoom(self) -> None:
        """
        Wherever the disk is full, what is in the file in the end are whole lines, and those
        that aren't are counted.
        """
        lines = [b"first", b"", b"second", b"third"]
        whole = b"".join(line + b"\n" for line in lines)
        for room in range(len(whole)):
            self.path.unlink(missing_ok=True)
            self.log.reopen()
            self.told()
            file = self.files[-1]
            file.room = room
            self.add(*lines)
            self.log.flush()
            file.room = None
            self.add(b"last")
            self.log.flush()
            written = self.text.splitlines()
            self.assertEqual(written[:-1], lines[: len(written) - 1])
            self.assertEqual(written[-1], b"last")
            self.assertEqual(
                self.told()[1:],
                [f"the access log is written again; lines missing: {5 - len(written)}"],
            )

    def test_fullPipe(self) -> None:
        """
        A stdout that doesn't block, and that nobody reads, is as a full disk.
        """
        self.files[0].wouldBlock = True
        self.add(b"a")
        self.log.flush()
        self.assertIn("takes no more", self.told()[0])

    def test_atTheEnd(self) -> None:
        """
        A log that ends so says how much is missing.
        """
        self.files[0].room = 1
        self.add(b"first", b"second")
        self.log.close()
        self.assertEqual(self.told()[1:], ["the access log has ended; lines missing: 2"])

    def test_closingFails(self) -> None:
        """
        Some file systems tell only then.
        """
        self.files[0].closingFails = True
        self.log.close()
        self.assertEqual(self.told(), ["closing the access log: [Errno 5] Input/output error"])

    def test_realFullDisk(self) -> None:
        """
        The double behaves as the real thing.
        """
        if not os.path.exists("/dev/full"):
            raise SkipTest("no /dev/full here")
        log = AccessLog(self.clock, logFileOpener("/dev/full"), short)
        log.add(RECORD)
        log.close()
        first, last = self.told()
        self.assertIn("No space left on device", first)
        self.assertIn("lines missing: 1", last)
