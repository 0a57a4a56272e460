"""
Cases of framing: Content-Length, Transfer-Encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.conformance.cases import (
    BROKEN,
    HELLO,
    HOST,
    REFUSED,
    UNKNOWN_CODING,
    Case,
    Outcome,
    Seen,
    each,
    get,
    passes,
    post,
    raw,
    refusal,
)


def _contentLength() -> Iterator[Case]:
    def make(value: str) -> bytes:
        return post("Content-Length: " + value)

    yield from each(
        make,
        (
            *("+5", "-5", "-0", "0x5", "5,5", "5, 5", "5,6", "5 5", "5\t5", "", " ", "1e3", "5.0"),
            "5;",
            *("5;a", "five", "\xb5", "\xb2", "\xef\xbc\x95", "\xd9\xa5", "5_0", "0_5", "_5", "'5'"),
            '"5"',
            *("5,", ",5", "5\x00", "\x0b5", "5\x0c", "\xa05", "5\x85", "5 bytes", "0b101", "0o5"),
            "5L",
            *("=5", "(5)", "*", "chunked", "5\r", "\r5", "5\r\n 0", "\r\n 5", "NaN", "-", "+"),
        ),
        REFUSED,
    )
    huge = ("9" * 20, "9" * 100, "9" * 5000, str(2**63), str(2**64 + 5), "1" + "0" * 18 + "005")
    yield from each(make, huge, refusal(400, 413))
    for value in ("5", "05", "0000000005", "5  ", "\t5\t"):
        yield Case(repr(value), (make(value),), (passes(HELLO),))
    for value in ("0", "00"):
        request = post(f"Content-Length: {value}", body="")
        yield Case(repr(value), (request,), (passes(Seen("POST")),))
    yield Case("GET with 0", (get("Content-Length: 0"),), (passes(Seen()),))
    once = passes(Seen("POST", body=b"hello", present={"Content-Length": "5"}))
    same = post("Content-Length: 5", "Content-Length: 5")
    yield Case("twice the same", (same,), (REFUSED, once))
    for first, second in (("5", "6"), ("6", "5"), ("0", "5"), ("5", "0"), ("5", "05x"), ("5", "")):
        request = post(f"Content-Length: {first}", f"content-length: {second}")
        yield Case(f"{first} and {second}", (request,), (REFUSED,))
    for line in (
        "Content-Length : 5",
        "Content-Length\t: 5",
        " Content-Length: 5",
        "Content-Length 5",
    ):
        yield Case(repr(line), (post(line),), (REFUSED,))
    old = raw("POST / HTTP/1.0", HOST, "Content-Length: 5", body="hello")
    yield Case("1.0", (old,), (passes(HELLO, closes=True),))
    yield Case("POST without", (post(body=""),), (passes(Seen("POST")), refusal(411)))
    body = "".join(map(chr, range(256))) * 400
    seen = Seen("POST", body=body.encode("latin-1"))
    request = post(f"Content-Length: {len(body)}", body=body)
    yield Case("100 KiB", (request,), (passes(seen),))
    pieces = tuple(request[n : n + 9973] for n in range(0, len(request), 9973))
    yield Case("100 KiB in pieces", pieces, (passes(seen),))
    short = post("Content-Length: 50")
    gone = Outcome(closes=True, incomplete=True)
    cut = gone, BROKEN, replace(BROKEN, answers=(frozenset({408, 499, 502}),))
    yield Case("cut short", (short,), cut, halfClose=True)
    yield Case("head cut short", (get("X: 1")[:-9],), cut, halfClose=True)


def _transferEncoding() -> Iterator[Case]:
    chunks = "5\r\nhello\r\n0\r\n\r\n"

    def make(value: str) -> bytes:
        return post("Transfer-Encoding: " + value, body=chunks)

    for value in ("chunked", "Chunked", "CHUNKED", "  chunked\t "):
        yield Case(repr(value), (make(value),), (passes(HELLO),))
    yield from each(
        make,
        (
            *("identity", "gzip", "gzip, chunked", "chunked, chunked", "chunked,chunked"),
            "xchunked",
            *("chunkedx", "chunked;q=1", "chunked, identity", "identity, chunked", "chunked, gzip"),
            *("'chunked'", '"chunked"', "chun ked", "chunked chunked", "chunked;", "chunked; a=b"),
            "x",
            *("compress", "deflate, chunked", "trailers", "chunk", "chunke", "c"),
            "gzip;q=0, chunked",
        ),
        UNKNOWN_CODING,
    )
    bad = ("\x0bchunked", "chunked\x0b", "\x00chunked", "chunked\x00", "\r\n chunked", "chunked\r")
    yield from each(make, bad, REFUSED)
    yield from each(
        make, ("", "=chunked", "(chunked)", "\xa0chunked", "chunked\x85"), UNKNOWN_CODING
    )
    yield from each(make, (", chunked", "chunked,", ",chunked,"), passes(HELLO), UNKNOWN_CODING)
    for first, second in (
        *(("chunked", "chunked"), ("identity", "chunked"), ("chunked", "identity")),
        *(("gzip", "chunked"), ("chunked", "gzip"), ("chunked", "x"), ("", "chunked")),
        ("x", "chunked"),
    ):
        request = post(f"Transfer-Encoding: {first}", f"Transfer-Encoding: {second}", body=chunks)
        may = (UNKNOWN_CODING, passes(HELLO)) if first == "" else (UNKNOWN_CODING,)
        yield Case(f"{first} and {second}", (request,), may)
    for lines in (
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 15", "transfer-encoding: Chunked"),
        ("Content-Length: 0", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Transfer-Encoding:"),
        ("Content-Length: 5", "Content-Length: 5", "Transfer-Encoding: chunked"),
    ):
        request = post(*lines, body=chunks)
        yield Case(" with ".join(lines), (request,), (REFUSED,))
    old = "POST / HTTP/1.0", HOST, "Transfer-Encoding: chunked"
    yield Case("in 1.0", (raw(*old, body=chunks),), (REFUSED,))
    both = *old, "Content-Length: 15", "Connection: keep-alive"
    yield Case("in 1.0 with a length", (raw(*both, body=chunks),), (REFUSED,))
    for method in ("GET", "DELETE", "PUT"):
        request = post("Transfer-Encoding: chunked", body=chunks, method=method)
        seen = passes(Seen(method, body=b"hello"))
        yield Case(f"{method} with a body", (request,), (seen,), origin=method == "GET")


GROUPS = {
    "contentLength": _contentLength,
    "transferEncoding": _transferEncoding,
}
