"""
What else can fail: a server that was not started here, and a session store.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Sequence

from chaos.byhand import ByHand
from chaos.course import Course
from chaos.relay import Relay
from chaos.running import CHILDREN, Process
from chaos.scenario import Scenario

REDIS = "redis-server"
# What sessions may take until it is clear that there is no store, in seconds: to be loaded, and
# to be stored.
_STORE = 1.0 + 2.0


async def behindRelay(course: Course) -> Sequence[str]:
    """
    Start servers, one of them behind a relay that resets connections.

    @param course: gets what ends them.
    @return: options of the master.
    """
    servers = [
        ByHand(course.reactor, course.folder, course.kind, course.variables)
        for _ in range(CHILDREN)
    ]
    course.cleanups += [server.stop for server in servers]
    for server in servers:
        await server.whenServing()
    relay = course.relay = Relay(servers[0].port)
    port = course.reactor.listenTCP(0, relay, interface="127.0.0.1")

    async def close() -> None:
        await port.stopListening()

    course.cleanups.append(close)
    ports = [port.getHost().port, *(server.port for server in servers[1:])]
    return [f"--backend=tcp:127.0.0.1:{each}" for each in ports]


async def resets(course: Course) -> None:
    """
    Nothing besides what the relay does.
    """
    await course.pause(course.seconds)


async def withStore(course: Course) -> Sequence[str]:
    """
    Start a session store.

    @param course: gets what ends it.
    @return: options of the master.
    """
    path = course.folder / "redis"
    store = course.store = Process()
    words = ("--port", "0", "--unixsocket", str(path), "--save", "", "--daemonize", "no")
    program = shutil.which(REDIS)
    assert program is not None
    store.spawn(course.reactor, course.folder, [program, *words], {})

    async def end() -> None:
        store.signal(signal.SIGCONT)
        await store.end(course.reactor)

    course.cleanups.append(end)
    while not path.exists():
        await course.pause(0.02)
    return [f"--sessions=redis:///0?unix={path}"]


async def freeze(course: Course) -> None:
    """
    The store is stopped by SIGSTOP for half of the time.
    """
    assert course.store is not None
    os.kill(course.store.pid, signal.SIGSTOP)
    course.faults += 1
    await course.pause(course.seconds / 2)
    os.kill(course.store.pid, signal.SIGCONT)
    await course.pause(course.seconds / 2)


RESETS = Scenario(
    "backend that resets",
    resets,
    (15.0, 4.0),
    # There would be few connections otherwise.
    variables=(("CHAOS_CLOSE", "1"),),
    prepare=behindRelay,
)
FREEZE = Scenario(
    "frozen store, no session", freeze, (12.0, 4.0), visits=0.1, prepare=withStore, needs=REDIS
)
DEGRADED = Scenario(
    "frozen store, degraded",
    freeze,
    (12.0, 4.0),
    options=("--sessions-optional",),
    budget=_STORE,
    visits=0.1,
    countsVisits=True,
    prepare=withStore,
    needs=REDIS,
)
