"""
The reactor, chosen before anything imports one.

ASGI applications need asyncio's loop under the reactor, uvloop's where that is
installed; everything else gets Twisted's default.  Importing
C{twisted.internet.reactor} installs the default for good, so an application that did
so can't be served as ASGI unless the asyncio reactor is what it installed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import sys
from types import FrameType
from typing import Any

from twisted.internet.interfaces import (
    IReactorCore,
    IReactorFDSet,
    IReactorSocket,
    IReactorThreads,
    IReactorTime,
)

from twisted_multiserver.child.bootfailure import BootFailure


class IChildReactor(IReactorCore, IReactorFDSet, IReactorSocket, IReactorThreads, IReactorTime):
    """
    What a child asks of a reactor.
    """


def defaultReactor() -> Any:
    """
    Get Twisted's reactor, which installs the default one if there is none.

    @return: the reactor.
    """
    from twisted.internet import reactor

    return reactor


def asyncioReactor(name: str) -> Any:
    """
    Get a reactor on asyncio's loop.

    @param name: the application's name, for people.
    @return: the reactor.
    @raise BootFailure: if another one is installed already, or uvicorn is not.
    """
    if importlib.util.find_spec("uvicorn") is None:
        raise BootFailure(
            f"{name}: an ASGI application needs uvicorn; install twisted_multiserver[asgi]"
        )
    installed = sys.modules.get("twisted.internet.reactor")
    if installed is None:
        from twisted.internet import asyncioreactor

        loop = _newLoop()
        asyncio.set_event_loop(loop)
        asyncioreactor.install(loop)
        _reapUnder(loop)
    elif type(installed).__name__ != "AsyncioSelectorReactor":
        raise BootFailure(
            f"{name}: importing it installed the {type(installed).__name__}, and an ASGI "
            "application needs the asyncio reactor; use --app-kind=asgi, which installs "
            "that first"
        )
    return defaultReactor()


def _reapUnder(loop: asyncio.AbstractEventLoop) -> None:
    """
    Have spawnProcess learn of ended processes whatever the loop is.

    Twisted hears of SIGCHLD by signal.set_wakeup_fd, and a running uvloop takes that for
    itself.

    @param loop: under the installed reactor.
    """
    from twisted.internet.process import reapAllProcesses

    def ended(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(reapAllProcesses)

    # The reactor sets its own handler as it starts.
    defaultReactor().callWhenRunning(signal.signal, signal.SIGCHLD, ended)


def _newLoop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
