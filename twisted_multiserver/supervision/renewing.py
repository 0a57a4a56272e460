"""
What a child runs after a reload, whose configuration may have changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from twisted_multiserver.config import MasterConfig
from twisted_multiserver.supervision.command import (
    CommandProgram,
    entranceOf,
    splitCommandLine,
)
from twisted_multiserver.supervision.program import ApplicationProgram, Program


def renewed(
    program: Program, config: MasterConfig, sessions: Mapping[str, object] | None
) -> Program:
    """
    Make the program that takes the place of another.

    @param program: what was run.
    @param config: says what is to be run.
    @param sessions: what an application is told of its sessions.
    @return: a program of the same kind, with the same rights and limits; the same one if
        the configuration names neither.
    @raise ConfigError: if it can't be run.
    """
    if isinstance(program, ApplicationProgram) and config.app is not None:
        return replace(
            program,
            name=config.app,
            kind=config.appKind,
            threads=config.threads,
            sessions=sessions,
        )
    if isinstance(program, CommandProgram) and config.command is not None:
        words = splitCommandLine(config.command, "--command")
        return replace(
            program,
            argv=tuple(words),
            entrance=entranceOf(words, config.childEntrance == "port", "--command"),
            readyPath=config.readyPath,
        )
    return program
