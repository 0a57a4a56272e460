"""
The obituary: all that is known of a child's end, told when it is complete.

Invariant: told once, when nothing of the child is left and its last words have arrived
or had their time, in whichever order.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_multiserver.supervision.child import Child
from twisted_multiserver.supervision.crash import Crash, CrashKind, makeCrash
from twisted_multiserver.supervision.words import Words

_FOREGROUND = "what it runs must stay in the foreground"


class Obituary:
    """
    Collects what is known of one child.

    @ivar isAskedFor: whether its exit is as it should be; then there is no crash.
    @ivar exchanges: what was in flight when it ended.
    """

    def __init__(self, words: Words, complete: Callable[[], None]) -> None:
        """
        @param words: what the child has written.
        @param complete: called once, when all is known.
        """
        self._words = words
        self._complete = complete
        self._blame: tuple[CrashKind, str] | None = None
        self._bootReason: tuple[str, tuple[str, ...]] | None = None
        self._end: tuple[int | None, int | None] = (None, None)
        self._areWordsOver = False
        self._isNothingLeft = False
        self._isTold = False
        self.isAskedFor = False
        self.exchanges: tuple[str, ...] = ()

    def blame(self, kind: CrashKind, reason: str) -> None:
        """
        Note why it is ended.

        @param kind: of the crash.
        @param reason: in one line.
        """
        self._blame = (kind, reason)

    def bootFailed(self, reason: object, traceback: object = None) -> None:
        """
        Note why it says that it can't boot.

        @param reason: for people; made one line.
        @param traceback: of the application's own code, if that raised.
        """
        lines = tuple(traceback.splitlines()) if isinstance(traceback, str) else ()
        self._bootReason = (" ".join(str(reason).split()), lines)

    def exited(self, exitCode: int | None, signalNumber: int | None) -> None:
        """
        Note how its process ended.

        @param exitCode: its status, if it exited.
        @param signalNumber: the signal that ended it, if one did.
        """
        self._end = (exitCode, signalNumber)

    def wordsOver(self) -> None:
        """
        Its last words have arrived, or had their time.
        """
        self._areWordsOver = True
        self._tell()

    def nothingLeft(self) -> None:
        """
        Of all that it has started nothing is left.
        """
        self._isNothingLeft = True
        self._tell()

    def _tell(self) -> None:
        if self._areWordsOver and self._isNothingLeft and not self._isTold:
            self._isTold = True
            self._words.end()
            self._complete()

    def crash(self, child: Child, uptime: float, wasReady: bool) -> Crash | None:
        """
        Build the crash.

        @param child: who has ended.
        @param uptime: how long it lived, in seconds.
        @param wasReady: whether it ever was ready.
        @return: the crash; L{None} if its exit was asked for.
        """
        if self.isAskedFor:
            return None
        kind, reason = self._blame or (None, "")
        if not wasReady:
            kind = CrashKind.bootFailure
            if self._bootReason is not None:
                reason, traceback = self._bootReason
                self._words.addTraceback(traceback)
            elif not reason and self._end[0] == 0:
                reason = f"{child.name} ended before it was ready (exit 0): {_FOREGROUND}"
        lines = self._words.lines()
        return makeCrash(child, *self._end, uptime, lines, self.exchanges, kind, reason)
