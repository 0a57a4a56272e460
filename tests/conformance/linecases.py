"""
Cases of what the first line says: its form, methods, targets, and how much of it is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.cases import (
    HOST,
    REFUSED,
    Case,
    Outcome,
    Seen,
    chunked,
    each,
    get,
    late,
    lineOnly,
    passes,
    post,
    raw,
    refusal,
)


def _requestLine() -> Iterator[Case]:
    yield from each(
        lineOnly,
        (
            *("GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1"),
            *("GET\t/ HTTP/1.1", "GET /\tHTTP/1.1", "GET / HTTP/1.1\t", "GET\x0b/ HTTP/1.1"),
            *("GET /\x0cHTTP/1.1", "GET / a HTTP/1.1", "GET / HTTP/1.1 a", "GET HTTP/1.1"),
            *("GET", "/", " / HTTP/1.1", "GET /", "GET / ", "/ GET HTTP/1.1", "HTTP/1.1 200 OK"),
            *("GET / http/1.1", "GET / HtTP/1.1", "GET / HTTPS/1.1", "GET / HTTP /1.1"),
            *("GET / HTTP/1", "GET / HTTP/1.", "GET / HTTP/.1", "GET / HTTP/", "GET / 1.1"),
            *("GET / HTTP/1.1.1", "GET / HTTP/1,1", "GET / HTTP/ 1.1", "GET / HTTP/1 .1"),
            *("GET / HTTP/-1.1", "GET / HTTP/+1.1", "GET / HTTP/1.1x", "GET / HTTP/x.1"),
            *("GET / HTTP/1.\xb2", "GET / HTTP/1.1\x00", "GET / HTTP\\1.1", "GET / XTTP/1.1"),
            *("GE(T / HTTP/1.1", "GET: / HTTP/1.1", "G\x80T / HTTP/1.1", "G\x00T / HTTP/1.1"),
            *("G,T / HTTP/1.1", '"GET" / HTTP/1.1', "GET/ / HTTP/1.1", "\x00GET / HTTP/1.1"),
        ),
        REFUSED,
    )
    digits = ("HTTP/1.10", "HTTP/01.1", "HTTP/11.1", "HTTP/1.01", "HTTP/0.9", "HTTP/0.0")
    versions = ("HTTP/2.0", "HTTP/3.0", "HTTP/9.9")
    yield from each(lambda text: lineOnly(f"GET / {text}"), digits, refusal(400, 505))
    yield from each(lambda text: lineOnly(f"GET / {text}"), versions, refusal(505))
    yield from each(lambda text: lineOnly(f"GET / {text}"), ("HTTP/2", "HTTP/3"), refusal(400, 505))
    higher = ("HTTP/1.2", "HTTP/1.9")
    yield from each(lambda text: lineOnly(f"GET / {text}"), higher, passes(Seen()))
    alone = (b"GET / HTTP/1.1", b"GET /", b"")
    for name, start in zip(("line", "simple line", "empty"), alone, strict=True):
        for end in ("\n\n", "\r\r", "\n\r\n", "\r\r\n\r\n"):
            data = start + end.encode() + raw(HOST)
            if start:
                yield Case(f"{name} ending {end!r}", (data,), (REFUSED,))
    yield Case("an empty line before", (b"\r\n" + get(),), (passes(Seen()),))
    yield Case("two empty lines before", (b"\r\n\r\n" + get(),), (passes(Seen()), REFUSED))
    yield Case("LF before", (b"\n" + get(),), (passes(Seen()), REFUSED))
    yield from each(
        lambda text: text.encode() + get(), (" \r\n", "\r", "\r\r\n", "\0", "x\r\n"), REFUSED
    )
    yield Case("TLS", (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",), (REFUSED,))


def _method() -> Iterator[Case]:
    for method in ("get", "Get", "PURGE", "M-SEARCH", "PROPFIND", "X", "A" * 30, "!#$%&'*+.^_`|~0"):
        yield Case(method, (get(method=method),), (passes(Seen(method)),), origin=False)
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "GET"):
        seen = Seen(method, body=b"hello")
        request = post("Content-Length: 5", method=method)
        yield Case(f"{method} with a body", (request,), (passes(seen),), origin=method == "GET")
    head = (get(method="HEAD") + get(target="/2"),)
    yield Case("HEAD, then GET", head, (passes(Seen("HEAD"), Seen(target="/2")),))
    local = Outcome((frozenset({400, 405, 501}),))
    for target in ("a.example:443", "a.example:80", "/", "http://a.example/", "*"):
        yield Case(f"CONNECT {target}", (get(method="CONNECT", target=target),), (local,))
    no, traced = refusal(400, 405, 501), passes(Seen("TRACE"))
    through = passes(Seen("TRACE", body=b"hello"))
    yield Case(
        "TRACE with a body",
        (post("Content-Length: 5", method="TRACE"),),
        (local, no, through),
        origin=False,
    )
    yield Case("TRACE", (get(method="TRACE"),), (local, traced), origin=False)


def _target() -> Iterator[Case]:
    def make(target: str) -> bytes:
        return get(target=target)

    bad = (*range(0x01, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0, 0x7F, 0x80, 0xA0, 0xE9, 0xFF)
    yield from each(make, (f"/a{chr(byte)}b" for byte in bad), REFUSED)
    yield from each(make, ("/#", "/a#b", "/?a#", "#", "/\xc3\xa9", "/\r", "/\ra"), REFUSED)
    yield from each(
        make,
        (
            *("a", "a.example:80", "?a", "http:", "http:/", "http://", "http:///a", "://a", "**"),
            *("*a", "http://:80/", "http://u@a.example/", "http://u:p@a.example/", "mailto:a"),
            *("http://a.example:x/", "http://[::1/", "http://a.example/#b", "*"),
            *("http://a\x80b/", "ht!tp://a.example/", "1http://a.example/", "http://a%zz/"),
        ),
        REFUSED,
    )
    for target in (
        *("/a%20b", "/a%2Fb", "/%2e%2e/a", "/a;b=c", "/?", "/?a?b/c", "/a?b=http://c/"),
        "/:@!$&'()*+,",
        *("//a//b", "/a/../b", "/./a", "/..", "/" + "a" * 15000, "/~a", "/-._~", "/?a=1"),
    ):
        passed = passes(Seen(target=target))
        yield Case(f"kept {target[:30]}", (get(target=target),), (passed,))
    for target in ('/"', "/<>", "/\\", "/^", "/`", "/{a}", "/|", "/[a]", "/%", "/%zz", "/%0"):
        outcomes = passes(Seen(target=target)), REFUSED
        yield Case(f"no URI: {target}", (get(target=target),), outcomes)
    for target, path, host in (
        *(("http://b.example/a?b", "/a?b", "b.example"), ("http://b.example", "/", "b.example")),
        *(("http://b.example?a", "/?a", "b.example"), ("HTTP://b.example/", "/", "b.example")),
        ("http://b.example:8080/a", "/a", "b.example:8080"),
        *(("http://[::1]:8080/a", "/a", "[::1]:8080"), ("http://a.example/a", "/a", "a.example")),
        ("http://b.example//a", "//a", "b.example"),
    ):
        seen = Seen(target=path, present={"Host": host})
        yield Case(f"absolute {target}", (get(target=target),), (passes(seen),))
    absolute = raw("GET http://b.example/a HTTP/1.1")
    yield Case("absolute without Host", (absolute,), (REFUSED,))
    old, seen = (
        raw("GET http://b.example/a HTTP/1.0"),
        Seen(target="/a", present={"Host": "b.example"}),
    )
    yield Case("absolute without Host, 1.0", (old,), (passes(seen),))
    other = refusal(400, 421)
    yield Case("absolute https", (get(target="https://b.example/a"),), (passes(seen), other))
    yield Case("absolute ftp", (get(target="ftp://b.example/a"),), (other,))
    yield Case("POST *", (get("Content-Length: 0", target="*", method="POST"),), (REFUSED,))
    every = (get(target="*", method="OPTIONS"),)
    yield Case("OPTIONS *", every, (passes(Seen("OPTIONS", "*")),), origin=False)
    every = (get(target="http://b.example", method="OPTIONS"),)
    seen = Seen("OPTIONS", "*", present={"Host": "b.example"})
    yield Case("OPTIONS absolute without a path", every, (passes(seen),), origin=False)
    every = (get(target="http://b.example/", method="OPTIONS"),)
    yield Case("OPTIONS absolute", every, (passes(Seen("OPTIONS", "/")),), origin=False)


def _limits() -> Iterator[Case]:
    def fits(size: int) -> bytes:
        return get("X-Long: " + "a" * size)

    for size in (1000, 8000, 30000, 60000):
        seen = Seen(present={"X-Long": "a" * size})
        yield Case(f"field of {size} bytes", (fits(size),), (passes(seen),), size < 9000)
    yield from each(lambda text: get("X-Long: " + text), ("a" * 70000,), refusal(431))
    yield Case("many fields", (get(*(f"X-{n}: {n}" for n in range(9000))),), (refusal(431),))
    hundred = (get(*(f"X-{n}: {n}" for n in range(90))),)
    yield Case("ninety fields", hundred, (passes(Seen(present={"X-89": "89"})),))
    yield Case("long target", (get(target="/" + "a" * 17000),), (refusal(414),))
    yield Case("very long target", (get(target="/" + "a" * 100000),), (refusal(414, 431),))
    yield Case("endless line", (b"GET /" + b"a" * 200000,), (refusal(400, 414, 431),))
    yield Case("endless method", (b"A" * 200000,), (refusal(400, 414, 431, 501),))
    yield Case("endless field", (get()[:-2] + b"X: " + b"a" * 200000,), (refusal(431),))
    yield Case("endless name", (get()[:-2] + b"a" * 200000,), (refusal(400, 431),))
    yield Case("endless chunk extension", (chunked("5;" + "a" * 200000),), late(400, 413, 431))
    yield Case("endless chunk size", (chunked("0" * 200000),), late(400, 413, 431))
    trailers = chunked("0\r\n" + "X-T: v\r\n" * 20000 + "\r\n")
    yield Case("many trailers", (trailers,), late(400, 413, 431))
    trailers = chunked("0\r\nX-T: " + "a" * 200000 + "\r\n\r\n")
    yield Case("long trailer", (trailers,), late(400, 413, 431))


GROUPS = {
    "requestLine": _requestLine,
    "method": _method,
    "target": _target,
    "limits": _limits,
}
