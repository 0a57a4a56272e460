"""
A reactor that starts no process: time, spawns and readers, all recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.interfaces import (
    IAddress,
    IProcessProtocol,
    IProcessTransport,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver.supervision._iobserver import ILifecycleObserver
from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.events import LifecycleEvent
from twisted_multiserver.supervision.oncrash import Reactor as CrashReactor
from twisted_multiserver.supervision.spawning import Reactor as SupervisionReactor

# Beyond what the kernel gives out (PID_MAX_LIMIT), so that nobody can be hit.
_pids = count(1 << 23)


@implementer(IProcessTransport)
class FakeProcess:
    """
    A process that does what a test says.

    @ivar signals: what it was sent.
    @ivar written: to its standard input.
    @ivar closed: its descriptors that the master closed.
    """

    def __init__(
        self,
        protocol: IProcessProtocol,
        argv: Sequence[bytes],
        environment: Mapping[bytes, bytes],
        descriptors: Mapping[int, int | str],
    ) -> None:
        self.pid: int | None = next(_pids)
        self.protocol = protocol
        self.argv = list(argv)
        self.environment = {name.decode(): value.decode() for name, value in environment.items()}
        self.descriptors = dict(descriptors)
        self.signals: list[int] = []
        self.written = b""
        self.closed: list[int] = []

    def signalProcess(self, signalID: str | int) -> None:
        if self.pid is None:
            raise ProcessExitedAlready
        self.signals.append(9 if signalID == "KILL" else int(signalID))

    def closeStdin(self) -> None:
        self.closeChildFD(0)

    def closeStdout(self) -> None:
        self.closeChildFD(1)

    def closeStderr(self) -> None:
        self.closeChildFD(2)

    def closeChildFD(self, descriptor: int) -> None:
        self.closed.append(descriptor)

    def writeToChild(self, childFD: int, data: bytes) -> None:
        self.written += data

    def write(self, data: bytes) -> None:
        self.writeToChild(0, data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def getPeer(self) -> IAddress:
        raise NotImplementedError

    def getHost(self) -> IAddress:
        raise NotImplementedError

    def loseConnection(self) -> None:
        self.closed += [0, 1, 2]

    def writes(self, stream: int, data: bytes) -> None:
        """
        It writes.
        """
        self.protocol.childDataReceived(stream, data)

    def exits(self, exitCode: int | None = None, signal: int | None = None) -> None:
        """
        It ends, its pipes with it.
        """
        self.pid = None
        error: Exception = ProcessTerminated(exitCode, signal)
        if exitCode == 0:
            error = ProcessDone(0)
        self.protocol.processExited(Failure(error))
        self.protocol.processEnded(Failure(error))


class FakeWarden(FakeProcess):
    """
    A warden that finds nothing left of anybody, as soon as it is asked.

    @ivar orders: what it was told.
    @ivar isDeaf: whether it answers nothing.
    """

    orders: list[dict[str, Any]]
    isDeaf = False

    def writeToChild(self, childFD: int, data: bytes) -> None:
        super().writeToChild(childFD, data)
        self.orders = [json.loads(line) for line in self.written.splitlines()]
        _, incarnation = self.orders[-1].get("end", (0, 0))
        if incarnation and not self.isDeaf:
            self.protocol.childDataReceived(1, b"gone %d\n" % incarnation)

    def closeChildFD(self, descriptor: int) -> None:
        super().closeChildFD(descriptor)
        if descriptor == 0 and not self.isDeaf:
            self.exits(0)


@implementer(SupervisionReactor, CrashReactor)
class FakeReactor(MemoryReactorClock):
    """
    Time, spawns and readers.

    @ivar processes: all that were started, wardens left out.
    @ivar wardens: those.
    @ivar reading: what is read at the moment.
    @ivar refusal: raised instead of starting a process.
    """

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.wardens: list[FakeWarden] = []
        self.reading: list[IReadDescriptor] = []
        self.refusal: OSError | None = None

    def spawnProcess(
        self,
        processProtocol: IProcessProtocol,
        executable: bytes | str,
        args: Sequence[bytes | str] = (),
        env: Mapping[Any, Any] | None = None,
        path: bytes | str | None = None,
        uid: int | None = None,
        gid: int | None = None,
        usePTY: bool = False,
        childFDs: Mapping[int, int | str] | None = None,
    ) -> FakeProcess:
        if self.refusal is not None:
            raise self.refusal
        argv = [word.encode() if isinstance(word, str) else word for word in args]
        process: FakeProcess
        if b"wardenprocess.py" in b" ".join(argv):
            process = FakeWarden(processProtocol, argv, env or {}, childFDs or {})
            self.wardens.append(process)
        else:
            process = FakeProcess(processProtocol, argv, env or {}, childFDs or {})
            self.processes.append(process)
        processProtocol.makeConnection(process)
        return process

    def addReader(self, reader: IReadDescriptor) -> None:
        self.reading.append(reader)

    def removeReader(self, reader: IReadDescriptor) -> None:
        if reader in self.reading:
            self.reading.remove(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        raise NotImplementedError

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        raise NotImplementedError

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        raise NotImplementedError

    def getReaders(self) -> list[IReadDescriptor]:
        return list(self.reading)

    def getWriters(self) -> list[IWriteDescriptor]:
        return []

    def readAll(self) -> None:
        """
        Let every reader read what its socket has.
        """
        for reader in tuple(self.reading):
            if reader in self.reading:
                reader.doRead()


class RecordedTraffic:
    """
    Traffic that is written down.

    @ivar calls: name and slot, in order.
    @ivar draining: the Deferreds that C{drain} gave out, by slot.
    @ivar exchanges: what C{remove} gives back.
    @ivar reports: slot, lag, busy threads and threads.
    @ivar requests: how many an incarnation got.
    @ivar limits: slot and places, as told at admissions and later.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.draining: dict[int, Deferred[None]] = {}
        self.exchanges: tuple[str, ...] = ()
        self.reports: list[tuple[int, float, int, int]] = []
        self.requests: dict[int, int] = {}
        self.limits: list[tuple[int, int | None]] = []

    def expect(self, slot: int) -> None:
        self.calls.append(("expect", slot))

    def unexpect(self, slot: int) -> None:
        self.calls.append(("unexpect", slot))

    def admit(self, child: Child, places: int | None = None) -> None:
        self.calls.append(("admit", child.slot))
        self.limits.append((child.slot, places))

    def limit(self, child: Child, places: int) -> None:
        self.limits.append((child.slot, places))

    def reported(self, child: Child, lag: float, busyThreads: int, threads: int) -> None:
        self.reports.append((child.slot, lag, busyThreads, threads))

    def requestsOf(self, child: Child) -> int:
        return self.requests.get(child.incarnation, 0)

    def drain(self, child: Child) -> Deferred[None]:
        self.calls.append(("drain", child.slot))
        self.draining[child.slot] = Deferred()
        return self.draining[child.slot]

    def remove(self, child: Child, crashed: bool) -> tuple[str, ...]:
        self.calls.append(("remove", child.slot))
        return self.exchanges


@implementer(ILifecycleObserver)
class RecordingObserver:
    """
    Writes down events.
    """

    def __init__(self) -> None:
        self.events: list[LifecycleEvent] = []

    def lifecycleEvent(self, event: LifecycleEvent) -> None:
        self.events.append(event)

    def names(self) -> list[str]:
        """
        @return: the events' classes.
        """
        return [type(event).__name__ for event in self.events]
