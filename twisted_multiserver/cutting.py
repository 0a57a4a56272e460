"""
Cutting a response of twisted.web's that can't be completed: the one place of how.

Over HTTP/1.1 the connection is reset, over HTTP/2 the stream, with INTERNAL_ERROR (RFC 9113
section 8.1).  What an H2Stream offers for that, C{abortConnection}, resets it with NO_ERROR, which
curl takes for success; hence the private names here.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure
from twisted.web.http import Request

# RFC 9113 section 7.
_INTERNAL_ERROR: Final = 2


def cutResponse(request: Request) -> None:
    """
    Make the client see that its response isn't whole; whoever waits for the request's end learns of
    it as if the client had left.

    @param request: a part of its response was written.
    """
    # A channel of ours, an HTTPChannel, which has no abortConnection, or an H2Stream.
    channel: Any = request.channel
    if request.clientproto != b"HTTP/2":
        (getattr(channel, "abortConnection", None) or channel.transport.abortConnection)()
        return
    connection = channel._conn
    connection.conn.reset_stream(channel.streamID, error_code=_INTERNAL_ERROR)
    if connection._tryToWriteControlData():
        # Else it is gone as a whole, and has told all its streams.
        connection._requestDone(channel.streamID)
        request.connectionLost(Failure(ConnectionAborted()))
