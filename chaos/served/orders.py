"""
What a request wants of the application, and what that is answered.

C{X-Fault} is how a request breaks its child: C{poison} ends it as soon as it is read;
C{exit=NAME} in the middle of the response, the first time that somebody reads NAME.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.pages import VISIT, Page, pageAt
from chaos.record import Record
from chaos.served.poison import POISON

# Statuses of children that end themselves.
POISONED = 9
ENDED = 7

# How long a response has begun when its child ends, in seconds.
PAUSE = 0.02

_folder = os.environ["CHAOS_FOLDER"]
_leak = int(os.environ.get("CHAOS_LEAK", "0")) * 1024
# What all responses have in their heads.
FIELDS = [("Connection", "close")] if os.environ.get("CHAOS_CLOSE") else []
_record = Record(_folder)
_leaked: list[bytes] = []


class Session(Protocol):
    """
    What is used of a session.

    @ivar isDegraded: whether its store couldn't be asked.
    """

    isDegraded: bool

    def get(self, name: str, default: Any = None) -> Any:
        """
        @param name: of a field.
        @param default: if there is none.
        @return: its value.
        """

    def __setitem__(self, name: str, value: Any) -> None:
        """
        @param name: of a field.
        @param value: of it.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What is answered.

    @ivar pieces: of the body.
    @ivar length: of all; L{None} if that isn't told.
    @ivar wait: before each piece, in seconds.
    @ivar ends: whether the child is to end in the middle of it.
    """

    pieces: list[bytes]
    length: int | None
    wait: float
    ends: bool = False


def answerTo(
    method: str,
    path: str,
    identity: str,
    fault: str,
    body: bytes,
    session: Callable[[], Session],
) -> Answer | None:
    """
    Decide, and execute what is posted.

    @param method: of the request.
    @param path: of its target.
    @param identity: its C{X-Id}.
    @param fault: its C{X-Fault}.
    @param body: all of it.
    @param session: gives the session.
    @return: what to answer; L{None} if there is nothing of that name.
    """
    if fault == "poison" or body == POISON:
        os._exit(POISONED)
    if _leak:
        _leaked.append(b"x" * _leak)
    if path == VISIT:
        return _visit(identity, session())
    page = pageAt(path)
    if page is None:
        return None
    if method == "POST":
        _record.add(identity, time.monotonic())
        done = b"%s %d\n" % (identity.encode(), len(body))
        return Answer([done], len(done), page.wait / 1000)
    return _answer(page, identity, _isFirst(fault))


def _visit(identity: str, session: Session) -> Answer:
    if not session.isDegraded:
        session["visits"] = session.get("visits", 0) + 1
    body = f"{identity} was here\n".encode()
    return Answer([body], len(body), 0.0)


def _answer(page: Page, identity: str, ends: bool) -> Answer:
    pieces = page.split(identity)
    length = None if page.pieces else page.size
    if ends:
        half = b"".join(pieces)[: page.size // 2]
        return Answer([half], length, page.wait / 1000, ends=True)
    return Answer(pieces, length, page.wait / 1000 / len(pieces))


def _isFirst(fault: str) -> bool:
    word, _, name = fault.partition("=")
    if word != "exit":
        return False
    try:
        os.close(os.open(os.path.join(_folder, f"{name}.ended"), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def end() -> None:
    """
    End this process.
    """
    os._exit(ENDED)
