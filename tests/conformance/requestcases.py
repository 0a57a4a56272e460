"""
Requests a strict HTTP/1.1 proxy or origin server is asked with, and what must come of
each: a table, in groups, of bytes and allowed outcomes.

Written from RFC 9112 (messages), RFC 9110 (fields, forwarding) and RFC 3986 (targets).
Where these leave a choice, either every choice is allowed (several outcomes), or the
strict one is asked for: a message that two readers may read differently is refused.

Invariants: text is Latin-1; group and name identify a case; an outcome's C{seen} lists
all that a backend may have seen as whole requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

HOST = "Host: a.example"

# Who the client is for a proxy on the same machine.
CLIENT = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A request as it must reach a backend.

    @ivar present: fields that must be there once, with these values.
    @ivar absent: names that must be neither among the fields nor the trailers.
    @ivar trailersFree: names that must not be among the trailers.
    """

    method: str = "GET"
    target: str = "/"
    body: bytes = b""
    present: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    trailersFree: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    One of the things that may come of a case.

    @ivar answers: for each final answer, the statuses it may have.
    @ivar seen: the requests that must have reached the backend.
    @ivar closes: whether the server ends the connection; None where it may.
    @ivar incomplete: whether a beginning of a request may have reached the backend.
    @ivar interim: whether an interim answer is allowed.
    """

    answers: tuple[frozenset[int], ...] = ()
    seen: tuple[Seen, ...] = ()
    closes: bool | None = None
    incomplete: bool = False
    interim: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """
    What a client sends, and the outcomes that are right.

    @ivar pieces: sent one by one.
    @ivar origin: whether an origin server must do likewise.
    @ivar waits: whether the first piece must have an interim answer before the others.
    @ivar halfClose: whether the client closes its side behind the last piece.
    """

    name: str
    pieces: tuple[bytes, ...]
    outcomes: tuple[Outcome, ...]
    origin: bool = True
    waits: bool = False
    halfClose: bool = False


def raw(*lines: str, body: str = "") -> bytes:
    """
    @param lines: the request line and field lines.
    @param body: behind the head.
    @return: the request.
    """
    return ("".join(line + "\r\n" for line in lines) + "\r\n" + body).encode("latin-1")


def get(*lines: str, target: str = "/", method: str = "GET") -> bytes:
    """
    @param lines: field lines besides Host.
    @return: a request without a body.
    """
    return raw(f"{method} {target} HTTP/1.1", HOST, *lines)


def post(*lines: str, body: str = "hello", target: str = "/", method: str = "POST") -> bytes:
    """
    @param lines: field lines besides Host; they frame the body.
    @return: a request with a body.
    """
    return raw(f"{method} {target} HTTP/1.1", HOST, *lines, body=body)


def chunked(body: str, *lines: str) -> bytes:
    """
    @param body: as chunks.
    @return: a request with that body.
    """
    return post("Transfer-Encoding: chunked", *lines, body=body)


def refusal(*statuses: int) -> Outcome:
    """
    @param statuses: that the answer may have.
    @return: answered so, closed, and nothing seen of it.
    """
    return Outcome((frozenset(statuses),), closes=True)


def passes(*seen: Seen, closes: bool | None = None) -> Outcome:
    """
    @param seen: requests.
    @return: each of them was seen, and the backend's answer came back.
    """
    return Outcome((frozenset({200}),) * len(seen), seen, closes)


REFUSED = refusal(400)
UNKNOWN_CODING = refusal(400, 501)
# A body of which the head may have been sent on before it went wrong.
BROKEN = replace(REFUSED, incomplete=True)
HELLO = Seen("POST", body=b"hello")
SMUGGLED = get(target="/smuggled").decode()

GROUPS: dict[str, Callable[[], Iterable[Case]]] = {}


def _group(function: Callable[[], Iterable[Case]]) -> Callable[[], Iterable[Case]]:
    GROUPS[function.__name__.strip("_")] = function
    return function


def _each(
    make: Callable[[str], bytes], texts: Iterable[str], *outcomes: Outcome, origin: bool = True
) -> Iterator[Case]:
    """
    A case for each text, named by it.
    """
    for text in texts:
        name = repr(text) if len(text) < 60 else f"{text[:20]!r} and so on, {len(text)} bytes"
        yield Case(name, (make(text),), outcomes, origin)


def _line(line: str) -> bytes:
    return raw(line, HOST)


@_group
def _requestLine() -> Iterator[Case]:
    yield from _each(
        _line,
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
    yield from _each(lambda text: _line(f"GET / {text}"), digits, refusal(400, 505))
    yield from _each(lambda text: _line(f"GET / {text}"), versions, refusal(505))
    yield from _each(lambda text: _line(f"GET / {text}"), ("HTTP/2", "HTTP/3"), refusal(400, 505))
    higher = ("HTTP/1.2", "HTTP/1.9")
    yield from _each(lambda text: _line(f"GET / {text}"), higher, passes(Seen()))
    alone = (b"GET / HTTP/1.1", b"GET /", b"")
    for name, start in zip(("line", "simple line", "empty"), alone, strict=True):
        for end in ("\n\n", "\r\r", "\n\r\n", "\r\r\n\r\n"):
            data = start + end.encode() + raw(HOST)
            if start:
                yield Case(f"{name} ending {end!r}", (data,), (REFUSED,))
    yield Case("an empty line before", (b"\r\n" + get(),), (passes(Seen()),))
    yield Case("two empty lines before", (b"\r\n\r\n" + get(),), (passes(Seen()), REFUSED))
    yield Case("LF before", (b"\n" + get(),), (passes(Seen()), REFUSED))
    yield from _each(
        lambda text: text.encode() + get(), (" \r\n", "\r", "\r\r\n", "\0", "x\r\n"), REFUSED
    )
    yield Case("TLS", (b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",), (REFUSED,))


@_group
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


@_group
def _target() -> Iterator[Case]:
    def make(target: str) -> bytes:
        return get(target=target)

    bad = (*range(0x01, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0, 0x7F, 0x80, 0xA0, 0xE9, 0xFF)
    yield from _each(make, (f"/a{chr(byte)}b" for byte in bad), REFUSED)
    yield from _each(make, ("/#", "/a#b", "/?a#", "#", "/\xc3\xa9", "/\r", "/\ra"), REFUSED)
    yield from _each(
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


@_group
def _limits() -> Iterator[Case]:
    def fits(size: int) -> bytes:
        return get("X-Long: " + "a" * size)

    for size in (1000, 8000, 30000, 60000):
        seen = Seen(present={"X-Long": "a" * size})
        yield Case(f"field of {size} bytes", (fits(size),), (passes(seen),), size < 9000)
    yield from _each(lambda text: get("X-Long: " + text), ("a" * 70000,), refusal(431))
    yield Case("many fields", (get(*(f"X-{n}: {n}" for n in range(9000))),), (refusal(431),))
    hundred = (get(*(f"X-{n}: {n}" for n in range(90))),)
    yield Case("ninety fields", hundred, (passes(Seen(present={"X-89": "89"})),))
    yield Case("long target", (get(target="/" + "a" * 17000),), (refusal(414),))
    yield Case("very long target", (get(target="/" + "a" * 100000),), (refusal(414, 431),))
    yield Case("endless line", (b"GET /" + b"a" * 200000,), (refusal(400, 414, 431),))
    yield Case("endless method", (b"A" * 200000,), (refusal(400, 414, 431, 501),))
    yield Case("endless field", (get()[:-2] + b"X: " + b"a" * 200000,), (refusal(431),))
    yield Case("endless name", (get()[:-2] + b"a" * 200000,), (refusal(400, 431),))
    yield Case("endless chunk extension", (chunked("5;" + "a" * 200000),), _late(400, 413, 431))
    yield Case("endless chunk size", (chunked("0" * 200000),), _late(400, 413, 431))
    trailers = chunked("0\r\n" + "X-T: v\r\n" * 20000 + "\r\n")
    yield Case("many trailers", (trailers,), _late(400, 413, 431))
    trailers = chunked("0\r\nX-T: " + "a" * 200000 + "\r\n\r\n")
    yield Case("long trailer", (trailers,), _late(400, 413, 431))


def _late(*statuses: int) -> tuple[Outcome]:
    return (replace(refusal(*statuses), incomplete=True),)


@_group
def _host() -> Iterator[Case]:
    def make(value: str) -> bytes:
        return raw("GET / HTTP/1.1", "Host: " + value)

    yield Case("missing", (raw("GET / HTTP/1.1"),), (REFUSED,))
    yield Case("missing, 1.0", (raw("GET / HTTP/1.0"),), (passes(Seen(), closes=True),))
    yield from _each(make, ("", " \t "), passes(Seen()))
    for first, second in (("a", "a"), ("a", "b"), ("a", ""), ("", "a")):
        twice = (f"Host: {first}", f"host: {second}")
        yield Case(f"twice: {first}, {second}", (raw("GET / HTTP/1.1", *twice),), (REFUSED,))
        yield Case(f"twice in 1.0: {first}, {second}", (raw("GET / HTTP/1.0", *twice),), (REFUSED,))
    yield from _each(
        make,
        (
            *("a, b", "a b", "a\tb", "u@a", "u:p@a", "@", "@a", "a:x", "a:8x", "a:-1", "a:+1"),
            "a: 80",
            *("a :80", "a:80:80", "a:0x50", "a:8_0", "[::1", "::1", "[::1]x", "[]", "[::g]"),
            "[1:2]",
            *("[::1]]", "[[::1]]", "[::1]:x", "]", "[a]", "[127.0.0.1]", "a[::1]", "[:::1]"),
            "[::1]80",
            *("[1:2:3:4:5:6:7:8:9]", "[12345::]", "[::1::2]", "[::256.1.1.1]", "[::1 ]", "a/b"),
            "a/",
            *("a?b", "a#b", "a\\b", "http://a", "a%zz", "a%", "a%4", "a<b", "a>b", 'a"b', "a^b"),
            "a`b",
            *("a{b", "a|b", "a}b", "a\x80", "\xc3\xa9", "a\x00b", "a\x01b", "a\x7f", "a:\xb2"),
            "a:80,b",
        ),
        REFUSED,
    )
    good = ("A.Example", "a.", "a_b", "a-b", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080")
    more = ("[2001:db8::7]", "[::ffff:1.2.3.4]:80", "256.1.1.1", "xn--bcher-kva.example", "a:8080")
    for value in (*good, *more):
        kept = passes(Seen(present={"Host": value}))
        yield Case(f"good {value}", (make(value),), (kept,))
    for value in (
        *("a:", "a:99999", "a:0", "a%41", "a!b", "a,b", "[v1.a]", ":80", ":", "a..b", "a:080"),
    ):
        yield Case(f"doubtful {value}", (make(value),), (passes(Seen()), REFUSED))
    for line in ("Host:a", "HOST: a", "host:\ta\t", "hOsT:   a   "):
        kept = passes(Seen(present={"Host": "a"}))
        yield Case(repr(line), (raw("GET / HTTP/1.1", line),), (kept,))
    folded = ("Host:\r\n a", "Host: a\r\n b", "Host : a", "Host a", " Host: a", "Host\x00: a")
    yield from _each(lambda line: raw("GET / HTTP/1.1", line), folded, REFUSED)
    yield Case("not first", (raw("GET / HTTP/1.1", "X: 1", HOST),), (passes(Seen()),))


@_group
def _fields() -> Iterator[Case]:
    token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    strange = [char for char in map(chr, range(0x80)) if char not in token + ":\n"]
    yield from _each(get, (f"X{char}Y: v" for char in (*strange, "\x80", "\xe9", "\xff")), REFUSED)
    controls = [char for char in map(chr, (*range(0x20), 0x7F)) if char not in "\t\r\n"]
    yield from _each(get, (f"X: in{char}side" for char in controls), REFUSED)
    yield from _each(
        get,
        (
            *("X", "X v", ":v", ": v", ":", " :v", "X : v", "X\t: v", "X\x0b: v", " X: v"),
            "\tX: v",
            *("X: a\rb", "X: a\r", "X: \ra", "X:\r", "X\r: a", "\rX: a", "X: a\r\rY: b", "\r"),
            *("X: a\nY: b", "X: a\n", "\nX: a", "X: a\n b", "X: a\n\n", "X: a\n\tb", "\n"),
            "X: \na",
            *("X: a\r\n b", "X: a\r\n\tb", "X:\r\n b", "X: a\r\n ", "X: a\r\n\t\r\n b"),
            "X: a\r\n :b",
            *("X: \0", "\0: a", "X\0: a", "X: a\0", "GET / HTTP/1.1", "X: a\r\n\x0bb", "\xa0X: a"),
            "X\xa0: a",
            *("{X}: a", "X=a", "X;: a", '"X": a', "X Y: a", "\xef\xbb\xbfX: a", "X\\: a", " "),
            "\t",
        ),
        REFUSED,
    )
    first = raw("GET / HTTP/1.1", " X: v", HOST)
    yield Case("first line starts with a blank", (first,), (REFUSED,))
    first = raw("GET / HTTP/1.1", "\t", HOST)
    yield Case("first line is a blank", (first,), (REFUSED,))
    last = get()[:-2]
    for end in (b"\n", b"\r\r\n", b"\r\r", b" \r\n", b"\0\r\n"):
        yield Case(f"head ending {end!r}", (last + end + get(target="/2"),), (REFUSED,))
    for line in (b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n"):
        yield Case(f"bare LF in {line!r}", (line + get(),), (REFUSED,))
    for sent, value in (
        *(("v", "v"), ("   v", "v"), ("v   ", "v"), (" \t v \t ", "v"), ("a\tb", "a\tb")),
        *(("a  b", "a  b"), (":", ":"), ("a: b", "a: b"), ('"a;b"', '"a;b"')),
        ("()<>@,;", "()<>@,;"),
        *(("\xe9", "\xe9"), ("\xc3\xa9", "\xc3\xa9"), ("\x80\xff", "\x80\xff"), ("%00", "%00")),
        (text := "".join(map(chr, (*range(0x21, 0x7F), *range(0x80, 0x100)))), text),
    ):
        kept = passes(Seen(present={"X-Kept": value}))
        yield Case(f"value {sent[:30]!r}", (get("X-Kept:" + sent),), (kept,))
    for text in ("", " ", "\t \t"):
        kept = passes(Seen(present={"X-Kept": ""}))
        yield Case(f"empty value {text!r}", (get("X-Kept:" + text),), (kept,))
    for name in ("X", "x-Y", "0", "X.Y", "!#$%&'*+-.^`|~", "X" * 100):
        kept = passes(Seen(present={name: "v"}))
        yield Case(f"name {name[:30]}", (get(name + ": v"),), (kept,))
    for name in ("X_Y", "_", "Content_Length", "Transfer_Encoding", "HTTP_HOST"):
        yield Case(f"name {name}", (get(name + ": 7"),), (passes(Seen()), REFUSED))
    same = get(
        "X-A: 1", "X-B: 2", "X-A: 3", "Cookie: a=1; b=2", "Accept: */*", "Authorization: Basic eDp5"
    )
    seen = Seen(present={"X-B": "2", "Cookie": "a=1; b=2", "Authorization": "Basic eDp5"})
    yield Case("end-to-end fields are kept", (same,), (passes(seen),))


@_group
def _contentLength() -> Iterator[Case]:
    def make(value: str) -> bytes:
        return post("Content-Length: " + value)

    yield from _each(
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
    yield from _each(make, huge, refusal(400, 413))
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


@_group
def _transferEncoding() -> Iterator[Case]:
    chunks = "5\r\nhello\r\n0\r\n\r\n"

    def make(value: str) -> bytes:
        return post("Transfer-Encoding: " + value, body=chunks)

    for value in ("chunked", "Chunked", "CHUNKED", "  chunked\t "):
        yield Case(repr(value), (make(value),), (passes(HELLO),))
    yield from _each(
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
    yield from _each(make, bad, REFUSED)
    yield from _each(
        make, ("", "=chunked", "(chunked)", "\xa0chunked", "chunked\x85"), UNKNOWN_CODING
    )
    yield from _each(make, (", chunked", "chunked,", ",chunked,"), passes(HELLO), UNKNOWN_CODING)
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


@_group
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
    yield from _each(
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
    yield from _each(sized, large, *_late(400, 413))
    blanks = (
        *("5 ", "5\t", "5 ;a", "5; a", "5 ; a = b", "5;a ", "5;a= b", "5;", "5;;", "5;=", '5;a="b'),
    )
    odd = ("5;a\x80", "5;a=", "5;\xe9=b", '5;a="b"c', "5;(a)", "0" * 15 + "5", "0" * 30 + "5")
    yield from _each(sized, (*blanks, *odd), whole, BROKEN)
    bad = (
        *("a\nb", "a\n", "\n", "a\rb", "\r", "a\0b", 'a="\r\n"', 'a="\n"', "a\x01", 'a="\0"'),
        "a\x7f",
    )
    yield from _each(lambda text: chunked(f"5;{text}\r\nhello\r\n{end}"), bad, BROKEN)
    # What follows makes each of them decidable.
    yield from _each(
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


@_group
def _trailers() -> Iterator[Case]:
    def make(*lines: str) -> bytes:
        return chunked("5\r\nhello\r\n0\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n")

    sums = make("X-Sum: 1", "X-Other: 2")
    yield Case("two good ones", (sums + get(),), (passes(HELLO, Seen()),))
    announced = post("Trailer: X-Sum", "Transfer-Encoding: chunked", body="0\r\nX-Sum: 1\r\n\r\n")
    yield Case("announced", (announced,), (passes(Seen("POST")),))
    yield from _each(
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


@_group
def _hopByHop() -> Iterator[Case]:
    def case(
        name: str, *lines: str, absent: tuple[str, ...] = (), closes: bool | None = None
    ) -> Case:
        outcome = passes(Seen(absent=absent, present={"X-Kept": "1"}), closes=closes)
        return Case(name, (get("X-Kept: 1", *lines),), (outcome,), origin=closes is not None)

    secret = "X-Secret: 1"
    yield case("named", "Connection: X-Secret", secret, absent=("X-Secret",))
    yield case("named behind", secret, "Connection: X-Secret", absent=("X-Secret",))
    yield case("named in other case", "connection: x-SECRET", secret, absent=("X-Secret",))
    both = "Connection: close, X-Secret"
    yield case("named with close", both, secret, absent=("X-Secret",), closes=True)
    listed = "Connection: keep-alive,X-Secret , X-More"
    yield case("listed", listed, secret, "X-More: 2", absent=("X-Secret", "X-More"))
    two = "Connection: X-Secret", "Connection: X-More", secret, "X-More: 2"
    yield case("on two lines", *two, absent=("X-Secret", "X-More"))
    yield case("twice", "Connection: X-Secret", secret, "x-secret: 2", absent=("X-Secret",))
    yield case("empty elements", "Connection: ,, ,X-Secret,", secret, absent=("X-Secret",))
    yield case("tabs", "Connection:\tX-More\t,\tX-Secret", secret, absent=("X-Secret",))
    yield case("close", "Connection: close", closes=True)
    yield case("close in capitals", "Connection: CLOSE", closes=True)
    yield case("close second", "Connection: keep-alive, close", closes=True)
    yield case("close on another line", "Connection: x", "Connection: close", closes=True)
    yield case("keep-alive", "Connection: keep-alive", closes=False)
    yield case("nothing", closes=False)
    for line in (
        *("Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: gzip"),
        "TE: trailers;q=0.5",
        *("Upgrade: websocket", "Upgrade: h2c", "Proxy-Authorization: Basic eDp5"),
        "Proxy-Connection: X",
    ):
        yield case(line, line, absent=(line.partition(":")[0],))
    named = "Connection: TE, close", "TE: trailers, deflate;q=0.5"
    yield Case("TE", (get(*named),), (passes(Seen()),), origin=False)
    upgrade = get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    seen = Seen(absent=("Upgrade", "HTTP2-Settings"))
    yield Case("h2c", (upgrade,), (passes(seen), REFUSED), origin=False)
    # Naming these must not take them from what the framing or trust rests on.
    for name, present in (
        ("Host", {"Host": "a.example"}),
        ("X-Forwarded-For", {"X-Forwarded-For": CLIENT}),
        ("X-Forwarded-Proto", {"X-Forwarded-Proto": "http"}),
        ("X-Forwarded-Host", {"X-Forwarded-Host": "a.example"}),
        ("Cookie", {}),
        ("Authorization", {}),
        ("Via", {}),
        ("Date", {}),
        ("Connection", {}),
        ("Forwarded", {}),
    ):
        request = get(f"Connection: close, {name}", "Cookie: a=1", "Authorization: Basic eDp5")
        outcomes = passes(Seen(present=present)), REFUSED
        yield Case(f"names {name}", (request,), outcomes, origin=False)
    for name in ("Content-Length", "content-length, Content-Type", "Transfer-Encoding"):
        request = post(f"Connection: {name}", "Content-Length: 5")
        yield Case(f"names {name}", (request + get(),), (passes(HELLO, Seen()), REFUSED))
    request = post(
        "Connection: Transfer-Encoding", "Transfer-Encoding: chunked", body="1\r\na\r\n0\r\n\r\n"
    )
    outcomes = passes(Seen("POST", body=b"a"), Seen()), REFUSED
    yield Case("names Transfer-Encoding that is there", (request + get(),), outcomes)
    for value in ("close;x", '"close"', "a b", "(close)", "close\xe9"):
        yield Case(
            f"malformed {value!r}", (get(f"Connection: {value}"),), (passes(Seen()), REFUSED)
        )


@_group
def _forwarding() -> Iterator[Case]:
    ours = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a.example"}

    def case(*lines: str, absent: tuple[str, ...] = (), **present: str) -> Case:
        named = {key.replace("_", "-"): value for key, value in present.items()}
        seen = Seen(present={**ours, **named}, absent=absent)
        name = ", ".join(lines) or "nothing"
        return Case(name, (get(*lines),), (passes(seen),), origin=False)

    yield case()
    for line in (
        *("X-Forwarded-For: 1.2.3.4", "x-forwarded-for: 1.2.3.4, 5.6.7.8", "X-Forwarded-For:"),
        *("X-Forwarded-For: unknown", "X-Forwarded-Proto: https", "X-FORWARDED-PROTO: https"),
        *("X-Forwarded-Host: evil.example", "X-Forwarded-For: 127.0.0.1, 127.0.0.1"),
    ):
        yield case(line)
    yield case("X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8")
    yield case("X-Forwarded-Proto: https", "X-Forwarded-Host: b", "X-Forwarded-For: 1.2.3.4")
    for line in (
        *("Forwarded: for=1.2.3.4;proto=https;host=b", "X-Real-IP: 1.2.3.4"),
        "X-Forwarded-Prefix: /evil",
        *("X_Forwarded_For: 1.2.3.4", "X_Forwarded_Proto: https", "X-Forwarded_For: 1.2.3.4"),
        *("X_Real_IP: 1.2.3.4", "X_Forwarded_Host: b", "X_FORWARDED_FOR: 1.2.3.4"),
    ):
        yield case(line, absent=(line.partition(":")[0],))
    yield case("Connection: X-Forwarded-Proto", "X-Forwarded-Proto: https")
    via = Seen(present={"Via": "1.1*"})
    yield Case("Via added", (get(),), (passes(via),), origin=False)
    via = Seen(present={"Via": "1.0 fred, 1.1 b (x), 1.1*"})
    yield Case("Via kept", (get("Via: 1.0 fred, 1.1 b (x)"),), (passes(via),), origin=False)
    old = raw("GET / HTTP/1.0", HOST)
    yield Case("Via from 1.0", (old,), (passes(Seen(present={"Via": "1.0*"})),), origin=False)
    yield Case(
        "OPTIONS through",
        (get("Max-Forwards: 4", method="OPTIONS"),),
        (passes(Seen("OPTIONS", present={"Max-Forwards": "3"})),),
        origin=False,
    )
    for text, less in (("1", "0"), ("10", "9"), ("010", "9"), ("255", "254")):
        for method in ("TRACE", "OPTIONS"):
            request = get(f"Max-Forwards: {text}", method=method)
            seen = Seen(method, present={"Max-Forwards": less})
            no = (Outcome((frozenset({405, 501}),)),) if method == "TRACE" else ()
            yield Case(f"{method} {text}", (request,), (passes(seen), *no), origin=False)
    here = Outcome((frozenset({200, 204, 405, 501}),))
    for method, target in (("TRACE", "/"), ("OPTIONS", "/"), ("OPTIONS", "*")):
        request = get("Max-Forwards: 0", method=method, target=target)
        yield Case(f"{method} {target} 0", (request,), (here,), origin=False)
    yield Case("GET 0", (get("Max-Forwards: 0"),), (passes(Seen()),), origin=False)
    for text in ("x", "-1", "", "1, 2", "1.0"):
        request = get(f"Max-Forwards: {text}", method="OPTIONS")
        outcomes = passes(Seen("OPTIONS")), REFUSED
        yield Case(f"OPTIONS malformed {text!r}", (request,), outcomes, origin=False)


@_group
def _expect() -> Iterator[Case]:
    head, body = post("Expect: 100-continue", "Content-Length: 5", body=""), b"hello"
    done = (passes(HELLO),)
    yield Case("waits", (head, body), done, waits=True)
    yield Case("doesn't wait", (head + body,), done)
    yield Case("in pieces", (head, body), done)
    capital = post("Expect: 100-Continue", "Content-Length: 5", body="")
    yield Case("other case", (capital, body), done, waits=True)
    head = post("Expect: 100-continue", "Transfer-Encoding: chunked", body="")
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    yield Case("chunked, waits", (head, chunks), done, waits=True)
    yield Case("chunked", (head + chunks,), done)
    old = raw("POST / HTTP/1.0", HOST, "Expect: 100-continue", "Content-Length: 5", body="hello")
    silent = replace(passes(HELLO, closes=True), interim=False)
    yield Case("in 1.0", (old,), (silent,))
    bodiless = (get("Expect: 100-continue"),)
    yield Case("without a body", bodiless, (passes(Seen()), refusal(400)))
    follows = (post("Expect: 100-continue", "Content-Length: 5") + get(target="/2"),)
    yield Case("then another", follows, (passes(HELLO, Seen(target="/2")),))
    no = Outcome((frozenset({417}),))
    for value in ("x", "100", "100-continue, x", "100-continue-not", "200-ok", ""):
        request = post(f"Expect: {value}", "Content-Length: 5")
        yield Case(f"unknown {value!r}", (request,), (passes(HELLO), no, refusal(400, 417)))


@_group
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
    yield Case("1.2 stays", (_line("GET / HTTP/1.2") + second,), (twice,))
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


@_group
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


@_group
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
        yield Case(name, (chunked(body),), (BROKEN, *_late(400, 413)))
    line = "GET /\r\nX: y HTTP/1.1"
    yield Case("line end in the line", (_line(line) + SMUGGLED.encode(),), (REFUSED,))
    hidden = raw("GET / HTTP/1.1\r", HOST, body=SMUGGLED)
    yield Case("CR CR LF", (hidden,), (REFUSED,))
    hidden = raw("GET / HTTP/1.1", "Host: a.example\nX: y\n\nGET /smuggled HTTP/1.1\nHost: b")
    yield Case("LF only inside Host", (hidden,), (REFUSED,))
    upgrade = get("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 7")
    outcomes = passes(Seen(), Seen(target="/smuggled")), passes(Seen(), closes=True), REFUSED
    yield Case("behind a refused upgrade", (upgrade + SMUGGLED.encode(),), outcomes, origin=False)
    old = raw("POST / HTTP/1.0", HOST, "Transfer-Encoding: chunked", body=zero)
    yield Case("chunked in 1.0", (old,), (UNKNOWN_CODING,))


CASES: dict[str, tuple[Case, ...]] = {name: tuple(make()) for name, make in GROUPS.items()}
