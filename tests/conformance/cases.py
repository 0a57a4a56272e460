"""
What a case of the conformance tests is: the bytes of a client, and the outcomes that are right.

Invariants: text is Latin-1; an outcome's C{seen} lists all that a backend may have seen as whole
requests.
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


def late(*statuses: int) -> tuple[Outcome]:
    """
    @param statuses: that the answer may have.
    @return: answered so, but a beginning of it may have been seen.
    """
    return (replace(refusal(*statuses), incomplete=True),)


def each(
    make: Callable[[str], bytes], texts: Iterable[str], *outcomes: Outcome, origin: bool = True
) -> Iterator[Case]:
    """
    A case for each text, named by it.
    """
    for text in texts:
        name = repr(text) if len(text) < 60 else f"{text[:20]!r} and so on, {len(text)} bytes"
        yield Case(name, (make(text),), outcomes, origin)


def lineOnly(line: str) -> bytes:
    """
    @param line: the request line.
    @return: a request of that and Host.
    """
    return raw(line, HOST)
