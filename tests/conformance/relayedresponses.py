"""
Responses that are good, and what the client must get of them.

Strategy: the second half of the table in L{tests.conformance.responsecases}; see
there for how to read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.conformance.responsecases import (
    CHUNKED,
    HELLO,
    HELLO_CHUNKED,
    LARGE,
    OK,
    REFUSED,
    RELAYED,
    Case,
)
from tests.conformance.scriptedbackend import NEXT, Step, close, flood, pieces

_STATUSES = (201, 202, 206, 226, 299, 300, 301, 307, 400, 401, 404, 409, 418, 429, 451, 499)
_ERRORS = (500, 501, 503, 505, 511, 599)

_DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"


def framingCases() -> Iterator[Case]:
    """
    Bodies in every allowed shape arrive whole, and the connection goes on.
    """
    plain = Case("", (), persists=True)
    many = b"".join(b"1\r\n%c\r\n" % each for each in b"hello")
    good: dict[str, tuple[bytes | Step, ...]] = {
        "a length": (OK + HELLO,),
        "length with leading zeros": (OK + b"Content-Length: 0005\r\n\r\nhello",),
        "length with blanks around": (OK + b"Content-Length: \t 5 \t\r\n\r\nhello",),
        "length without a blank": (OK + b"Content-Length:5\r\n\r\nhello",),
        "length in capitals": (OK + b"CONTENT-LENGTH: 5\r\n\r\nhello",),
        "length that Connection names": (OK + b"Connection: content-length\r\n" + HELLO,),
        "one chunk": (OK + HELLO_CHUNKED,),
        "five chunks": (OK + CHUNKED + many + b"0\r\n\r\n",),
        "coding in capitals": (OK + HELLO_CHUNKED.replace(b"chunked", b"CHUNKED"),),
        "coding that Connection names": (
            OK + b"Connection: transfer-encoding\r\n" + HELLO_CHUNKED,
        ),
        "chunk size with leading zeros": (OK + CHUNKED + b"00005\r\nhello\r\n000\r\n\r\n",),
        "chunk extension": (OK + CHUNKED + b"5;a\r\nhello\r\n0\r\n\r\n",),
        "chunk extension with a value": (OK + CHUNKED + b"5;a=b;c\r\nhello\r\n0;d=e\r\n\r\n",),
        "chunk extension, quoted": (OK + CHUNKED + b'5;a="b;c d"\r\nhello\r\n0\r\n\r\n',),
        "trailers": (OK + b"Trailer: X-T\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\nX-T: t\r\n\r\n",),
        "length, byte by byte": (pieces(OK + HELLO),),
        "chunks, byte by byte": (pieces(OK + CHUNKED + many + b"0\r\nX-T: t\r\n\r\n"),),
        "interim, byte by byte": (pieces(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + HELLO),),
    }
    for name, steps in good.items():
        yield replace(plain, name=name, steps=steps, fields={b"x-t": ()})
    large = replace(plain, content=LARGE)
    yield replace(
        large, name="256 KiB by length", steps=(OK + b"Content-Length: 262144\r\n\r\n", LARGE)
    )
    odd = pieces(OK + CHUNKED + b"40000\r\n" + LARGE + b"\r\n0\r\n\r\n", 977)
    yield replace(large, name="256 KiB in one chunk, in odd pieces", steps=(odd,))
    hexed = replace(large, content=LARGE[:0xABC])
    for size in (b"ABC", b"abc", b"aBc"):
        steps = (OK + CHUNKED + size + b"\r\n" + LARGE[:0xABC] + b"\r\n0\r\n\r\n",)
        yield replace(hexed, name=f"chunk size {size!r}", steps=steps)
    closing = Case("", ())
    for name, head in {
        "until the end": OK + b"\r\n",
        "HTTP/1.0 until the end": b"HTTP/1.0 200 OK\r\n\r\n",
        "until the end, announced": OK + b"Connection: close\r\n\r\n",
    }.items():
        for version in (b"HTTP/1.1", b"HTTP/1.0"):
            steps = (head + b"hello", close)
            yield replace(closing, name=f"{name} for {version!r}", steps=steps, version=version)
    yield replace(
        closing, name="until the end, 256 KiB", steps=(OK + b"\r\n", LARGE, close), content=LARGE
    )
    yield replace(closing, name="until the end, empty", steps=(OK + b"\r\n", close), content=b"")
    yield Case("HTTP/1.0 with a length", (b"HTTP/1.0 200 OK\r\n" + HELLO,), fresh=True)
    old = Case("", (), version=b"HTTP/1.0")
    yield replace(old, name="length for HTTP/1.0", steps=(OK + HELLO,))
    yield replace(old, name="chunks for HTTP/1.0", steps=(OK + HELLO_CHUNKED,))
    trailed = OK + CHUNKED + b"5\r\nhello\r\n0\r\nX-T: t\r\n\r\n"
    yield replace(old, name="trailers for HTTP/1.0", steps=(trailed,), fields={b"x-t": ()})
    closed = OK + b"Connection: close\r\n" + HELLO
    yield Case("Connection: close, and it stays open", (closed,), fresh=True)
    yield Case("Connection: close, and it closes", (closed, close), fresh=True)
    either = (RELAYED, REFUSED)
    for lines in (
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5, 5",
        b"Content-Length: 5,",
        b"X-A: a\r\n b\r\nContent-Length: 5",
        b"X-A: a\r\n\tb\r\nContent-Length: 5",
        b"Content-Length:\r\n 5",
    ):
        yield Case(f"allowed {lines!r}", (OK + lines + b"\r\n\r\nhello",), outcomes=either)
    folded = b"Transfer-Encoding:\r\n chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    yield Case("coding in a folded line", (OK + folded,), outcomes=either)
    yield Case("empty line before the response", (b"\r\n" + OK + HELLO,), outcomes=either)


def leftoverCases() -> Iterator[Case]:
    """
    Bytes behind a response are nobody's, and end their connection.
    """
    spoilt = Case("", (), fresh=True, persists=True)
    for name, steps in {
        "a response behind a length": (OK + HELLO + NEXT,),
        "a response behind chunks": (OK + HELLO_CHUNKED + NEXT,),
        "a response behind trailers": (OK + HELLO_CHUNKED[:-2] + b"X-A: a\r\n\r\n" + NEXT,),
        "half a response behind a length": (OK + HELLO + OK,),
        "an interim response behind a length": (OK + HELLO + b"HTTP/1.1 100 Continue\r\n\r\n",),
        "an empty line behind a length": (OK + HELLO + b"\r\n",),
        "more body than the length": (OK + HELLO + b" world",),
        "endless bytes behind a length": (OK + HELLO + LARGE, flood(LARGE)),
    }.items():
        yield replace(spoilt, name=name, steps=steps)


def fieldCases() -> Iterator[Case]:
    """
    Which fields pass, and how.
    """
    told: dict[str, tuple[bytes, dict[bytes, tuple[bytes, ...]]]] = {
        "no Server, none added": (b"", {b"server": (), b"content-type": ()}),
        "Server": (b"Server: x/1 (y)", {b"server": (b"x/1 (y)",)}),
        "Date": (b"Date: " + _DATE, {b"date": (_DATE,)}),
        "Set-Cookie lines": (
            b"Set-Cookie: a=1; Path=/\r\nX-A: a\r\nset-cookie: b=2, 3\r\nSet-Cookie: a=4",
            {b"set-cookie": (b"a=1; Path=/", b"b=2, 3", b"a=4")},
        ),
        "repeated fields": (
            b"WWW-Authenticate: Basic\r\nWWW-Authenticate: Digest a=b",
            {b"www-authenticate": (b"Basic", b"Digest a=b")},
        ),
        "Keep-Alive": (b"Connection: keep-alive\r\nKeep-Alive: timeout=5", {b"keep-alive": ()}),
        "Keep-Alive alone": (b"Keep-Alive: timeout=5", {b"keep-alive": ()}),
        "Proxy-Connection": (b"Proxy-Connection: keep-alive", {b"proxy-connection": ()}),
        "named by Connection": (
            b"Connection: X-Hop, x-other\r\nX-Hop: a\r\nX-OTHER: b\r\nX-End: c",
            {b"x-hop": (), b"x-other": (), b"x-end": (b"c",)},
        ),
        "named by a second Connection": (
            b"Connection: keep-alive\r\nX-Hop: a\r\nConnection: x-hop",
            {b"x-hop": ()},
        ),
        "named by Connection, with commas": (b"Connection: ,, x-hop ,\r\nX-Hop: a", {b"x-hop": ()}),
        "Upgrade that is only offered": (b"Connection: upgrade\r\nUpgrade: h2c", {b"upgrade": ()}),
        "Via": (b"Via: 1.0 inner", {}),
        "an empty value": (b"X-A:\r\nX-B: ", {b"x-a": (b"",), b"x-b": (b"",)}),
        "blanks around a value": (b"X-A: \t a b \t ", {b"x-a": (b"a b",)}),
        "blanks inside a value": (b"X-A: a \t b", {b"x-a": (b"a \t b",)}),
        "obs-text": (b"X-A: caf\xe9 \xff", {b"x-a": (b"caf\xe9 \xff",)}),
        "a name of every kind of letter": (
            b"!#$%&'*+-.^_`|~9a: x",
            {b"!#$%&'*+-.^_`|~9a": (b"x",)},
        ),
        "colons and quotes in a value": (b'X-A: a:b "c;\\"', {b"x-a": (b'a:b "c;\\"',)}),
        "Content-Encoding": (b"Content-Encoding: gzip", {b"content-encoding": (b"gzip",)}),
        "Location, as it is": (b"Location: http://x/../y", {b"location": (b"http://x/../y",)}),
        "validators": (
            b'ETag: W/"a"\r\nLast-Modified: ' + _DATE,
            {b"etag": (b'W/"a"',), b"last-modified": (_DATE,)},
        ),
        "a head of 60 kB": (b"X-A: " + b"a" * 60_000, {b"x-a": (b"a" * 60_000,)}),
        "a hundred fields": (
            b"\r\n".join(b"X-%d: %d" % (each, each) for each in range(100)),
            {b"x-0": (b"0",), b"x-99": (b"99",)},
        ),
    }
    for name, (lines, fields) in told.items():
        head = OK + lines + (b"\r\n" if lines else b"")
        yield Case(name, (head + HELLO,), fields=fields, persists=True)
    trailer = OK + CHUNKED + b"5\r\nhello\r\n0\r\n%s\r\n\r\n"
    for line in (b"Content-Length: 99", b"Set-Cookie: a=b", b"Connection: close", b"X-A: a"):
        lacking = {line.partition(b":")[0].lower(): ()}
        if line.startswith((b"Content-Length", b"Connection")):
            lacking = {}
        yield Case(f"trailer {line!r}", (trailer % line,), fields=lacking, persists=True)


def statusCases() -> Iterator[Case]:
    """
    Statuses and reasons, as they are.
    """
    for status in (*_STATUSES, *_ERRORS):
        steps = (b"HTTP/1.1 %d Reason\r\n" % status + HELLO,)
        yield Case(f"status {status}", steps, status=status, persists=True)
    for line in (
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 Not  Quite: OK!",
        b"HTTP/1.1 200 \xc3\xa7a va",
        b"HTTP/1.1 200 a\tb",
        b"HTTP/1.2 200 OK",
        b"HTTP/1.9 200 OK",
    ):
        yield Case(f"status line {line!r}", (line + b"\r\n" + HELLO,), persists=True)
    for status in (502, 504):
        # Only the body tells it from an answer of our own.
        steps = (b"HTTP/1.1 %d Reason\r\n" % status + HELLO,)
        yield Case(f"status {status}", steps, status=status, persists=True)


def interimCases() -> Iterator[Case]:
    """
    1xx responses (RFC 9110 section 15.2) before the one that counts.
    """
    go = b"HTTP/1.1 100 Continue\r\n\r\n"
    processing = b"HTTP/1.1 102 Processing\r\n\r\n"
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    unknown = b"HTTP/1.1 199 What\r\n\r\n"
    told: dict[str, tuple[bytes, tuple[tuple[int, ...], ...]]] = {
        "unasked 100": (go, ((),)),
        "unasked 100, twice": (go * 2, ((),)),
        "102": (processing, ((102,),)),
        "103": (hints, ((103,),)),
        "103, twice": (hints * 2, ((103, 103),)),
        "102 and 103": (processing + hints, ((102, 103),)),
        "100 and 103": (go + hints, ((103,),)),
        "199": (unknown, ((199,), ())),
    }
    final = OK + HELLO
    for name, (before, interim) in told.items():
        yield Case(name, (before + final,), interim=interim, persists=True)
        yield Case(f"{name} for HTTP/1.0", (before + final,), version=b"HTTP/1.0")
    framed = b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n"
    coded = b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n"
    for name, before in {"103 with a length": framed, "103 with a coding": coded}.items():
        yield Case(name, (before + final,), outcomes=(RELAYED, REFUSED), interim=((103,), ()))
    yield Case(
        "103 for HEAD",
        (hints + OK + b"Content-Length: 5\r\n\r\n",),
        method=b"HEAD",
        content=b"",
        interim=((103,),),
        persists=True,
    )
