"""
Writing requests: a head becomes the bytes that are sent upstream.

Invariant: whatever the head holds, the bytes are exactly one request head; a
value that could smuggle another line is refused here as the last line of
defence, since heads are made from what clients sent (RFC 9112 section 11.1).
"""

from __future__ import annotations

import re

from twisted_multiserver.http1.heads import BadMessage, RequestHead

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
_TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]+\Z")


def requestBytes(head: RequestHead) -> bytes:
    """
    Write a request head, always as HTTP/1.1.

    @param head: the head, its fields already those that go upstream.
    @return: the bytes up to and with the empty line.
    @raise BadMessage: if a part of it can't be written without changing what the
        message means.
    """
    if not _NAME.match(head.method) or not _TARGET.match(head.target):
        raise BadMessage("the request line holds a byte that it must not")
    lines = [head.method + b" " + head.target + b" HTTP/1.1"]
    for name, value in head.fields:
        if not _NAME.match(name) or not _VALUE.match(value):
            raise BadMessage(f"the field {name[:50]!r} holds a byte that it must not")
        lines.append(name + b": " + value)
    return b"\r\n".join(lines) + b"\r\n\r\n"
