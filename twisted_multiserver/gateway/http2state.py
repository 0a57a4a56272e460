"""
The state of an HTTP/2 connection: the h2 library, and what we tell it.

Only its public interface is used.  What is relied on beyond that, each with a test in
tests/gateway/test_http2state.py: it judges no fields if told so; it joins the pieces of a
Cookie (RFC 9113 section 8.2.3); heads up to the decoder's limit are read.  One thing it
leaves to us: it would keep a frame of 16 MiB before it sees that it is too long.

Invariant: the connection's window is as large as all the streams' together, so that no
upload waits for another's backend (section 5.2.2).
"""

from __future__ import annotations

from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

from twisted_multiserver.gateway.http2head import HEAD_LIMIT

STREAMS: Final = 100
# Of each stream, by RFC 9113 section 6.9.2; in bytes.
WINDOW: Final = 65535
# What a client sends first, the header of a frame, and the longest frame; RFC 9113 sections
# 3.4, 4.1 and 4.2; in bytes.
_PREFACE: Final = 24
_HEADER: Final = 9
_FRAME: Final = 16384
# Beyond what is allowed, so that a head that is too large can be answered; in bytes.
_READABLE_HEAD: Final = 4 * HEAD_LIMIT


class FrameLengths:
    """
    Looks at the frames' lengths as they come (RFC 9113 section 4.2).
    """

    __slots__ = ("_header", "_missing")

    def __init__(self) -> None:
        self._header = b""
        self._missing = _PREFACE

    def areGood(self, data: bytes) -> bool:
        """
        @param data: what came next.
        @return: whether no frame in it is too long.
        """
        at = 0
        while at < len(data):
            if self._missing:
                step = min(self._missing, len(data) - at)
                self._missing -= step
                at += step
                continue
            piece = data[at : at + _HEADER - len(self._header)]
            at += len(piece)
            self._header += piece
            if len(self._header) == _HEADER:
                self._missing, self._header = int.from_bytes(self._header[:3], "big"), b""
                if self._missing > _FRAME:
                    return False
        return True


class _State(H2Connection):
    # Of how many closed streams it is known how they were closed; else 65536: megabytes.
    MAX_CLOSED_STREAMS = 1024


def newState() -> H2Connection:
    """
    @return: the state of a new connection, with what we say first to be sent.
    """
    # Fields are judged by ourselves, both ways: h2 would end the connection.
    configuration = H2Configuration(
        client_side=False,
        header_encoding=None,
        validate_inbound_headers=False,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
    )
    state = _State(configuration)
    state.local_settings = Settings(
        client=False,
        initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS,
            SettingCodes.MAX_HEADER_LIST_SIZE: HEAD_LIMIT,
        },
    )
    state.decoder.max_header_list_size = _READABLE_HEAD
    state.initiate_connection()
    state.increment_flow_control_window((STREAMS - 1) * WINDOW)
    return state
