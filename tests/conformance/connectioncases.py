"""
Cases of several requests on a connection: persistence, pipelining, requests that hide in others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.conformance.cases import (
    BROKEN,
    HELLO,
    HOST,
    REFUSED,
    SMUGGLED,
    UNKNOWN_CODING,
    Case,
    Outcome,
    Seen,
    chunked,
    get,
    late,
    lineOnly,
    passes,
    post,
    raw,
)


def _connections() -> Iterator[Case]:
    def old(*lines: str) -> bytes:
        return raw("GET / HTTP/1.0", HOST, *lines)

    second = get(target="/2")
    once, twice = passes(Seen(), closes=True), passes(Seen(), Seen(target="/2"))
    yield Case("1.0 closes", (old() + second,), (once,))
    yield Case("1.0 with close", (old("Connection: close") + second,), (once,))
    kept = old("Connection: keep-alive") + second
    yield Case("1.0 with keep-alive", (kept,), (once, twice))
    yield Case("1.1 with close", (get("Connection: close") + second,), (once,))
    yield Case("1.1 with both", (get("Connection: keep-alive, close") + second,), (once,))
    yield Case("1.1 stays", (get(), second), (twice,))
    yield Case("1.1 with keep-alive", (get("Connection: keep-alive") + second,), (twice,))
    yield Case("1.2 stays", (lineOnly("GET / HTTP/1.2") + second,), (twice,))
    last = get() + get("Connection: close", target="/2") + get(target="/3")
    yield Case("close in the second", (last,), (replace(twice, closes=True),))
    bad = Outcome((frozenset({200}), frozenset({400})), (Seen(),), closes=True)
    for name, request in (
        ("no Host", raw("GET /2 HTTP/1.1")),
        ("bad line", b"GET  /2 HTTP/1.1\r\n\r\n"),
        ("bad field", get("X : v", target="/2")),
        ("bad length", get("Content-Length: +5", target="/2")),
        ("both framings", get("Content-Length: 5", "Transfer-Encoding: chunked")),
        ("garbage", b"\0\1\2\r\n\r\n"),
    ):
        yield Case(f"bad second: {name}", (get() + request + get(target="/3"),), (bad,))


def _pipelining() -> Iterator[Case]:
    def case(name: str, *parts: tuple[bytes, Seen], cuts: int = 0, origin: bool = True) -> Case:
        data = b"".join(request for request, _ in parts)
        pieces = tuple(data[n : n + cuts] for n in range(0, len(data), cuts)) if cuts else (data,)
        return Case(name, pieces, (passes(*(seen for _, seen in parts), closes=False),), origin)

    def one(number: int) -> tuple[bytes, Seen]:
        target = f"/{number}"
        if number % 3 == 0:
            return get(target=target), Seen(target=target)
        body = f"body of {number}"
        seen = Seen("POST", target, body.encode())
        if number % 3 == 1:
            return post(f"Content-Length: {len(body)}", body=body, target=target), seen
        body = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n"
        return post("Transfer-Encoding: chunked", body=body, target=target), seen

    gets = [one(3 * number) for number in range(1000)]
    empty, head = (b"\r\n", gets[0][1]), (get(method="HEAD"), Seen("HEAD"))
    for count in (2, 10, 100):
        yield case(f"{count} GETs", *gets[:count])
        yield case(f"{count} of all kinds", *map(one, range(count)))
    yield case("byte by byte", *map(one, range(3)), cuts=1)
    for cuts in (7, 64, 100):
        yield case(f"in pieces of {cuts}", *map(one, range(12)), cuts=cuts)
    yield case("HEAD between", gets[0], head, gets[1], head, head, gets[2])
    data = post("Content-Length: 5") + empty[0] + get(target="/2")
    yield Case("empty line between", (data,), (passes(HELLO, Seen(target="/2")),))
    body = (
        post(f"Content-Length: {len(SMUGGLED)}", body=SMUGGLED),
        Seen("POST", body=SMUGGLED.encode()),
    )
    yield case("a body that looks like a request", gets[0], body, gets[1])
    bodiless = post(body=""), Seen("POST")
    yield case("POST without a length", bodiless, gets[1])
    closing = get("Connection: close", target="/end"), Seen(target="/end")
    parts = [*gets[:20], closing]
    outcome = passes(*(seen for _, seen in parts), closes=True)
    yield Case("close at the end", (b"".join(part for part, _ in parts),), (outcome,))


def _smuggling() -> Iterator[Case]:
    zero = "0\r\n\r\n" + SMUGGLED
    length = f"Content-Length: {len(zero)}"
    for line in (
        *("Transfer-Encoding: chunked", "Transfer-Encoding:chunked", "Transfer-Encoding:\tchunked"),
        *("Transfer-Encoding: xchunked", "Transfer-Encoding : chunked", "Transfer-Encoding: x"),
        *("Transfer-Encoding:\x0bchunked", "Transfer-Encoding:\x0cchunked"),
        " Transfer-Encoding: chunked",
        *("X: X\nTransfer-Encoding: chunked", "X: X\rTransfer-Encoding: chunked"),
        "Transfer-Encoding: cow",
        *("Transfer-Encoding\r\n : chunked", "Transfer-Encoding:\r\n chunked"),
        "Transfer-Encoding: \0chunked",
        *("Transfer-Encoding: chunked, cow", "Transfer-Encoding: cow, chunked"),
        "Transfer-Encoding: chunk",
        *("tRANSFER-eNCODING: cHUNKED", "Transfer-Encoding;: chunked"),
        "Transfer-Encoding\x00: chunked",
        *("Transfer-Encoding: chunked\r\nTransfer-Encoding: cow", "Transfer-Encoding: chunked\x85"),
        *("Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "Transfer-Encoding chunked"),
        *("Transfer-Encoding: 'chunked'", "Transfer-Encoding: identity, chunked"),
        "Transfer-Encoding: ",
        *("X:\r\n Transfer-Encoding: chunked", "\x0bTransfer-Encoding: chunked"),
        "Transfer Encoding: chunked",
        *("Transfer-Encoding: chunked\r", "Transfer-Encoding: chunked\n"),
        "Transfer-Encoding: \rchunked",
    ):
        request = post(length, line, body=zero)
        yield Case(f"length, {line!r}", (request,), (UNKNOWN_CODING,))
        request = post(
            line, "Content-Length: 4", body=f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n"
        )
        yield Case(f"{line!r}, short length", (request,), (UNKNOWN_CODING,))
    safe = passes(Seen("POST", body=zero.encode()))
    for line in (
        "Transfer_Encoding: chunked",
        "X-Transfer-Encoding: chunked",
        "Transfer%2DEncoding: chunked",
    ):
        yield Case(line, (post(length, line, body=zero),), (safe, UNKNOWN_CODING))
    long = f"Content-Length: {len(SMUGGLED)}"
    for line in (
        *("Content-Length: 0", "Content-Length : 0", "Content-Length:\r\n 0"),
        "Content-Length\0: 0",
        *("Content-Length: 0,0", "Content-Length: +0", "Content-Length: 0\x0b"),
        "X: y\nContent-Length: 0",
        *(" Content-Length: 0", "Content-Length: ", "X: y\rContent-Length: 0"),
        "Content-Length\t: 0",
    ):
        for name, lines in (("before", (line, long)), ("behind", (long, line))):
            yield Case(f"{line!r} {name}", (post(*lines, body=SMUGGLED),), (REFUSED,))
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        request = post(long, body=SMUGGLED, method=method)
        seen = Seen(method, body=SMUGGLED.encode())
        yield Case(f"body of {method}", (request,), (passes(seen), REFUSED), origin=method == "GET")
    for name, body in (
        ("LF behind the size", f"0\n\n{SMUGGLED}"),
        ("LF in an extension", f"2;\nxx\r\n{len(SMUGGLED):x}\r\n0\r\n\r\n{SMUGGLED}\r\n0\r\n\r\n"),
        ("two bytes spilled", f"5\r\nhelloXX{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n"),
        ("negative size", f"-1\r\n{SMUGGLED}\r\n0\r\n\r\n"),
        ("wrapped size", f"100000000{0:08x}\r\n\r\n{SMUGGLED}"),
        ("prefixed size", f"0x0\r\n\r\n{SMUGGLED}"),
        ("LF behind the data", f"5\r\nhello\n0\r\n\r\n{SMUGGLED}"),
        ("CR behind the size", f"0\r\r{SMUGGLED}"),
        ("trailer without end", f"0\r\nX: a\n\n{SMUGGLED}"),
        ("trailer folded", f"0\r\nX: a\r\n b\r\n\r\n{SMUGGLED}"),
    ):
        yield Case(name, (chunked(body),), (BROKEN, *late(400, 413)))
    line = "GET /\r\nX: y HTTP/1.1"
    yield Case("line end in the line", (lineOnly(line) + SMUGGLED.encode(),), (REFUSED,))
    hidden = raw("GET / HTTP/1.1\r", HOST, body=SMUGGLED)
    yield Case("CR CR LF", (hidden,), (REFUSED,))
    hidden = raw("GET / HTTP/1.1", "Host: a.example\nX: y\n\nGET /smuggled HTTP/1.1\nHost: b")
    yield Case("LF only inside Host", (hidden,), (REFUSED,))
    upgrade = get("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 7")
    outcomes = passes(Seen(), Seen(target="/smuggled")), passes(Seen(), closes=True), REFUSED
    yield Case("behind a refused upgrade", (upgrade + SMUGGLED.encode(),), outcomes, origin=False)
    old = raw("POST / HTTP/1.0", HOST, "Transfer-Encoding: chunked", body=zero)
    yield Case("chunked in 1.0", (old,), (UNKNOWN_CODING,))


GROUPS = {
    "connections": _connections,
    "pipelining": _pipelining,
    "smuggling": _smuggling,
}
