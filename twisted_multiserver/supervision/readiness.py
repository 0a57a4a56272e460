"""
When a child is ready, and what to say if it never was.

Rules: an application of ours is ready when it notifies so, which it does when it serves.
Another program is ready when its entrance has answered a request; if it notifies
anything at all, it must have said C{READY=1} too.  C{READY=1} alone is not enough:
gunicorn says it before it loads the application.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_multiserver.supervision.entrancekind import EntranceKind


class Readiness:
    """
    What is known of one incarnation's readiness.

    @ivar hasAnswered: whether its entrance has answered.
    @ivar saidReady: whether it has notified C{READY=1}.
    """

    def __init__(self, isProbed: bool) -> None:
        """
        @param isProbed: whether its entrance must have answered.
        """
        self._isProbed = isProbed
        self._hasNotified = False
        self.saidReady = False
        self.hasAnswered = False

    def notified(self, notification: dict[str, str]) -> None:
        """
        @param notification: of the program's.
        """
        self._hasNotified = True
        if notification.get("READY") == "1":
            self.saidReady = True

    @property
    def isReady(self) -> bool:
        """
        Whether it may serve.
        """
        if not self._isProbed:
            return self.saidReady
        return self.hasAnswered and (self.saidReady or not self._hasNotified)

    def hint(
        self,
        entrance: EntranceKind,
        address: str,
        path: str,
        elsewhere: Sequence[str],
        said: str,
    ) -> str:
        """
        Say what is probably wrong with a program that did not get ready in time.

        @param entrance: how it was told where to listen.
        @param address: where.
        @param path: that was asked for.
        @param elsewhere: where it listens, for people.
        @param said: what answered instead of HTTP, or an empty text.
        @return: a part of a line; empty if there is nothing to say.
        """
        if not self._isProbed:
            return ""
        if self.hasAnswered:
            return "it answers, but what it notifies is not READY=1"
        where = "descriptor 3" if entrance is EntranceKind.descriptor else address
        hint = f"it did not answer GET {path} on {where}"
        if said:
            hint += f", but said {said}, which is no HTTP"
        if elsewhere:
            hint += f"; it listens on {', '.join(elsewhere)}"
        if entrance is EntranceKind.descriptor:
            said = "it said READY=1: " if self.saidReady else ""
            hint += (
                f"; {said}if it is run by another program (a shell, poetry run), that has taken"
                ' LISTEN_PID: have it replaced by "exec"; if it takes no sockets from systemd,'
                " give it {socket} or {port}"
            )
        elif entrance is EntranceKind.port and elsewhere:
            hint += "; give it {port}, or have it read PORT"
        return hint
