"""
A master that can be commanded, in a process of its own: C{python -m chaos.master OPTIONS},
with the options of C{twistd multiserver}.

It tells its life on stdout and takes commands on stdin, a line of JSON each.  Told is
C{{"event": NAME, "pid": ..., "at": ...}}, with the times of C{time.monotonic}, which all
processes share.  A command is C{{"id": ..., "do": NAME, ...}}, and its answer
C{{"id": ..., "answer": ...}} or C{{"id": ..., "failed": REASON}}.  Its log is on stderr.

Only what users have is used here: the options, L{Multiserver}, and an observer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.protocol import connectionDone
from twisted.internet.stdio import StandardIO
from twisted.internet.task import react
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_multiserver import Multiserver
from twisted_multiserver.interfaces import ILifecycleObserver
from twisted_multiserver.supervision.events import (
    ChildCrashed,
    ChildDraining,
    ChildEvent,
    ChildReady,
    ChildStopped,
    LifecycleEvent,
    SpareActivated,
)
from twisted_multiserver.supervision.folders import prepareStateFolder
from twisted_multiserver.tap import Options

# Behind these a child serves no new requests.
_ENDS = (ChildCrashed, ChildDraining, ChildStopped)


@implementer(ILifecycleObserver)
class Commanded(LineOnlyReceiver):
    """
    The one who commands.
    """

    delimiter = b"\n"

    def __init__(self, master: Multiserver, over: Deferred[None]) -> None:
        """
        @param master: does what is commanded.
        @param over: fired when nobody is there any more.
        """
        self._master = master
        self._over = over
        self._ready: dict[int, str] = {}

    def tell(self, **facts: object) -> None:
        """
        @param facts: to be told.
        """
        self.sendLine(json.dumps(facts).encode())  # type: ignore[no-untyped-call]

    def lifecycleEvent(self, event: LifecycleEvent) -> None:
        """
        @param event: is told.
        """
        if not isinstance(event, ChildEvent):
            return
        pid = event.child.pid
        if isinstance(event, ChildReady | SpareActivated):
            self._ready[pid] = event.child.address
        elif isinstance(event, _ENDS):
            self._ready.pop(pid, None)
        self.tell(event=type(event).__name__, pid=pid, at=time.monotonic())

    def lineReceived(self, line: bytes) -> None:
        """
        @param line: a command.
        """
        command = json.loads(line)
        number = command.pop("id")
        doing: Deferred[Any] = maybeDeferred(getattr(self, f"do_{command.pop('do')}"), **command)
        doing.addCallbacks(
            lambda answer: self.tell(id=number, answer=answer),
            lambda failure: self.tell(id=number, failed=failure.getErrorMessage()),
        )

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        @param reason: not looked at.
        """
        self._over.callback(None)

    def do_reload(self) -> Deferred[None]:
        """
        Load the code anew.
        """
        return self._master.reload()

    def do_scale(self, count: int) -> Deferred[None]:
        """
        @param count: of children.
        """
        return self._master.scale(count)

    def do_facts(self) -> dict[str, Any]:
        """
        @return: what is in flight at each child that is ready, by its pid, and what was decided
            in times of trouble.
        """
        inFlight = {each.address: each.inFlight for each in self._master.backends()}
        return {
            "inFlight": {
                str(pid): inFlight[address]
                for pid, address in self._ready.items()
                if address in inFlight
            },
            "counts": asdict(self._master.counts()),
        }


async def serve(reactor: Any, words: list[str]) -> None:
    """
    Serve until nobody commands any more.

    @param reactor: the reactor.
    @param words: options of C{twistd multiserver}.
    """
    options = Options()
    options.parseOptions(words)
    config = options.config
    folder = prepareStateFolder(config.stateDir, os.environ, os.getcwd())
    master = Multiserver(reactor, config=config, stateFolder=folder)
    over: Deferred[None] = Deferred()
    commanded = Commanded(master, over)
    master.addObserver(commanded)
    for each in config.backend:
        master.addBackend(clientFromString(reactor, each))
    StandardIO(commanded, reactor=reactor)
    port = await serverFromString(reactor, config.listen[0]).listen(master.gateway())
    if not config.backend:
        await master.spawn(config.app or "", config.children or 1, kind=config.appKind)
    commanded.tell(event="listening", port=port.getHost().port, at=time.monotonic())
    await over


def main() -> None:
    """
    C{python -m chaos.master}.
    """
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    react(lambda reactor: Deferred.fromCoroutine(serve(reactor, sys.argv[1:])))


if __name__ == "__main__":
    main()
