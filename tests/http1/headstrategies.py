"""
Heads as clients and servers write them, and what becomes of them in bad hands.

Strategy: a good head is made first, so that most of what is tried gets far; then a few
mutations are applied, each of which a smuggler, a broken client or a test of RFC 9112 is
known to try.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

Line = tuple[bytes, bytes, bytes, bytes]

_PLAIN: dict[bytes, list[bytes]] = {
    b"User-Agent": [b"curl/8.5.0", b"Mozilla/5.0 (X11) \xe4"],
    b"Accept": [b"*/*", b"text/html,  a/b;q=0.8"],
    b"Cookie": [b"a=1; b=2", b"sid=x"],
    b"X-A": [b"1", b"a\tb", b"a:b", b'"'],
    b"Hostess": [b"x"],
    b"Ho": [b"x"],
    b"Connections": [b"close"],
    b"Content-Lengths": [b"5"],
    b"TEE": [b"x"],
    b"Keep": [b"x"],
    b"Via": [b"1.0 other"],
    b"Date": [b"Wed, 21 Aug 2024 10:11:12 GMT"],
    b"!#$%&'*+-.^_`|~9": [b"x"],
}
# Some of these are good, in the right place and number.
_SPECIAL: dict[bytes, list[bytes]] = {
    b"Host": [b"a.example", b"[::1]:80", b"", b"a b", b"u@a", b"a, b", b"x%20y:8"],
    b"Connection": [b"close", b"keep-alive", b"Keep-Alive", b"Close", b"close, X-A", b"Upgrade"],
    b"Content-Length": [b"5", b"0", b"5, 5", b"+5", b"5 5", b"9" * 18, b"9" * 19, b"0x5", b""],
    b"Transfer-Encoding": [b"chunked", b"Chunked", b"gzip", b"gzip, chunked", b"chunked,", b""],
    b"Expect": [b"100-continue", b"200-ok"],
    b"Upgrade": [b"websocket", b"h2c", b"h2c, websocket"],
    b"Max-Forwards": [b"0", b"5", b"x"],
    b"Keep-Alive": [b"timeout=5"],
    b"Proxy-Connection": [b"close"],
    b"Proxy-Authorization": [b"Basic x"],
    b"TE": [b"trailers"],
    b"Trailer": [b"X-A"],
    b"HTTP2-Settings": [b"x"],
    b"Forwarded": [b"for=6.6.6.6"],
    b"X-Real-IP": [b"6.6.6.6"],
    b"X_Forwarded-For": [b"6.6.6.6"],
    b"X-Forwarded-Anything": [b"6.6.6.6"],
    b"Content_Length": [b"7"],
}
ODD_BYTES = (b"\x00", b"\r", b"\n", b"\x0b", b"\x7f", b"\xa0", b" ", b"\t", b":", b",", b"5", b"#")


def _lines(names: dict[bytes, list[bytes]]) -> SearchStrategy[Line]:
    return st.sampled_from(sorted(names)).flatmap(
        lambda name: st.sampled_from(names[name]).map(lambda value: (name, b": ", value, b"\r\n"))
    )


def _line(name: bytes, value: bytes) -> Line:
    return (name, b": ", value, b"\r\n")


def _someCase(draw: DrawFn, name: bytes) -> bytes:
    return draw(st.sampled_from([name.lower(), name.upper(), name.swapcase(), name]))


def _mutateLines(draw: DrawFn, lines: list[Line]) -> None:
    """
    Change one thing in the field lines.
    """
    at = draw(st.integers(0, len(lines) - 1)) if lines else 0
    kind = draw(
        st.sampled_from(["special", "special", "twice", "blanks", "end", "away", "swap"])
        if lines
        else st.just("special")
    )
    if kind == "special":
        lines.insert(at, draw(_lines(_SPECIAL)))
        return
    name, colon, value, end = lines[at]
    if kind == "twice":
        lines.insert(draw(st.integers(0, len(lines))), lines[at])
    elif kind == "blanks":
        colon = draw(st.sampled_from([b":", b":  ", b":\t", b" : ", b":\t \t"]))
        lines[at] = (name, colon, value, end)
    elif kind == "end":
        end = draw(st.sampled_from([b" \r\n", b"\t\r\n", b"\n", b"\r", b"\r\r\n", b"\r\n x\r\n"]))
        lines[at] = (name, colon, value, end)
    elif kind == "away":
        del lines[at]
    else:
        lines.append(lines.pop(at))


def _mutateBytes(draw: DrawFn, data: bytes) -> bytes:
    at = draw(st.integers(0, len(data)))
    odd = draw(st.sampled_from(ODD_BYTES))
    kind = draw(st.sampled_from(["in", "over", "away"]))
    if kind == "in":
        return data[:at] + odd + data[at:]
    return data[:at] + (odd if kind == "over" else b"") + data[at + 1 :]


def _written(draw: DrawFn, start: bytes, lines: list[Line], mutations: int) -> bytes:
    lines = [(_someCase(draw, name), *rest) for name, *rest in lines]  # type: ignore[misc]
    onBytes = 0
    for _ in range(draw(st.integers(0, mutations))):
        if draw(st.integers(0, 3)):
            _mutateLines(draw, lines)
        else:
            onBytes += 1
    data = start + b"".join(b"".join(line) for line in lines) + b"\r\n"
    for _ in range(onBytes):
        data = _mutateBytes(draw, data)
    return data


_METHODS = [b"GET"] * 6 + [b"HEAD", b"POST", b"PUT", b"OPTIONS", b"DELETE"]
_ODD_METHODS = [b"TRACE", b"CONNECT", b"get", b"BREW", b"G@T", b""]
_TARGETS = [b"/", b"/a?b=c", b'/%2F"//x', b"//a/b"]
_ODD_TARGETS = [
    b"*",
    b"http://b.example/x",
    b"https://b.example",
    b"http://u@b/",
    b"/#f",
    b"/\xe4",
    b"",
    b"a:1",
    b"x",
]
_ODD_VERSIONS = [b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/1.11"]


def _mostly(good: list[bytes], odd: list[bytes]) -> SearchStrategy[bytes]:
    return st.integers(0, 9).flatmap(lambda lot: st.sampled_from(good if lot else odd))


@st.composite
def requestHeads(draw: DrawFn, mutations: int = 3) -> bytes:
    """
    @param mutations: how many there are at most.
    @return: the bytes of heads that end with an empty line, but for what was mutated.
    """
    start = b"%b%b %b %b\r\n" % (
        draw(_mostly([b""], [b"\r\n", b"\r\n", b"\n", b"\r\n\r\n"])),
        draw(_mostly(_METHODS, _ODD_METHODS)),
        draw(_mostly(_TARGETS, _ODD_TARGETS)),
        draw(_mostly([b"HTTP/1.1"], _ODD_VERSIONS)),
    )
    lines = draw(st.lists(_lines(_PLAIN), max_size=4))
    lines.insert(draw(st.integers(0, len(lines))), _line(b"Host", b"www.example.com:8080"))
    for value in draw(st.sampled_from([[], [], [b"close"], [b"keep-alive"], [b"close"] * 2])):
        lines.insert(draw(st.integers(0, len(lines))), _line(b"Connection", value))
    for framing in draw(
        st.sampled_from(
            [
                [],
                [],
                [_line(b"Content-Length", b"5")],
                [_line(b"Content-Length", b"0")],
                [_line(b"Transfer-Encoding", b"chunked")],
            ]
        )
    ):
        lines.insert(draw(st.integers(0, len(lines))), framing)
    return _written(draw, start, lines, mutations)


@st.composite
def responseHeads(draw: DrawFn, mutations: int = 2) -> bytes:
    """
    @param mutations: how many there are at most.
    @return: the bytes of heads that end with an empty line, but for what was mutated.
    """
    start = b"%b %b%b\r\n" % (
        draw(_mostly([b"HTTP/1.1"], _ODD_VERSIONS)),
        draw(_mostly([b"200", b"200", b"304", b"204", b"404", b"503"], [b"100", b"101", b"600"])),
        draw(_mostly([b" OK", b" Not Found", b" "], [b"", b"  OK", b" \xe4", b" \t", b" O\x01K"])),
    )
    lines = draw(st.lists(_lines(_PLAIN), max_size=4))
    for value in draw(st.sampled_from([[], [b"close"], [b"keep-alive"], [b"close"] * 2])):
        lines.insert(draw(st.integers(0, len(lines))), _line(b"Connection", value))
    for name, values in (
        (b"Keep-Alive", [b"timeout=5"]),
        (b"Content-Length", [b"5", b"0"]),
        (b"Transfer-Encoding", [b"chunked"]),
        (b"Set-Cookie", [b"a=1; Path=/"]),
    ):
        if draw(st.integers(0, 2)) == 0:
            value = draw(st.sampled_from(values))
            lines.insert(draw(st.integers(0, len(lines))), _line(name, value))
    return _written(draw, start, lines, mutations)


@st.composite
def cuts(draw: DrawFn, data: bytes, most: int = 6) -> list[bytes]:
    """
    @param data: any.
    @param most: how many cuts there are at most.
    @return: the same in pieces, none of them empty.
    """
    places = sorted(draw(st.sets(st.integers(1, max(1, len(data) - 1)), max_size=most)))
    return pieces(data, places)


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    """
    @param data: any.
    @param places: where it is cut, in order.
    @return: the pieces, none of them empty.
    """
    edges = [0, *places, len(data)]
    found = [data[start:end] for start, end in pairwise(edges)]
    return [piece for piece in found if piece]


def chunkedBodies(mutations: int = 2) -> SearchStrategy[bytes]:
    """
    @param mutations: how many there are at most.
    @return: bodies in the chunked coding, but for what was mutated.
    """
    return _chunkedBodies(mutations)


@st.composite
def _chunkedBodies(draw: DrawFn, mutations: int) -> bytes:
    data = b""
    for chunk in draw(st.lists(st.binary(min_size=1, max_size=20), max_size=4)):
        size = draw(st.sampled_from([b"%x", b"%X", b"0%x"])) % len(chunk)
        extension = draw(
            _mostly([b""], [b";a=b", b' ; a="b"', b" ", b"\t", b";", b";\xe4", b";a\x01", b"\x0b"])
        )
        data += size + extension + b"\r\n" + chunk + b"\r\n"
    data += draw(_mostly([b"0\r\n"], [b"00\r\n", b"0;x\r\n", b"0 \r\n", b"\r\n", b"-0\r\n"]))
    data += draw(_mostly([b""], [b"A: 1\r\n", b"A: 1\r\n B\r\n", b"A : 1\r\n", b"A: \x00\r\n"]))
    data += b"\r\n"
    for _ in range(draw(st.integers(0, mutations))):
        data = _mutateBytes(draw, data)
    return data
