"""
Launching a child: its sockets, its environment, its process.

Strategy: the master binds a UNIX socket for the incarnation and passes it as the
descriptor that systemd would pass; it keeps the paths and its own ends, and closes its
copies of the child's.

Invariants: whatever fails on the way, L{Entrances.close} gives back all that was taken;
no other process holds a copy of the listener, so that connects are refused once the
child is dead.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from twisted_multiserver.contract import (
    CONTROL_FD,
    CONTROL_VARIABLE,
    HTTP_FD,
    RUN_VARIABLE,
    SPEC_VARIABLE,
    SPEC_VERSION,
)
from twisted_multiserver.supervision.control import ControlChannel
from twisted_multiserver.supervision.environment import entranceVariables, scrubbed
from twisted_multiserver.supervision.notify import NotifySocket
from twisted_multiserver.supervision.process import STDERR, STDOUT, ChildProcess
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.surroundings import Place, Surroundings

_LAUNCHER = str(Path(__file__).parent.parent / "child" / "launch.py")
# The kernel takes its own maximum for it (listen(2)).
_BACKLOG = 65535


class Entrances:
    """
    The ways into one incarnation.

    @ivar httpPath: the socket for requests; empty before L{launch}.
    """

    def __init__(self, surroundings: Surroundings, program: Program, place: Place) -> None:
        """
        @param surroundings: what all incarnations share.
        @param program: what it runs.
        @param place: where it lives.
        """
        self._shared = surroundings
        self._program = program
        self._place = place
        self.httpPath = ""
        self._notifyPath = ""
        self._notify: NotifySocket | None = None
        self._control: ControlChannel | None = None

    def launch(
        self,
        process: ChildProcess,
        notified: Callable[[dict[str, str]], None],
        told: Callable[[dict[str, object]], None],
    ) -> None:
        """
        Start the process.

        @param process: is started.
        @param notified: hears its notifications.
        @param told: hears its control messages.
        @raise OSError: if it can't be done.
        """
        shared = self._shared
        # The folder is made with the first of them, and that may fail.
        self.httpPath = shared.runtimeFolder.socketPath("c")
        self._notifyPath = shared.runtimeFolder.socketPath("n")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        with listener:
            listener.bind(self.httpPath)
            os.chmod(self.httpPath, 0o600)
            listener.listen(_BACKLOG)
            self._notify = NotifySocket(
                shared.reactor, self._notifyPath, self._program.uid, notified
            )
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs, open(os.devnull, "rb") as nothing:
                self._control = ControlChannel(shared.reactor, mine, told)
                descriptors: dict[int, int | str] = {
                    0: nothing.fileno(),
                    STDOUT: "r",
                    STDERR: "r",
                    HTTP_FD: listener.fileno(),
                }
                if self._program.hasControlChannel:
                    descriptors[CONTROL_FD] = theirs.fileno()
                # For ps; the launcher reads the environment.
                label = f"child {self._place.slot}: {self._program.label}"
                argv = [sys.executable, "-P", _LAUNCHER, label]
                process.start(shared.reactor, argv, self._environment(), descriptors)

    def tell(self, type: str, **fields: object) -> None:
        """
        Send a control message.

        @param type: what it asks.
        @param fields: its details.
        """
        if self._control is not None:
            self._control.tell(type, **fields)

    def hear(self) -> None:
        """
        Hear what was notified already.
        """
        if self._notify is not None:
            self._notify.doRead()

    def close(self) -> None:
        """
        Hear what is still to be heard, and give everything back.
        """
        if self._control is not None:
            self._control.readRest()
            self._control.close()
        if self._notify is not None:
            self._notify.close()
        if self.httpPath:
            try:
                os.unlink(self.httpPath)
            except FileNotFoundError:
                pass

    def _environment(self) -> dict[str, str]:
        shared, place = self._shared, self._place
        previous = None
        if place.previous is not None:
            crash, at = place.previous
            previous = {
                "description": crash.description,
                "exitCode": crash.exitCode,
                "signal": crash.signal,
                "at": at,
            }
        spec = {
            "version": SPEC_VERSION,
            "masterPid": os.getpid(),
            "slot": place.slot,
            "generation": place.generation,
            "incarnation": place.incarnation,
            "run": shared.run,
            "stopBudget": shared.budgets.stop,
            "stateFolder": shared.stateFolder,
            "previous": previous,
            **self._program.spec(),
        }
        environment = {
            **scrubbed(os.environ),
            **entranceVariables(self._notifyPath, shared.budgets.run),
            RUN_VARIABLE: f"{shared.run}:{place.incarnation}",
            SPEC_VARIABLE: json.dumps(spec),
        }
        if self._program.hasControlChannel:
            environment[CONTROL_VARIABLE] = str(CONTROL_FD)
        if shared.stateFolder is not None:
            environment["STATE_DIRECTORY"] = shared.stateFolder
        return environment
