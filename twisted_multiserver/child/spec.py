"""
The spec: what the master asks of one child, read from its environment.

Standard library only, since the launcher reads it before anything else.  A spec of
another version, or one that lacks a key, is an error of ours and not of the user's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from twisted_multiserver.contract import SPEC_VARIABLE, SPEC_VERSION


class BadSpec(Exception):
    """
    There is no spec, or it is none that this version understands.
    """


@dataclass(frozen=True, slots=True)
class Application:
    """
    The application to serve.

    @ivar name: a dotted name, or C{pkg.mod:attr}.
    @ivar kind: C{"auto"}, or the kind that it must have.
    @ivar threads: the size of a WSGI application's thread pool.
    @ivar sessions: a L{SessionSetup<twisted_multiserver.sessions.setup.SessionSetup>} as
        JSON carries it; L{None} for no sessions.
    """

    name: str
    kind: str = "auto"
    threads: int = 10
    sessions: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """
    What the master asks of one child.

    @ivar application: the application, or
    @ivar argv: the command line of another program to become.  Exactly one is given.
    @ivar limits: soft and hard limits by name, as C{"NOFILE"}.
    @ivar uid: the user to become, if any.
    @ivar gid: the group to become, if any.
    @ivar deathSignal: the signal that the kernel sends when the master dies.
    @ivar stopBudget: how long a stop may take from SIGTERM to SIGKILL, in seconds.
    @ivar loadInterval: how often to report the load, in seconds; L{None} for never.
    @ivar previous: how the slot's previous life ended, if it crashed.
    """

    masterPid: int
    slot: int
    generation: int
    incarnation: int
    application: Application | None
    argv: tuple[str, ...] | None
    deathSignal: int
    stopBudget: float
    chdir: str | None = None
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None
    stateFolder: str | None = None
    loadInterval: float | None = None
    previous: dict[str, object] | None = None


def takeSpec(environ: MutableMapping[str, str]) -> Spec:
    """
    Read the spec and remove it, so that it is not inherited any further.

    @param environ: the process's environment; changed.
    @return: the spec.
    @raise BadSpec: if there is none, or none that can be read.
    """
    text = environ.pop(SPEC_VARIABLE, None)
    if text is None:
        raise BadSpec(f"{SPEC_VARIABLE} is not set: this is started by a master only")
    return parseSpec(text)


def parseSpec(text: str) -> Spec:
    """
    Read a spec.

    @param text: JSON.
    @return: the spec.
    @raise BadSpec: if it can't be read.
    """
    try:
        fields = json.loads(text)
        if fields["version"] != SPEC_VERSION:
            raise BadSpec(f"a spec of version {fields['version']!r}, not {SPEC_VERSION}")
        return _fromFields(fields)
    except (ValueError, KeyError, TypeError) as error:
        raise BadSpec(f"an unreadable spec: {type(error).__name__}: {error}") from error


def _fromFields(fields: Mapping[str, Any]) -> Spec:
    application, argv = fields.get("application"), fields.get("exec")
    if (application is None) == (argv is None):
        raise ValueError("exactly one of application and exec")
    return Spec(
        masterPid=fields["masterPid"],
        slot=fields["slot"],
        generation=fields["generation"],
        incarnation=fields["incarnation"],
        application=None
        if application is None
        else Application(
            application["name"],
            application["kind"],
            application["threads"],
            application.get("sessions"),
        ),
        argv=None if argv is None else tuple(argv),
        deathSignal=fields["deathSignal"],
        stopBudget=fields["stopBudget"],
        chdir=fields["chdir"],
        limits={name: (soft, hard) for name, (soft, hard) in fields["limits"].items()},
        uid=fields["uid"],
        gid=fields["gid"],
        stateFolder=fields["stateFolder"],
        loadInterval=fields.get("loadInterval"),
        previous=fields["previous"],
    )
