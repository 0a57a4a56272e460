"""
The first thing that runs in a child: it makes the process what the master asked for,
and then becomes the program or runs the application.

It is run by path (C{python -P .../launch.py LABEL}) and imports the standard library and
this package's own files without Twisted only, so that it costs little and chooses no
reactor.

The order matters:

  1. C{setsid}: a group of its own, which can be ended as a whole.
  2. Limits, while the rights to raise them are there.
  3. Group, then user.
  4. The parent-death signal: a change of user clears it (prctl(2)).
  5. Compare the parent with the spec's master, not with 1, which is a legal master in a
     container: if the master died before step 4, nobody will send that signal.
  6. C{LISTEN_PID} (sd_listen_fds(3)), the folder, and off.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import importlib.util
import os
import pwd
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

if importlib.util.find_spec("twisted_multiserver") is None:
    # Run from a checkout that is not installed.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from twisted_multiserver.child.bootfailure import BootFailure, leave, report
from twisted_multiserver.child.spec import BadSpec, Spec, takeSpec
from twisted_multiserver.contract import (
    CONTROL_FD,
    CONTROL_VARIABLE,
    EXIT_NOT_EXECUTABLE,
    EXIT_NOT_FOUND,
    HTTP_FD,
    STACK_DUMP_SIGNAL,
)

_PR_SET_PDEATHSIG = 1
_EXIT_ORPHANED = 1


def limitOf(name: str) -> int:
    """
    Find a resource limit.

    @param name: as C{"NOFILE"}.
    @return: the number that setrlimit(2) knows it by.
    @raise BootFailure: if there is none of that name.
    """
    number = getattr(resource, f"RLIMIT_{name}", None)
    if not isinstance(number, int):
        raise BootFailure(f"there is no resource limit {name!r} on this system")
    return number


def applyLimits(limits: Mapping[str, tuple[int, int]]) -> None:
    """
    Set resource limits.

    @param limits: soft and hard limits by name.
    @raise BootFailure: if one is unknown or not permitted.
    """
    for name, pair in limits.items():
        try:
            resource.setrlimit(limitOf(name), pair)
        except (ValueError, OSError) as error:
            raise BootFailure(f"cannot set the limit {name} to {pair}: {error}") from error


def become(uid: int | None, gid: int | None) -> None:
    """
    Become another group and user, with that user's supplementary groups.

    @param uid: the user, if any.
    @param gid: the group, if any; by default the user's own.
    @raise BootFailure: if that is not permitted.
    """
    try:
        name, ownGid = _account(uid)
        gid = ownGid if gid is None else gid
        if gid is not None:
            os.setgid(gid)
            if os.geteuid() == 0:
                if name is None:
                    os.setgroups([gid])
                else:
                    os.initgroups(name, gid)
        if uid is not None:
            os.setuid(uid)
    except OSError as error:
        raise BootFailure(f"cannot become user {uid}, group {gid}: {error.strerror}") from error


def _account(uid: int | None) -> tuple[str | None, int | None]:
    if uid is None:
        return None, None
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        # A number without a name is usual in containers.
        return None, None
    return account.pw_name, account.pw_gid


def dieWithMaster(deathSignal: int) -> None:
    """
    Have the kernel send a signal when the thread that spawned this process ends.

    @param deathSignal: the signal's number.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, deathSignal, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise BootFailure(f"cannot set the parent-death signal: {os.strerror(code)}")


def prepare(spec: Spec) -> None:
    """
    Make the process what the spec asks for.

    @param spec: what the master asks.
    @raise BootFailure: if it can't be done.
    """
    if os.getpid() != os.getsid(0):
        os.setsid()
    applyLimits(spec.limits)
    become(spec.uid, spec.gid)
    dieWithMaster(spec.deathSignal)
    if os.getppid() != spec.masterPid:
        os._exit(_EXIT_ORPHANED)
    if "LISTEN_FDS" in os.environ:
        os.environ["LISTEN_PID"] = str(os.getpid())
    if spec.chdir is not None:
        try:
            os.chdir(spec.chdir)
        except OSError as error:
            raise BootFailure(f"cannot enter {spec.chdir!r}: {error.strerror}") from error


def execFailure(argv: Sequence[str], error: OSError) -> BootFailure:
    """
    Say why a program could not be run, with the shell's exit statuses.

    @param argv: its command line.
    @param error: what execvpe(3) said.
    """
    if error.errno == errno.ENOENT:
        return BootFailure(f"{argv[0]}: no such program", EXIT_NOT_FOUND)
    return BootFailure(f"{argv[0]}: cannot be run: {error.strerror}", EXIT_NOT_EXECUTABLE)


def runProgram(argv: Sequence[str], controlFd: int | None) -> NoReturn:
    """
    Become another program.

    @param argv: its command line.
    @param controlFd: the control channel, which it knows nothing of.
    @raise BootFailure: if it can't be run.
    """
    # What is reported of a failure goes through it, up to this point.
    os.environ.pop(CONTROL_VARIABLE, None)
    if controlFd is not None:
        os.set_inheritable(controlFd, False)
    # Python ignores these; a program that inherits that would not end with its pipe.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], list(argv), os.environ)
    except OSError as error:
        raise execFailure(argv, error) from error


def runApplication(spec: Spec, controlFd: int | None) -> int:
    """
    Serve the application.

    @param spec: what the master asks.
    @param controlFd: the control channel, if there is one.
    @return: the exit status.
    """
    # A subprocess of the application that held a copy of the listener would make
    # connects after this child's death hang instead of being refused.
    os.set_inheritable(HTTP_FD, False)
    if controlFd is not None:
        os.set_inheritable(controlFd, False)
    # Written by the C signal handler, so it answers even when the event loop hangs.
    faulthandler.register(STACK_DUMP_SIGNAL, all_threads=True)
    sys.path.insert(0, os.getcwd())
    # The label is for ps; an application that parses its arguments must not meet it.
    del sys.argv[1:]

    from twisted_multiserver.child.main import run

    return run(spec, controlFd)


def main() -> NoReturn:
    """
    Launch what the environment's spec says.
    """
    controlFd = CONTROL_FD if CONTROL_VARIABLE in os.environ else None
    try:
        spec = takeSpec(os.environ)
        prepare(spec)
        if spec.argv is not None:
            runProgram(spec.argv, controlFd)
        status = runApplication(spec, controlFd)
    except BadSpec as error:
        failure = BootFailure(str(error))
    except BootFailure as error:
        failure = error
    else:
        sys.exit(status)
    report(failure, controlFd)
    leave(failure.status)


if __name__ == "__main__":
    main()
