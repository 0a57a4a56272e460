"""
Whose turn it is to send on an HTTP/2 connection.

Strategy: the streams that have something to send stand in a row; each sends one frame and
goes to the row's end, as long as the transport takes it.  One that its client gives no window
is passed over, and asked again when something has come from the client: nothing is asked in
vain in the meantime.

Invariant: replies that a client asks for and doesn't take are bounded (RFC 9113 section 10.5).
"""

from __future__ import annotations

from typing import Final, Protocol

from h2.connection import H2Connection

from twisted_multiserver.streams.streams import Stream

# In bytes.
_REPLIES: Final = 65536


class Sender(Protocol):
    """
    A stream that may have something to send.
    """

    @property
    def hasOutput(self) -> bool:
        """
        Whether it has.
        """

    def sendSome(self) -> bool:
        """
        Send a frame, if the client lets us.

        @return: whether that was so.
        """


class HTTP2Output:
    """
    What leaves on one connection.
    """

    def __init__(self, stream: Stream, state: H2Connection) -> None:
        """
        @param stream: takes the bytes.
        @param state: has them.
        """
        self._stream = stream
        self._state = state
        self._row: dict[Sender, None] = {}
        self._untaken = 0

    def add(self, sender: Sender) -> None:
        """
        @param sender: joins the row, if it has something to send.
        """
        if sender.hasOutput:
            self._row[sender] = None

    def remove(self, sender: Sender) -> None:
        """
        @param sender: leaves the row.
        """
        self._row.pop(sender, None)

    def flush(self) -> None:
        """
        Write what is ready.
        """
        data = self._state.data_to_send()
        if data:
            self._stream.write(data)

    def sendAll(self) -> None:
        """
        Send as much as can be sent.
        """
        self.flush()
        while self._row and not self._stream.buffered and self._sendRound():
            pass
        self.flush()

    def sendReplies(self) -> bool:
        """
        Send what the state replies by itself.

        @return: whether the client takes what it asks for.
        """
        replies = self._state.data_to_send()
        if replies:
            self._stream.write(replies)
            if self._stream.buffered:
                self._untaken += len(replies)
        return self._untaken <= _REPLIES

    def drained(self) -> None:
        """
        The client has taken all that was written.
        """
        self._untaken = 0

    def _sendRound(self) -> bool:
        """
        Send a frame of each.

        @return: whether there was one that could be sent.
        """
        isStuck = True
        for sender in tuple(self._row):
            if self._stream.buffered:
                break
            # It may have left by what another one brought about.
            if sender in self._row and sender.sendSome():
                isStuck = False
                self.remove(sender)
                self.add(sender)
                self.flush()
        return not isStuck
