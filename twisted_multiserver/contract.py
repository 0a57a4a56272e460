"""
The border between master and child: the words that both sides use.

The master writes a I{spec} into the child's environment, hands it descriptors by
fixed numbers, and exchanges short JSON messages with it over a SOCK_SEQPACKET
pair (the I{control channel}).  Everything else follows systemd's conventions
(sd_listen_fds(3), sd_notify(3)), so that any program can be a child.

Invariants: standard library only, since the launcher loads this before the child
has chosen a reactor; a message never exceeds L{MESSAGE_LIMIT} bytes; what can't
be understood is ignored, never an error, so that the two sides may differ in age.
"""

from __future__ import annotations

import json
import signal

SPEC_VARIABLE = "TWISTED_MULTISERVER_SPEC"
CONTROL_VARIABLE = "TWISTED_MULTISERVER_CONTROL_FD"
RUN_VARIABLE = "TWISTED_MULTISERVER_RUN"

SPEC_VERSION = 1

HTTP_FD = 3
CONTROL_FD = 4

# A real-time signal, since applications use SIGUSR1 and SIGUSR2 for themselves.
STACK_DUMP_SIGNAL = signal.SIGRTMAX - 3

EXIT_NOT_AN_APPLICATION = 78
EXIT_NOT_EXECUTABLE = 126
EXIT_NOT_FOUND = 127
APPLICATION_FAULTS = frozenset({EXIT_NOT_AN_APPLICATION, EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND})

MESSAGE_VERSION = 1
MESSAGE_LIMIT = 65536


class MessageTooLong(ValueError):
    """
    A control message would exceed L{MESSAGE_LIMIT} bytes.
    """


def encodeMessage(type: str, **fields: object) -> bytes:
    """
    Make one control message.

    @param type: what the message asks or tells.
    @param fields: its JSON-serialisable details.
    @return: the bytes of one datagram, at most L{MESSAGE_LIMIT}.
    @raise MessageTooLong: if they would be more.
    """
    data = json.dumps({**fields, "version": MESSAGE_VERSION, "type": type}).encode("ascii")
    if len(data) > MESSAGE_LIMIT:
        raise MessageTooLong(f"a {type!r} message of {len(data)} bytes, at most {MESSAGE_LIMIT}")
    return data


def decodeMessage(data: bytes) -> dict[str, object] | None:
    """
    Read one control message.

    @param data: one datagram, from a peer that may be of another version.
    @return: the message's fields with C{"type"}, a string; L{None} for what is
        not a message of this version and is to be ignored.
    """
    if len(data) > MESSAGE_LIMIT:
        return None
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("version") != MESSAGE_VERSION:
        return None
    return message if isinstance(message.get("type"), str) else None
