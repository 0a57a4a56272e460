"""
Three ways to read a request's head beside each other: ours, h11 and httptools.

What one costs, in CPU:

    plain       the smallest head
    browser     as a browser sends it, with cookies
    odd         valid, but not as clients mostly write it

And what one lets through: of the conformance cases for whoever is asked
(`tests/conformance/requestcases.py`), those in which it has found more whole requests than any
reading of the RFCs allows.  A server around a
parser may look further; what the two libraries give goes to it as it is here.

Every head is read by a parser that has read others before, where it can be (httptools, ours); of
h11, which wants a response between, a new one is made for each, and what that costs is taken off.

`python -m benchmarks.parsers` needs h11 and httptools; `--cases` names what is let through.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import h11
import httptools

from tests.conformance.cases import Case
from tests.conformance.requestcases import CASES
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.heads import Fields
from twisted_multiserver.http1.plainrequests import matchHead, readPlainRequest
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.requests import NO_BODY, CheckedRequest
from twisted_multiserver.http1.server import ServerConnection
from twisted_multiserver.streams.streams import StreamUser

_HEADS = {
    "plain": b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n",
    "browser": b"GET /list/item?page=12345 HTTP/1.1\r\nHost: www.example.com\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:100.0) Gecko/20100101 Firefox/100.0\r\n"
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: de-DE,de;q=0.8,en-US;q=0.5,en;q=0.3\r\n"
    b"Accept-Encoding: gzip, deflate, br\r\nReferer: https://www.example.com/list?page=12344\r\n"
    b"Connection: keep-alive\r\n"
    b"Cookie: sid=0123456789abcdef0123456789abcdef; theme=dark; n=12345\r\n"
    b"Upgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n"
    b"Cache-Control: max-age=0\r\n\r\n",
    "odd": b"GET /some/path?a=b HTTP/1.1\r\nUser-Agent:curl/8.5.0\r\nAccept:  */*\r\n"
    b"X-Empty:\r\nHost:www.example.com\r\nVia: 1.0 fred, 1.1 p.example\r\n"
    b"Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\n\r\n",
}
_ANSWER = h11.Response(status_code=200, headers=[("content-length", "0")])


class _Stream:
    """
    Takes what is written, and gives nothing.
    """

    buffered = False
    pending = 0
    refused = False

    def __init__(self) -> None:
        self.isOpen = True

    def belongTo(self, user: StreamUser) -> None: ...

    def write(self, data: bytes) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def close(self) -> None:
        self.isOpen = False

    leave = abort = close

    def isQuiet(self) -> bool:
        return True


class _Watch:
    """
    Time stands still.
    """

    def watch(self, timed: object) -> None: ...

    def forget(self, timed: object) -> None: ...


class _Answering:
    """
    Answers every request of the core, and counts them.
    """

    def __init__(self) -> None:
        self.whole = 0
        self.connection: ServerConnection | None = None

    def requestReceived(self, request: CheckedRequest) -> None:
        if request.length == NO_BODY:
            self.requestEnded(())
        else:
            assert self.connection is not None
            self.connection.sendContinue()

    def requestBody(self, data: bytes) -> None: ...

    def requestEnded(self, trailers: Fields) -> None:
        assert self.connection is not None
        self.whole += 1
        self.connection.sendWhole(200, b"OK", b"", b"")

    def responseDrained(self) -> None: ...

    def connectionGone(self) -> None: ...


def oursFinds(pieces: Sequence[bytes]) -> int:
    """
    @param pieces: of what a client sends.
    @return: how many whole requests our core finds in it.
    """
    stream, responder = _Stream(), _Answering()
    connections = ServerConnections(ServerLimits(), lambda: 0.0, _Watch())
    connection = responder.connection = ServerConnection(stream, connections, responder)
    for piece in pieces:
        if stream.isOpen:
            connection.dataReceived(piece)
    return responder.whole


def h11Finds(pieces: Sequence[bytes]) -> int:
    """
    @param pieces: of what a client sends.
    @return: how many whole requests h11 finds in it.
    """
    connection, whole = h11.Connection(h11.SERVER), 0
    try:
        for piece in pieces:
            connection.receive_data(piece)
            while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                if isinstance(event, h11.EndOfMessage):
                    whole += 1
                    connection.send(_ANSWER)
                    connection.send(h11.EndOfMessage())
                    if connection.our_state is not h11.DONE:
                        return whole
                    connection.start_next_cycle()
    except (h11.RemoteProtocolError, h11.LocalProtocolError):
        pass
    return whole


class _Collected:
    """
    What a server has of httptools.
    """

    def __init__(self) -> None:
        self.whole = 0
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []

    def on_message_begin(self) -> None:
        self.target, self.fields = b"", []

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value))

    def on_message_complete(self) -> None:
        self.whole += 1


def httptoolsFinds(pieces: Sequence[bytes]) -> int:
    """
    @param pieces: of what a client sends.
    @return: how many whole requests httptools finds in it.
    """
    collected = _Collected()
    parser = httptools.HttpRequestParser(collected)
    try:
        for piece in pieces:
            parser.feed_data(piece)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade):
        pass
    return collected.whole


FINDERS: dict[str, Callable[[Sequence[bytes]], int]] = {
    "ours": oursFinds,
    "h11": h11Finds,
    "httptools": httptoolsFinds,
}


def letThrough(case: Case, finder: Callable[[Sequence[bytes]], int]) -> bool:
    """
    @param case: of the conformance tests.
    @param finder: counts whole requests.
    @return: whether it finds one that nobody should.
    """
    return finder(case.pieces) > max(len(outcome.seen) for outcome in case.outcomes)


def _readers(head: bytes) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """
    @return: for each contender, what reads the head, and what of that isn't reading.
    """
    general = RequestReader(matchHead)

    def ours() -> object:
        return readPlainRequest(head) or general.receive(head, True)

    def make() -> Any:
        return h11.Connection(h11.SERVER)

    def read() -> object:
        connection = make()
        connection.receive_data(head)
        return connection.next_event()

    collected = _Collected()
    parser = httptools.HttpRequestParser(collected)

    def feed() -> object:
        parser.feed_data(head)
        return parser.get_method(), collected.target, collected.fields

    return {
        "ours": (ours, lambda: None),
        "h11": (read, make),
        "httptools": (feed, lambda: None),
    }


def _cpu(call: Callable[[], object], count: int) -> float:
    """
    @return: microseconds of CPU for one call: the least of several runs, for a machine at work only
        ever adds to it.
    """
    least = float("inf")
    for _ in range(9):
        start = time.process_time()
        for _ in range(count):
            call()
        least = min(least, time.process_time() - start)
    return least / count * 1e6


def costs(count: int) -> str:
    """
    @param count: heads for each figure.
    @return: a table.
    """
    rows = ["| us of CPU for a head | " + " | ".join(FINDERS) + " |", "|---" * 4 + "|"]
    for kind, head in _HEADS.items():
        figures = [
            _cpu(whole, count) - _cpu(other, count) for whole, other in _readers(head).values()
        ]
        shown = " | ".join(f"{figure:.1f}" for figure in figures)
        rows.append(f"| {kind}, {len(head)} bytes | {shown} |")
    return "\n".join(rows)


def strictness(isNaming: bool) -> str:
    """
    @param isNaming: whether cases are named.
    @return: a table.
    """
    rows = ["| let through | cases | " + " | ".join(FINDERS) + " |", "|---" * 5 + "|"]
    names = []
    for group, cases in CASES.items():
        # The others are for proxies.
        asked = [case for case in cases if case.origin]
        counts = []
        for name, finder in FINDERS.items():
            found = [case.name for case in asked if letThrough(case, finder)]
            counts.append(len(found))
            names += [f"{name}: {group}: {each}" for each in found]
        if any(counts):
            rows.append(f"| {group} | {len(asked)} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join([*rows, *(["", *names] if isNaming else [])])


def main() -> None:
    """
    Print both tables.
    """
    parser = argparse.ArgumentParser(description="Parsers of requests beside each other.")
    parser.add_argument("--heads", type=int, default=5000, help="for each figure")
    parser.add_argument("--cases", action="store_true", help="name what is let through")
    options = parser.parse_args()
    print(costs(options.heads))
    print()
    print(strictness(options.cases))


if __name__ == "__main__":
    main()
