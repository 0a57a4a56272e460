"""
A child without a master: C{python -m twisted_multiserver.child NAME}.

It serves the application on the listening socket that was passed as descriptor 3 with
C{LISTEN_FDS=1} (sd_listen_fds(3)), under systemd or by hand.  On a UNIX socket the forwarded
fields are believed, as they are the master's there; on any other they mean nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from twisted_multiserver.child.bootfailure import BootFailure, leave, report
from twisted_multiserver.child.launch import runApplication
from twisted_multiserver.child.spec import Application, Spec

_STOP_BUDGET = 10.0


def specOf(arguments: list[str], environ: dict[str, str]) -> Spec:
    """
    Read the command line.

    @param arguments: behind the program's name.
    @param environ: tells of the socket.
    @return: what a master would ask.
    @raise BootFailure: if no socket was passed to this process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m twisted_multiserver.child",
        description="Serve an application on the socket passed as descriptor 3 (LISTEN_FDS=1).",
    )
    parser.add_argument("name", help="pkg.mod.attr or pkg.mod:attr")
    parser.add_argument(
        "--app-kind",
        default="auto",
        choices=("auto", "resource", "site", "factory", "wsgi", "asgi"),
    )
    parser.add_argument("--threads", type=int, default=10, help="of a WSGI application")
    options = parser.parse_args(arguments)
    isOurs = environ.get("LISTEN_PID", str(os.getpid())) == str(os.getpid())
    if environ.get("LISTEN_FDS") != "1" or not isOurs:
        raise BootFailure(
            "no socket was passed: descriptor 3 must be a listening one, with LISTEN_FDS=1"
            " (and LISTEN_PID this process's, or not set)"
        )
    return Spec(
        masterPid=os.getppid(),
        slot=0,
        generation=1,
        incarnation=1,
        application=Application(options.name, options.app_kind, options.threads),
        argv=None,
        deathSignal=0,
        stopBudget=_STOP_BUDGET,
    )


def main() -> NoReturn:
    """
    Serve until a signal ends it.
    """
    try:
        status = runApplication(specOf(sys.argv[1:], dict(os.environ)), None)
    except BootFailure as error:
        report(error, None)
        leave(error.status)
    sys.exit(status)


if __name__ == "__main__":
    main()
