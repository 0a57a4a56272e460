"""
A twisted.web request that tells its channel when its head must leave.

A channel learns of a response piece by piece, and can't see whether the body's first piece
follows its head at once.  The request can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.web.server import Request

if TYPE_CHECKING:
    _Base = Request
else:
    # Mixed into request classes that derive from Request, perhaps by way of others.
    _Base = object


class ChannelRequestMixin(_Base):
    """
    Mixed in before a request class.
    """

    _isFinishing = False

    def write(self, data: bytes) -> None:
        """
        Write a piece of the body.

        @param data: the head goes with the first one.
        """
        # Whatever the application has set it to.
        code: object = self.code
        if not (self.startedWriting or isinstance(code, int)):
            # Formatting it would fail half-way, and leave a response without a head.
            self.code, self.code_message = 0, b"given as %a" % (code,)
        super().write(data)  # type: ignore[no-untyped-call]
        if not self._isFinishing:
            # Another channel, as of a Site with a protocol of its own, has no need of it; and
            # there is none any more if what was written has ended the request.
            flush: Any = getattr(getattr(self, "channel", None), "flushHead", None)
            if flush is not None:
                flush()

    def finish(self) -> None:
        """
        End the response.
        """
        # An empty response is one write, too: its head goes with its end.
        self._isFinishing = True
        super().finish()  # type: ignore[no-untyped-call]
