"""
Cases of chunks and what follows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.conformance.cases import (
    BROKEN,
    HELLO,
    SMUGGLED,
    Case,
    Seen,
    chunked,
    each,
    get,
    late,
    passes,
    post,
)


def _chunks() -> Iterator[Case]:
    end = "0\r\n\r\n"

    def sized(text: str) -> bytes:
        return chunked(f"{text}\r\nhello\r\n{end}")

    long = "0123456789abcdef" * 20
    for body, content in (
        *((end, ""), ("5\r\nhello\r\n" + end, "hello"), ("05\r\nhello\r\n" + end, "hello")),
        *(("00000005\r\nhello\r\n" + end, "hello"), ("1\r\na\r\n" * 50 + end, "a" * 50)),
        *((f"{n}\r\n0123456789\r\n{end}", "0123456789") for n in ("a", "A", "0a", "00A")),
        *((f"{n}\r\n{long}\r\n{end}", long) for n in ("140", "0140")),
        *((f"1B\r\n{'x' * 27}\r\n{end}", "x" * 27), (f"1b\r\n{'x' * 27}\r\n{end}", "x" * 27)),
        *(("2\r\n\r\n\r\n" + end, "\r\n"), ("5\r\n0\r\n\r\n\r\n" + end, "0\r\n\r\n")),
        *(("5\r\nhello\r\n000\r\n\r\n", "hello"), ("1\r\n\0\r\n" + end, "\0")),
        *(
            (f"5;{e}\r\nhello\r\n{end}", "hello")
            for e in ("a", "a=b", 'a="b"', 'a="b;c"', "a;b=c;d")
        ),
        *(
            (f"5;{e}\r\nhello\r\n{end}", "hello")
            for e in ('a="\\""', "a=b;a=b", 'a="\xe9"', 'a=""')
        ),
        *(("5\r\nhello\r\n0;a=b\r\n\r\n", "hello"), ("5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello")),
    ):
        seen = Seen("POST", body=content.encode("latin-1"))
        yield Case(f"good {body[:40]!r}", (chunked(body),), (passes(seen),))
    request = chunked("5;a=b\r\nhello\r\n" + end)
    whole = passes(HELLO)
    yield Case("byte by byte", tuple(bytes([byte]) for byte in request), (whole,))
    yield from each(
        sized,
        (
            *("0x5", "+5", "-5", " 5", "\t5", "", " ", "g", "5g", "5,", "5.0", "h5", "5h", "\x005"),
            "5\0",
            *("1_0", "_5", "5_", "0_5", "\xef\xbc\x95", "\xb5", "\xb2", "5\x0b", "\x0c5", "\xa05"),
            "5:",
            *("0X5", "5L", "-0", "+0", '"5"', "5 5", "5=a", "\r\n5", "\r5", "5\n", "\n5", "5\r"),
            "5\x85",
        ),
        BROKEN,
    )
    large = (
        *("F" * 16, "F" * 17, "1" + "0" * 15 + "5", "1" + "0" * 16 + "5", "8" + "0" * 15, "9" * 50),
    )
    yield from each(sized, large, *late(400, 413))
    blanks = (
        *("5 ", "5\t", "5 ;a", "5; a", "5 ; a = b", "5;a ", "5;a= b", "5;", "5;;", "5;=", '5;a="b'),
    )
    odd = ("5;a\x80", "5;a=", "5;\xe9=b", '5;a="b"c', "5;(a)", "0" * 15 + "5", "0" * 30 + "5")
    yield from each(sized, (*blanks, *odd), whole, BROKEN)
    bad = (
        *("a\nb", "a\n", "\n", "a\rb", "\r", "a\0b", 'a="\r\n"', 'a="\n"', "a\x01", 'a="\0"'),
        "a\x7f",
    )
    yield from each(lambda text: chunked(f"5;{text}\r\nhello\r\n{end}"), bad, BROKEN)
    # What follows makes each of them decidable.
    yield from each(
        lambda body: chunked(body + SMUGGLED),
        (
            *("5\nhello\r\n" + end, "5\rhello\r\n" + end, "5\r\nhello\n" + end),
            "5\r\nhello\r" + end,
            *("5\r\nhello" + end, "5\r\nhello0" + end, "3\r\nhello\r\n" + end),
            "4\r\nhello\r\n" + end,
            *("7\r\nhello\r\n" + end, "6\r\nhello\r\n" + end, "5\r\r\nhello\r\n" + end, "hello"),
            "\r\n",
            *("5\r\nhello\r\n\r\n" + end, "5\r\nhello\n\n" + end, "5\r\nhello\n\r\n" + end),
            "\n" + end,
            *("5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n", "0\n\n", "0\r\r\n", "0\r\n\r\r\n"),
            *("0\r\r\n\r\n", "0\r\nhello\r\n\r\n", "0\r\n\rX: v\r\n\r\n", "5\r\nhello\r\r\n" + end),
            *("5\r\nhello  \r\n" + end, "5\r\nhello\0\n" + end, "5\r\nhello\r\n-0\r\n\r\n"),
        ),
        BROKEN,
    )
    gone = replace(BROKEN, answers=())
    cut = gone, BROKEN, replace(BROKEN, answers=(frozenset({408, 499, 502}),))
    for body in (
        *("", "5", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n"),
        "0\r\nX: v\r\n",
    ):
        yield Case(f"cut short {body!r}", (chunked(body),), cut, halfClose=True)


def _trailers() -> Iterator[Case]:
    def make(*lines: str) -> bytes:
        return chunked("5\r\nhello\r\n0\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n")

    sums = make("X-Sum: 1", "X-Other: 2")
    yield Case("two good ones", (sums + get(),), (passes(HELLO, Seen()),))
    announced = post("Trailer: X-Sum", "Transfer-Encoding: chunked", body="0\r\nX-Sum: 1\r\n\r\n")
    yield Case("announced", (announced,), (passes(Seen("POST")),))
    yield from each(
        make,
        (
            *("X", "X v", ":v", "X : v", " X: v", "\tX: v", "X: a\r\n b", "X: a\rb", "X: a\nY: b"),
            "X: \0",
            *("X\0: v", "X: \x01", "X: \x7f", "X(: v", "X\x80: v", "\n", "X: v\n"),
            *("GET / HTTP/1.1", "X: v\r"),
        ),
        BROKEN,
    )
    for line in (
        *("Content-Length: 50", "Transfer-Encoding: chunked", "Host: b.example", "Trailer: X"),
        *("X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Host: b.example"),
        *("Forwarded: for=1.2.3.4", "Authorization: Basic eDp5", "Content-Type: text/x"),
        "Connection: X",
        *("Content-Encoding: gzip", "Expect: 100-continue", "Max-Forwards: 0", "Cookie: a=1"),
        "TE: x",
        *("Content-Range: bytes 0-1/5", "Proxy-Authorization: Basic eDp5", "Keep-Alive: 1"),
        "Upgrade: x",
    ):
        name = line.partition(":")[0]
        safe = replace(HELLO, trailersFree=(name,))
        yield Case(f"forbidden {line}", (make(line),), (passes(safe), BROKEN))


GROUPS = {
    "chunks": _chunks,
    "trailers": _trailers,
}
