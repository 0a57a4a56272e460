"""
Launching: the descriptors and words that one incarnation gets.

Strategy: everything that a child is told goes by its environment and by descriptors of
fixed numbers (L{twisted_multiserver.contract}); the launcher in the child takes it from
there.

Invariants: each incarnation has an entrance, a notify socket and a control channel of
its own; what isn't the child's is closed here or in the launcher; nothing of them is
left when the child is dead.
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
    RUN_VARIABLE,
    SPEC_VARIABLE,
    SPEC_VERSION,
)
from twisted_multiserver.supervision.control import ControlChannel
from twisted_multiserver.supervision.entrances import Entrance, openEntrance
from twisted_multiserver.supervision.environment import scrubbed, watchVariables
from twisted_multiserver.supervision.notify import NotifySocket
from twisted_multiserver.supervision.process import STDERR, STDOUT, ChildProcess
from twisted_multiserver.supervision.program import Program
from twisted_multiserver.supervision.surroundings import Place, Surroundings

_LAUNCHER = str(Path(__file__).absolute().parent.parent / "child" / "launch.py")


class Launch:
    """
    What one incarnation is given at its start.

    @ivar address: where it serves; empty before L{launch}.
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
        self._entrance: Entrance | None = None
        self._notifyPath = ""
        self._notify: NotifySocket | None = None
        self._control: ControlChannel | None = None

    @property
    def address(self) -> str:
        """
        Where the child serves; empty before L{launch}.
        """
        return "" if self._entrance is None else self._entrance.address

    @property
    def cookie(self) -> str:
        """
        What is in the environment of each process that the child consists of.
        """
        return f"{RUN_VARIABLE}={self._shared.run}:{self._place.incarnation}"

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
        shared, program = self._shared, self._program
        # The folder is made with the first of them, and that may fail.
        self._entrance = openEntrance(program.entrance, shared.runtimeFolder, program.uid)
        self._notifyPath = shared.runtimeFolder.socketPath("n")
        self._notify = NotifySocket(shared.reactor, self._notifyPath, program.uid, notified)
        shared.warden.keep(shared.runtimeFolder.path)
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(os.devnull, "rb") as nothing:
            self._control = ControlChannel(shared.reactor, mine, told)
            descriptors: dict[int, int | str] = {
                0: nothing.fileno(),
                STDOUT: "r",
                STDERR: "r",
                CONTROL_FD: theirs.fileno(),
                **self._entrance.descriptors,
            }
            # For ps; the launcher reads the environment.
            label = f"child {self._place.slot}: {program.label}"
            argv = [sys.executable, "-P", _LAUNCHER, label]
            process.start(shared.reactor, argv, self._environment(self._entrance), descriptors)
        self._entrance.launched()

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
        if self._entrance is not None:
            self._entrance.close()

    def _environment(self, entrance: Entrance) -> dict[str, str]:
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
            "loadInterval": shared.loadInterval,
            **self._program.spec(entrance.fill),
        }
        environment = {
            **scrubbed(os.environ),
            **watchVariables(self._notifyPath, shared.budgets.run),
            **entrance.variables,
            **self._program.variables(os.environ),
            RUN_VARIABLE: f"{shared.run}:{place.incarnation}",
            SPEC_VARIABLE: json.dumps(spec),
            CONTROL_VARIABLE: str(CONTROL_FD),
        }
        if shared.stateFolder is not None:
            environment["STATE_DIRECTORY"] = shared.stateFolder
        return environment
