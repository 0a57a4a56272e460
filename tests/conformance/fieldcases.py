"""
Cases of fields: their form, and Host.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.cases import (
    HOST,
    REFUSED,
    Case,
    Seen,
    each,
    get,
    passes,
    raw,
)


def _host() -> Iterator[Case]:
    def make(value: str) -> bytes:
        return raw("GET / HTTP/1.1", "Host: " + value)

    yield Case("missing", (raw("GET / HTTP/1.1"),), (REFUSED,))
    yield Case("missing, 1.0", (raw("GET / HTTP/1.0"),), (passes(Seen(), closes=True),))
    yield from each(make, ("", " \t "), passes(Seen()))
    for first, second in (("a", "a"), ("a", "b"), ("a", ""), ("", "a")):
        twice = (f"Host: {first}", f"host: {second}")
        yield Case(f"twice: {first}, {second}", (raw("GET / HTTP/1.1", *twice),), (REFUSED,))
        yield Case(f"twice in 1.0: {first}, {second}", (raw("GET / HTTP/1.0", *twice),), (REFUSED,))
    yield from each(
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
    yield from each(lambda line: raw("GET / HTTP/1.1", line), folded, REFUSED)
    yield Case("not first", (raw("GET / HTTP/1.1", "X: 1", HOST),), (passes(Seen()),))


def _fields() -> Iterator[Case]:
    token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    strange = [char for char in map(chr, range(0x80)) if char not in token + ":\n"]
    yield from each(get, (f"X{char}Y: v" for char in (*strange, "\x80", "\xe9", "\xff")), REFUSED)
    controls = [char for char in map(chr, (*range(0x20), 0x7F)) if char not in "\t\r\n"]
    yield from each(get, (f"X: in{char}side" for char in controls), REFUSED)
    yield from each(
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


GROUPS = {
    "host": _host,
    "fields": _fields,
}
