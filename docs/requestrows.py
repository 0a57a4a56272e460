"""
The rows of the tables in C{reference/http.md}: bytes, and nothing of what comes of them.

What comes of them is found out by L{docs.requesttable}, which puts them to the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LINE = "GET / HTTP/1.1"
HOST = "Host: example.org"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True, slots=True)
class Row:
    """
    A conversation.

    @ivar request: what the client sends.
    @ivar response: what the backend sends, once for each request that it gets.
    @ivar ends: whether the backend closes its connection behind that.
    @ivar seconds: how long nothing happens then.
    """

    request: bytes
    response: bytes = ANSWER
    ends: bool = False
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Group:
    """
    Rows that are about the same.

    @ivar title: over the table.
    @ivar text: a sentence below the title; may be empty.
    @ivar rows: of the table.
    @ivar assumed: lines that are not shown where they are, since they are in most rows.
    """

    title: str
    text: str
    rows: tuple[Row, ...]
    assumed: tuple[str, ...] = (HOST, LINE)


def _raw(text: str) -> bytes:
    return text.encode("latin-1")


def _head(*lines: str, body: str = "") -> Row:
    return Row(_raw("".join(f"{line}\r\n" for line in lines) + "\r\n" + body))


def _lines(*lines: str) -> tuple[Row, ...]:
    return tuple(_head(line, HOST) for line in lines)


def _targets(*targets: str) -> tuple[Row, ...]:
    return _lines(*(f"GET {target} HTTP/1.1" for target in targets))


def _fields(*fields: str) -> tuple[Row, ...]:
    return tuple(_head(LINE, HOST, *field.split("\r\n")) for field in fields)


def _post(*fields: str, body: str = "hello", version: str = "1.1") -> Row:
    return _head(f"POST / HTTP/{version}", HOST, *fields, body=body)


def _chunks(*bodies: str) -> tuple[Row, ...]:
    return tuple(_post("Transfer-Encoding: chunked", body=body) for body in bodies)


def _answer(
    text: str, request: str = LINE, ends: bool = False, fields: str = "", seconds: float = 0
) -> Row:
    head = f"{request}\r\n{HOST}\r\n{fields}\r\n"
    return Row(_raw(head), _raw(text), ends, seconds)


def _answers(*texts: str) -> tuple[Row, ...]:
    return tuple(_answer(text) for text in texts)


def _ok(*fields: str) -> tuple[Row, ...]:
    return _answers(
        *(f"HTTP/1.1 200 OK\r\n{field}\r\nContent-Length: 0\r\n\r\n" for field in fields)
    )


_END = "0\r\n\r\n"
_UPGRADE = ("Connection: Upgrade", "Upgrade: websocket")
_OK = "HTTP/1.1 200 OK\r\n"
_HELLO = "Content-Length: 5\r\n\r\nhello"
_CHUNKED = f"{_OK}Transfer-Encoding: chunked\r\n\r\n"
_HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
_SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "

REQUESTS = (
    Group(
        "The request line",
        "",
        (
            _head(LINE, HOST),
            *_lines("PURGE / HTTP/1.1", "get / HTTP/1.1", "GE(T / HTTP/1.1", "TRACE / HTTP/1.1"),
            _head("CONNECT example.org:443 HTTP/1.1", HOST),
            *_lines("GET / HTTP/1.0", "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/0.9"),
            Row(_raw("GET /\r\n\r\n")),
            *_lines("GET / http/1.1", "GET  / HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 "),
            _head("", LINE, HOST),
            _head("", "", LINE, HOST),
            Row(_raw(f"\n{LINE}\r\n{HOST}\r\n\r\n")),
            Row(_raw(f"{LINE}\n{HOST}\n\n")),
            Row(_raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")),
        ),
    ),
    Group(
        "The target",
        "A path goes on byte by byte; an absolute target becomes a path.",
        (
            *_targets("/a%2Fb/%zz", "//a/../b/./c?d?e", '/<a>"b"', "/{a}|[b]^"),
            *_targets("/a#b", "/\xc3\xa9", "/a\x7f", "/a\tb", "a", "*", "http://b.example/a?b"),
            *_targets("HTTP://b.example:81?a", "https://b.example/", "http://b.example/a#b"),
            *_targets(
                "http://u:p@b.example/", "http:///a", "http://b example/", "ftp://b.example/"
            ),
            *_lines("OPTIONS * HTTP/1.1", "OPTIONS http://b.example HTTP/1.1"),
            _head("GET http://b.example/ HTTP/1.1"),
            _head("GET http://b.example/ HTTP/1.0"),
        ),
    ),
    Group(
        "Host",
        "",
        (
            _head(LINE),
            _head("GET / HTTP/1.0"),
            _head(LINE, HOST, HOST),
            *(
                _head(LINE, f"Host: {value}")
                for value in (
                    *("", "B.example:81", "[::1]:81", "b.example:", "b%41", "a,b", "a_b"),
                    *(
                        "b:99999",
                        "u@b",
                        "b:x",
                        "b:100000",
                        "[::g]",
                        "[v1.a]",
                        "::1",
                        "a b",
                        "b/",
                        "\xc3\xa9",
                    ),
                )
            ),
        ),
    ),
    Group(
        "Fields",
        "",
        (
            *_fields("X-A: a", "X-A:a", "X-A: \t a \t ", "X-A:", "x-a: a\r\nX-A: b", "X_A: a"),
            *_fields("X-A: caf\xe9", "X-A : a", "X-A", ": a", "X A: a", "X\xe9: a"),
            *_fields("X-A: a\r\n b", " X-A: a", "X-A: a\nX-B: b", "X-A: a\rb", "X-A: a\0b"),
            *_fields("X-A: a\x01b", "X-A: a\x7fb"),
        ),
    ),
    Group(
        "Framing",
        "The body's length is found by one of two fields, and made anew for the backend.",
        (
            _post("Content-Length: 5"),
            _post(body=""),
            _head(LINE, HOST, "Content-Length: 5", body="hello"),
            *_fields("Content-Length: 0"),
            *(
                _post(f"Content-Length: {value}")
                for value in ("05", "+5", "5, 5", "5 5", "", "0x5", "9" * 19)
            ),
            _post("Content-Length: 5", "Content-Length: 5"),
            *_chunks(f"5\r\nhello\r\n{_END}"),
            *(
                _post(f"Transfer-Encoding: {value}", body=_END)
                for value in (
                    *("CHUNKED", ", chunked", "", "identity", "gzip, chunked", "chunked, gzip"),
                    *("chunked, chunked", "chunked;a=b"),
                )
            ),
            _post("Transfer-Encoding: chunked", "Content-Length: 5", body=_END),
            _post("Transfer-Encoding: chunked", body=_END, version="1.0"),
            _head("TRACE / HTTP/1.1", HOST, "Content-Length: 5", body="hello"),
            _head("DELETE / HTTP/1.1", HOST, "Content-Length: 5", body="hello"),
        ),
    ),
    Group(
        "Chunks and trailers",
        "Each in a `POST` with `Transfer-Encoding: chunked`.",
        _chunks(
            *(
                f"{size}\r\nhello\r\n{_END}"
                for size in ("5;a=b", "0005", "5;a b\xe9", "5 ", "0x5", "-1", "4", "0" * 15 + "5")
            ),
            *(f"A\r\n0123456789\r\n{_END}", f"5\nhello\r\n{_END}", f"5\r\nhello\n{_END}"),
            f"5;{'a' * 5000}\r\nhello\r\n{_END}",
            *(
                f"0\r\n{trailers}\r\n\r\n"
                for trailers in (
                    "X-Sum: 1",
                    "X-Sum: 1\r\nContent-Length: 9\r\nX-Forwarded-For: 1.2.3.4\r\nCookie: a=b",
                    "X-Sum : 1",
                    "X-Sum: 1\r\n 2",
                    f"X-Sum: {'1' * 17000}",
                )
            ),
        ),
        (HOST, "POST / HTTP/1.1", "Transfer-Encoding: chunked"),
    ),
    Group(
        "What ends at each hop",
        "",
        (
            *_fields("Connection: close", "Connection: keep-alive\r\nKeep-Alive: timeout=5"),
            _head("GET / HTTP/1.0", HOST, "Connection: keep-alive"),
            *_fields("Connection: X-A, close\r\nX-A: a\r\nX-B: b", "Connection: Host"),
            *_fields("Connection: Cookie\r\nCookie: a=b", "Connection: X-Forwarded-For, Via"),
            _post("Connection: Content-Length", "Content-Length: 5"),
            *_fields("Proxy-Connection: keep-alive", "Proxy-Authorization: Basic eDp5"),
            *_fields("Authorization: Basic eDp5", "Connection: TE\r\nTE: trailers"),
            _post("Trailer: X-Sum", "Transfer-Encoding: chunked", body="0\r\nX-Sum: 1\r\n\r\n"),
        ),
    ),
    Group(
        "What says who the client is",
        "Only the gateway's own word reaches the backend.",
        _fields(
            *("X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b"),
            *("X-Forwarded-Prefix: /a", "X-Forwarded-Port: 1", "Forwarded: for=1.2.3.4"),
            *("X-Real-IP: 1.2.3.4", "X_Forwarded_For: 1.2.3.4", "X_Real-IP: 1.2.3.4"),
            *("Via: 1.0 fred", "X-Request-Id: 7"),
        ),
    ),
    Group(
        "Max-Forwards, Expect, Upgrade",
        "",
        (
            _head("OPTIONS / HTTP/1.1", HOST, "Max-Forwards: 3"),
            _head("OPTIONS / HTTP/1.1", HOST, "Max-Forwards: 0"),
            _head("TRACE / HTTP/1.1", HOST, "Max-Forwards: 0"),
            _head("OPTIONS / HTTP/1.1", HOST, "Max-Forwards: x"),
            *_fields("Max-Forwards: 0"),
            _post("Expect: 100-continue", "Content-Length: 5"),
            _post("Expect: 100-continue", "Content-Length: 5", version="1.0"),
            *_fields("Expect: 100-continue", "Expect: 200-maybe"),
            *_fields("\r\n".join(_UPGRADE), "Upgrade: websocket"),
            *_fields("Connection: Upgrade\r\nUpgrade: h2c, websocket"),
            *_fields("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA"),
            _head("GET / HTTP/1.0", HOST, *_UPGRADE),
            _post(*_UPGRADE, "Content-Length: 5"),
        ),
    ),
    Group(
        "Sizes",
        "",
        (
            *_targets("/" + "a" * 16383, "/" + "a" * 16384, "/" + "a" * 70000),
            *_fields("X-A: " + "a" * 60000, "X-A: " + "a" * 70000),
            Row(b"A" * 70000),
        ),
    ),
    Group(
        "Slow clients",
        "With the default budgets.",
        (
            Row(b"", seconds=76),
            Row(_raw(f"{LINE}\r\n"), seconds=11),
            Row(_raw(f"{LINE}\r\n{HOST}\r\n\r\n"), seconds=76),
            replace(_post("Content-Length: 5", body="hel"), response=b"", seconds=61),
        ),
    ),
)

RESPONSES = (
    Group(
        "The status line",
        "",
        (
            *_answers(
                *(
                    f"{line}\r\nContent-Length: 0\r\n\r\n"
                    for line in (
                        *("HTTP/1.1 200 OK", "HTTP/1.1 299 A b", "HTTP/1.1 404", "HTTP/1.0 200 OK"),
                        *(
                            "HTTP/1.2 200 OK",
                            "HTTP/2.0 200 OK",
                            "HTTP/1.1 600 OK",
                            "HTTP/1.1 20 OK",
                        ),
                        "\r\nHTTP/1.1 200 OK",
                    )
                ),
                "hello\r\n\r\n",
            ),
            _answer("HTTP/1.1 200 OK\nContent-Length: 0\n\n", seconds=61),
        ),
        (),
    ),
    Group(
        "Framing",
        "",
        (
            _answer(f"{_OK}\r\nhello", ends=True),
            _answer(f"{_OK}\r\nhello", "GET / HTTP/1.0", ends=True),
            *_answers(f"{_CHUNKED}5\r\nhello\r\n{_END}", f"{_CHUNKED}5  \r\nhello\r\n{_END}"),
            _answer(f"{_CHUNKED}5\r\nhello\r\n{_END}", "GET / HTTP/1.0"),
            *_answers(
                f"{_OK}Transfer-Encoding: gzip, chunked\r\n\r\n{_END}",
                f"{_OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{_END}",
                f"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{_END}",
                f"{_OK}Content-Length: 5\r\n{_HELLO}",
                f"{_OK}Content-Length: 6\r\n{_HELLO}",
                f"{_OK}Content-Length: 5, 5\r\n\r\nhello",
                f"{_OK}Content-Length: five\r\n\r\nhello",
            ),
            _answer(_OK + _HELLO, "HEAD / HTTP/1.1"),
            _answer(f"{_OK}Content-Length: 5\r\n\r\n", "HEAD / HTTP/1.1"),
            *_answers(
                "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                f"{_OK}{_HELLO} and more",
            ),
            _answer((_OK + _HELLO)[:-2], ends=True),
            _answer(f"{_CHUNKED}5\r\nhello\r\n", ends=True),
            *_answers(f"{_CHUNKED}5\r\nhello6\r\n"),
        ),
        (),
    ),
    Group(
        "Fields and trailers",
        "",
        (
            *_ok("X-A: \t caf\xe9 ", "Server: x", "Date: Sun, 06 Nov 1994 08:49:37 GMT"),
            *_ok("Set-Cookie: a=1\r\nSet-Cookie: b=2", "Connection: close, X-A\r\nX-A: a"),
            *_ok("Keep-Alive: timeout=5", "Upgrade: h2c\r\nConnection: Upgrade", "Via: 1.0 fred"),
            *_ok("Proxy-Authenticate: Basic", "X-A: a\r\n b", "X-A : a", "X-A", "X-A: a\0b"),
            *_ok("X-A: " + "a" * 60000, "X-A: " + "a" * 70000),
            *_answers(
                "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
                "0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n"
            ),
        ),
        ("HTTP/1.1 200 OK", "Content-Length: 0"),
    ),
    Group(
        "Interim responses and other protocols",
        "",
        (
            _answer(
                f"HTTP/1.1 100 Continue\r\n\r\n{_OK}{_HELLO}",
                "POST / HTTP/1.1",
                fields="Expect: 100-continue\r\nContent-Length: 5\r\n",
            ),
            *_answers(f"HTTP/1.1 100 Continue\r\n\r\n{_OK}{_HELLO}", f"{_HINTS}{_OK}{_HELLO}"),
            _answer(f"{_HINTS}{_OK}{_HELLO}", "GET / HTTP/1.0"),
            *_answers("HTTP/1.1 102 Processing\r\n\r\n" * 33 + _OK + _HELLO),
            _answer(f"{_SWITCH}websocket\r\n\r\n", fields="\r\n".join((*_UPGRADE, ""))),
            _answer(f"{_SWITCH}other\r\n\r\n", fields="\r\n".join((*_UPGRADE, ""))),
            *_answers(f"{_SWITCH}websocket\r\n\r\n"),
        ),
        (),
    ),
    Group(
        "Slow and failing backends",
        "",
        (
            _answer("", seconds=61),
            _answer((_OK + _HELLO)[:-2], seconds=61),
            _answer("", ends=True),
            _answer("HTTP/1.1 200 O", ends=True),
        ),
        (),
    ),
)
