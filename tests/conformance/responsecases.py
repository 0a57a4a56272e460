"""
What a backend may answer, and what the client must get of it.

Strategy: a table.  C{name} says what is special; a plain C{bytes} in one of the
lists is a case of its own, named by itself.  Everything that isn't said of a case
is as in the plainest: GET, 200, the body C{hello}, a connection that goes on.

The rules: RFC 9112 sections 2 to 9 (what a message is), RFC 9110 section 7.6
(what a gateway relays), section 15.2 (1xx).  Where they allow more than one
answer, so does C{outcomes}; a response that seems whole and isn't, or that can be
read in two ways, is never among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tests.conformance.scriptedbackend import (
    NEXT,
    Script,
    Step,
    awaitEnd,
    close,
    flood,
)

# Outcomes: the response as it was meant, our own 502, or one that visibly is not whole.
RELAYED, REFUSED, CUT = "relayed", "502", "cut"

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = b"Content-Length: 5\r\n\r\nhello"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
HELLO_CHUNKED = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
LARGE = bytes(range(256)) * 1024


@dataclass(frozen=True, slots=True)
class Case:
    """
    One response.

    @ivar name: says what is special.
    @ivar steps: what the backend does.
    @ivar outcomes: those that are right.
    @ivar method: of the request.
    @ivar version: of the request.
    @ivar asked: further field lines of the request.
    @ivar body: of the request.
    @ivar status: of the response, if it is relayed.
    @ivar content: of the response, if it is relayed.
    @ivar fields: values of the response's fields by name, in order; none: absent.
    @ivar interim: the lists of 1xx statuses that are right before it.
    @ivar fresh: whether the backend's connection must not be used again.
    @ivar persists: whether the client's connection must go on.
    """

    name: str
    steps: tuple[bytes | Step, ...]
    outcomes: tuple[str, ...] = (RELAYED,)
    method: bytes = b"GET"
    version: bytes = b"HTTP/1.1"
    asked: bytes = b""
    body: bytes = b""
    status: int = 200
    content: bytes = b"hello"
    fields: Mapping[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    interim: tuple[tuple[int, ...], ...] = ((),)
    fresh: bool = False
    persists: bool = False

    @property
    def script(self) -> Script:
        """
        What the backend does; a head that never ends gets an end of its connection.
        """
        sent = b"".join(step for step in self.steps if isinstance(step, bytes))
        acts = not all(isinstance(step, bytes) for step in self.steps)
        if acts or b"\r\n\r\n" in sent:
            return Script(self.steps)
        return Script((*self.steps, close))


_BAD_STATUS_LINES = (
    b"hello world",
    b"",
    b"HTTP/1.1",
    b"HTTP/1.1 ",
    b"HTTP/1.1 OK",
    b"HTTP/2.0 200 OK",
    b"HTTP/2 200 OK",
    b"HTTP/3.0 200 OK",
    b"HTTP/0.9 200 OK",
    b"HTTP/1 200 OK",
    b"HTTP/1.10 200 OK",
    b"HTTP/01.1 200 OK",
    b"HTTP/+1.1 200 OK",
    b"HTTP/1.x 200 OK",
    b"http/1.1 200 OK",
    b"HTTPS/1.1 200 OK",
    b"ICY 200 OK",
    b"200 OK",
    b"GET / HTTP/1.1",
    b" HTTP/1.1 200 OK",
    b"HTTP /1.1 200 OK",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1\t200\tOK",
    b"HTTP/1.1 200OK",
    b"HTTP/1.1 99 Low",
    b"HTTP/1.1 099 Low",
    b"HTTP/1.1 000 Low",
    b"HTTP/1.1 600 High",
    b"HTTP/1.1 999 High",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 0200 OK",
    b"HTTP/1.1 abc OK",
    b"HTTP/1.1 20x OK",
    b"HTTP/1.1 +20 OK",
    b"HTTP/1.1 -20 OK",
    b"HTTP/1.1 2_0 OK",
    b"HTTP/1.1 0x2 OK",
    b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 OK",
    b"HTTP/1.1 200 O\x00K",
    b"HTTP/1.1 200 O\x01K",
    b"HTTP/1.1 200 O\x7fK",
    b"HTTP/1.1 200 O\rK",
    b"HTTP/1.1 200 OK\r",
)

# Each stands between a good status line and L{HELLO}.
_BAD_FIELD_LINES = (
    b"nonsense",
    b": x",
    b"X A: x",
    b" X-A: x",
    b"\tX-A: x",
    b"X(A): x",
    b"X\x00A: x",
    b"X\x01A: x",
    b"X\rA: x",
    b"X\xe9A: x",
    b'X"A: x',
    b"X-A: a\x00b",
    b"X-A: \x00",
    b"X-A: a\x01b",
    b"X-A: a\x0bb",
    b"X-A: a\x0cb",
    b"X-A: a\x1bb",
    b"X-A: a\x7fb",
    b"X-A: a\rb",
    b"X-A: a\r",
    b"X-A: a\rX-B: b",
    b"X-A: a\nX-B: b",
    b"X-A: a\n",
    b"Content-Length : 3",
    b"Transfer-Encoding : chunked",
    b"Content-Length: 5\nTransfer-Encoding: chunked",
)

# Each is a whole set of framing fields before C{hello} in both codings' shape.
_BAD_FRAMINGS = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Content-Length: 5\r\nTransfer-Encoding: identity",
    b"Content-Length: 5\r\nContent-Length: 6",
    b"Content-Length: 5\r\nX-A: a\r\ncontent-length: 20",
    b"Content-Length: 5, 6",
    b"Content-Length: 5\r\nContent-Length: x",
    b"Content-Length:",
    b"Content-Length: ,",
    b"Content-Length: -1",
    b"Content-Length: +5",
    b"Content-Length: 0x5",
    b"Content-Length: 1e1",
    b"Content-Length: 5.0",
    b"Content-Length: 1_0",
    b"Content-Length: 1 0",
    b"Content-Length: five",
    b"Content-Length: 5;",
    b'Content-Length: "5"',
    b"Content-Length: \xd9\xa5",
    b"Content-Length: 5\x0b",
    b"Content-Length: 18446744073709551621",
    b"Content-Length: 99999999999999999999999999999999",
    b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, gzip",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunkedx",
    b"Transfer-Encoding: chunked;q=1",
    b'Transfer-Encoding: "chunked"',
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: chunked\x00",
    b"Transfer-Encoding:",
)

_HELLO_BOTH = b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

# Each follows the head of a chunked response, and the backend then hangs up.
_BAD_CHUNKS = (
    b"xyz\r\nhello\r\n0\r\n\r\n",
    b"-5\r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n",
    b"0_5\r\nhello\r\n0\r\n\r\n",
    b" 5\r\nhello\r\n0\r\n\r\n",
    b"\r\n5\r\nhello\r\n0\r\n\r\n",
    b";a=b\r\nhello\r\n0\r\n\r\n",
    b"5\nhello\r\n0\r\n\r\n",
    b"5\rhello\r\n0\r\n\r\n",
    b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"5\r\nhello!\r\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello\r0\r\n\r\n",
    b"5\r\nhello\r\n\r\n0\r\n\r\n",
    b"5\r\nhello\r\nxyz\r\n",
    b"5\r\nhello\r\n-0\r\n\r\n",
    b"5\r\nhello\r\n0\n\n",
    b"5\r\nhello\r\n0\r\nnonsense\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-A : a\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-A: a\x00b\r\n\r\n",
    b"5\r\nhello\r\n0\r\n X-A: a\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\n",
    # Cut short, at every kind of place.
    b"",
    b"5",
    b"5\r",
    b"5\r\n",
    b"5\r\nhel",
    b"5\r\nhello",
    b"5\r\nhello\r",
    b"5\r\nhello\r\n",
    b"5\r\nhello\r\n0",
    b"5\r\nhello\r\n0\r\n",
    b"5\r\nhello\r\n0\r\n\r",
    b"5\r\nhello\r\n0\r\nX-A: a\r\n",
)


def refusedCases() -> Iterator[Case]:
    """
    Responses that are none: our own 502, and the connection is not used again.
    """
    refused = Case("", (), outcomes=(REFUSED,), fresh=True)
    for line in _BAD_STATUS_LINES:
        yield replace(refused, name=f"status line {line!r}", steps=(line + b"\r\n" + HELLO,))
    for line in _BAD_FIELD_LINES:
        yield replace(refused, name=f"field {line!r}", steps=(OK + line + b"\r\n" + HELLO,))
    for lines in _BAD_FRAMINGS:
        yield replace(refused, name=f"framing {lines!r}", steps=(OK + lines + _HELLO_BOTH,))
    oversized = b"X-A: " + b"a" * 70_000 + b"\r\n"
    many = b"".join(b"X-%d: %s\r\n" % (each, b"a" * 80) for each in range(1000))
    others: dict[str, tuple[bytes | Step, ...]] = {
        "bare LF throughout": (b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", close),
        "bare LF behind the status line": (b"HTTP/1.1 200 OK\n" + HELLO,),
        "bare LF for the empty line": (OK + b"Content-Length: 5\r\n\nhello", close),
        "CR CR LF": (b"HTTP/1.1 200 OK\r\r\nContent-Length: 5\r\r\n\r\r\nhello", close),
        "chunked in HTTP/1.0": (b"HTTP/1.0 200 OK\r\n" + HELLO_CHUNKED,),
        "fold of the first line": (OK + b" folded\r\n" + HELLO,),
        "one field of 70 kB": (OK + oversized + HELLO,),
        "a thousand fields of 80 bytes": (OK + many + HELLO,),
        "reason of 70 kB": (b"HTTP/1.1 200 " + b"a" * 70_000 + b"\r\n" + HELLO,),
        "unasked 101": (
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhi",
        ),
        "not a byte": (close,),
        "half a status line": (b"HTTP/1.", close),
        "half a head": (OK + b"Content-Le", close),
        "a head but for its last byte": (OK + b"Content-Length: 5\r\n\r", close),
        "only a 100": (b"HTTP/1.1 100 Continue\r\n\r\n", close),
        "endless status line": (flood(b"H" * 4096),),
        "endless field": (OK + b"X-A: ", flood(b"a" * 4096)),
        "endless fields": (OK, flood(b"X-A: a\r\n" * 512)),
        "endless empty lines": (flood(b"\r\n" * 2048),),
        "endless 100": (flood(b"HTTP/1.1 100 Continue\r\n\r\n" * 64),),
        "200 times 100": (b"HTTP/1.1 100 Continue\r\n\r\n" * 200 + OK + HELLO,),
    }
    for name, steps in others.items():
        yield replace(refused, name=name, steps=steps)
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    some = tuple((103,) * count for count in range(200))
    yield replace(refused, name="200 times 103", steps=(hints * 200 + OK + HELLO,), interim=some)
    # A GET is sent again, so that the hints may come more than once (RFC 9110 section 15.2).
    yield replace(refused, name="103 and an end", steps=(hints, close), interim=some[:4])
    unasked = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
    upgrade = b"Connection: upgrade\r\nUpgrade: echo\r\n"
    for name, steps in {
        "101 that names no protocol": (unasked + b"\r\n", awaitEnd),
        "101 to another protocol": (unasked + b"Upgrade: other\r\n\r\n", awaitEnd),
    }.items():
        yield replace(refused, name=name, steps=steps, asked=upgrade)
    old = b"HTTP/1.0"
    switching = (unasked + b"Upgrade: echo\r\n\r\n", awaitEnd)
    yield replace(refused, name="101 for HTTP/1.0", steps=switching, asked=upgrade, version=old)


def cutCases() -> Iterator[Case]:
    """
    Responses whose head is good and whose body is not: never one that looks whole.
    """
    short = Case("", (), outcomes=(CUT, REFUSED), fresh=True)
    for chunks in _BAD_CHUNKS:
        name = f"chunks {chunks!r}"
        yield replace(short, name=name, steps=(OK + CHUNKED + chunks, close))
    for lack in (1, 4, 5):
        body = b"hello"[: 5 - lack]
        name = f"{lack} of 5 bytes lacking"
        yield replace(short, name=name, steps=(OK + b"Content-Length: 5\r\n\r\n" + body, close))
    long = OK + b"Content-Length: 262144\r\n\r\n" + LARGE[:-1]
    for name, steps in {
        "256 KiB but for one byte": (long, close),
        "chunks of 256 KiB, then nonsense": (
            OK + CHUNKED + b"40000\r\n" + LARGE + b"\r\nxyz\r\n",
            awaitEnd,
        ),
        "chunks of 256 KiB, then the end": (
            OK + CHUNKED + b"40000\r\n" + LARGE + b"\r\n",
            close,
        ),
    }.items():
        yield replace(short, name=name, steps=steps, outcomes=(CUT,))
    for version in (b"HTTP/1.0", b"HTTP/1.1"):
        name = f"chunks without an end for {version!r}"
        begun = OK + CHUNKED + b"5\r\nhello\r\n"
        yield replace(short, name=name, steps=(begun, close), version=version)
    endless: dict[str, tuple[bytes | Step, ...]] = {
        "endless chunk size": (OK + CHUNKED, flood(b"0" * 4096)),
        "endless chunk extension": (OK + CHUNKED + b"5;a=", flood(b"a" * 4096)),
        "endless trailer": (OK + CHUNKED + b"0\r\nX-A: ", flood(b"a" * 4096)),
        "endless trailers": (OK + CHUNKED + b"0\r\n", flood(b"X-A: a\r\n" * 512)),
    }
    for name, sent in endless.items():
        yield replace(short, name=name, steps=sent)


def bodilessCases() -> Iterator[Case]:
    """
    Responses that have no body, whatever they say or bring with them.
    """
    head = Case("", (), method=b"HEAD", content=b"", persists=True)
    announced = OK + b"Content-Length: 5\r\n\r\n"
    length = {b"content-length": (b"5",)}
    yield replace(head, name="HEAD with a length", steps=(announced,), fields=length)
    yield replace(head, name="HEAD with coding", steps=(OK + CHUNKED,))
    yield replace(head, name="HEAD without framing", steps=(OK + b"\r\n",))
    spoilt = replace(head, fresh=True)
    yield replace(spoilt, name="HEAD with a body", steps=(announced + b"hello",))
    yield replace(spoilt, name="HEAD with chunks", steps=(OK + HELLO_CHUNKED,))
    yield replace(spoilt, name="HEAD with a response", steps=(announced + NEXT,))
    for status, reason in ((204, b"No Content"), (304, b"Not Modified")):
        line = b"HTTP/1.1 %d %s\r\n" % (status, reason)
        bare = Case("", (), status=status, content=b"", persists=True)
        absent: dict[bytes, tuple[bytes, ...]] = {b"transfer-encoding": ()}
        if status == 204:
            absent[b"content-length"] = ()
        bare = replace(bare, fields=absent)
        yield replace(bare, name=f"{status}", steps=(line + b"\r\n",))
        yield replace(
            bare, name=f"{status} with a length", steps=(line + b"Content-Length: 5\r\n\r\n",)
        )
        spoilt = replace(bare, fresh=True)
        yield replace(spoilt, name=f"{status} with a body", steps=(line + HELLO,))
        yield replace(spoilt, name=f"{status} with a response", steps=(line + b"\r\n" + NEXT,))
        either = replace(spoilt, outcomes=(RELAYED, REFUSED), persists=False)
        yield replace(either, name=f"{status} with chunks", steps=(line + HELLO_CHUNKED,))
    empty = Case("", (), content=b"", persists=True)
    yield replace(empty, name="length 0", steps=(OK + b"Content-Length: 0\r\n\r\n",))
    yield replace(empty, name="no chunks", steps=(OK + CHUNKED + b"0\r\n\r\n",))
    reset = b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"
    yield replace(empty, name="205", steps=(reset,), status=205)
