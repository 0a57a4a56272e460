"""
Writes the tables of C{reference/http.md}: what comes of requests and of responses.

C{python docs/requesttable.py} makes them anew; a test says when that is due.

Strategy: the rows (L{docs.requestrows}) are bytes.  They are put to the real gateway,
between two streams in memory, and a table shows what came out at the other end.  What is
always the same is left out, so that a row shows what it is about.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from twisted.internet.task import Clock
from twisted.logger import Logger

from docs.requestrows import HOST, LINE, REQUESTS, RESPONSES, Group, Row
from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.gateway.body import _MOST
from twisted_multiserver.gateway.connections import GatewayBudgets
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.downstream import ClientSide
from twisted_multiserver.gateway.plan import MAX_TRIES
from twisted_multiserver.http1 import names, responsereader
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.framing import _CHUNK_LINE_LIMIT, _TRAILERS_LIMIT, ChunkedBody
from twisted_multiserver.http1.heads import HEAD_LIMIT, BadMessage
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.requests import CHUNKED, TARGET_LIMIT
from twisted_multiserver.http1.responsereader import ResponseReader
from twisted_multiserver.http1.server import _AHEAD
from twisted_multiserver.streams.streams import StreamUser
from twisted_multiserver.streams.sweep import INTERVAL

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "http.md"

_BASE = Row(f"{LINE}\r\n{HOST}\r\n\r\n".encode())
_VIEW = ClientView("192.0.2.7", False, b"198.51.100.1:8080")


class MemoryStream:
    """
    One end of a connection.

    @ivar sent: what was written.
    @ivar state: what has become of it, in words.
    """

    buffered = False
    pending = 0
    refused = False

    def __init__(self) -> None:
        self.sent = b""
        self.state = "kept"
        self._user: StreamUser | None = None

    def belongTo(self, user: StreamUser) -> None:
        self._user = user

    def write(self, data: bytes) -> None:
        self.sent += data

    def pause(self) -> None:
        raise AssertionError("nothing here is as large as that")

    def resume(self) -> None:
        pass

    def close(self) -> None:
        self._becomes("closed")

    def leave(self) -> None:
        self._becomes("closed")

    def abort(self) -> None:
        self._becomes("reset")

    def isQuiet(self) -> bool:
        return True

    def receives(self, data: bytes, ends: bool = False) -> None:
        assert self._user is not None
        if data and self.state == "kept":
            self._user.dataReceived(data)
        if ends and self.state == "kept":
            self.state = "closed"
            self._user.connectionLost(True)

    def _becomes(self, state: str) -> None:
        # Whoever was first has ended it.
        if self.state == "kept":
            self.state = state


class Conversation:
    """
    What comes of a row: it is put to the gateway.

    @ivar client: the client's connection.
    @ivar backends: the connections to the backend.
    """

    def __init__(self, row: Row) -> None:
        clock = Clock()
        self.backends: list[MemoryStream] = []
        distribution = Distribution(clock, RoundRobin(), GatewayBudgets(), Logger())
        distribution.add(Backend("tcp:192.0.2.1:80", BackendKind.remote), self)
        self.client = MemoryStream()
        connections = ServerConnections(ServerLimits(), clock.seconds, distribution.sweep)
        ClientSide(self.client, connections, distribution, _VIEW)
        self.client.receives(row.request)
        for backend in self.backends:
            backend.receives(row.response, row.ends)
        clock.pump([INTERVAL] * int(row.seconds / INTERVAL))

    def dial(self) -> MemoryStream:
        stream = MemoryStream()
        self.backends.append(stream)
        return stream


def _shown(text: str) -> str:
    """
    @return: the text as code in a cell of a table.
    """
    assert "`" not in text, "it would end the code"
    assert "\\" not in text, "it would be taken for an escape"
    text = re.sub(r"(.)\1{39,}", lambda run: f"{run[1]}...({len(run[0])} times)", text)
    text = text.encode("unicode_escape").decode()
    text = re.sub(r"^ | $| {2,}", lambda blank: "\\x20" * len(blank[0]), text)
    return f"`{text}`".replace("|", "\\|")


def _message(data: bytes) -> tuple[list[str], str]:
    """
    @return: the lines of its head, with those of the heads before it, and the body.
    """
    lines: list[str] = []
    rest = data.decode("latin-1")
    while True:
        head, end, body = rest.partition("\r\n\r\n")
        if not head:
            return lines, rest
        lines += head.removesuffix("\r\n").split("\r\n")
        rest = body
        if not end or not re.match(r"HTTP/1\.1 1(?!01)", head):
            return lines, rest


def _cell(lines: list[str], body: str) -> str:
    """
    @return: a message; lines that come again and again only once.
    """
    times = max(map(lines.count, lines), default=0)
    texts = [_shown(line or "\r\n") for line in (lines if times < 9 else dict.fromkeys(lines))]
    if times >= 9:
        texts[0] += f" ({times} times)"
    return "<br>".join(texts + [_shown(body)] * bool(body))


def _sent(data: bytes, assumed: tuple[str, ...]) -> str:
    """
    @return: a message as it was sent; without the lines that a reader assumes, up to one
        of these that isn't there, if something else is.
    """
    lines, body = _message(data)
    left = lines
    for line in takewhile(lambda line: lines.count(line) == 1, assumed):
        left = [each for each in left if each != line]
    text = _cell(left if body or any(left) else lines, body)
    isRequest = lines and lines[0].endswith((" HTTP/1.1", " HTTP/1.0"))
    return f"{text}<br>*no Host*" if isRequest and b"Host" not in data else text


def _afterwards(row: Row) -> list[str]:
    """
    @return: what happens behind what was sent.
    """
    words = ["closes"] * row.ends + [f"nothing for {row.seconds:g} s"] * bool(row.seconds)
    return [f"*{word}*" for word in words]


def _refusal(row: Row) -> str:
    """
    @return: why the request was refused, or the response not believed; if it was.
    """
    reader, response = RequestReader(), ResponseReader()
    try:
        found = reader.receive(row.request)
        if found is None:
            return ""
        request, rest = found
        if request.length == CHUNKED:
            ChunkedBody().read(rest)
        response.begin(request.method, request.wishes.upgrade)
        response.receive(row.response)
        if row.ends:
            response.connectionEnded()
    except BadMessage as bad:
        return f": {bad}"
    return ""


def _ours(row: Row, conversation: Conversation) -> str:
    """
    @return: the answer that the gateway gave itself; empty if it gave none.
    """
    lines, body = _message(conversation.client.sent)
    if not lines or (conversation.backends and not body.startswith("<!DOCTYPE")):
        return ""
    return f"**{lines[0].split(' ')[1]}**{_refusal(row)}"


def _requestRow(row: Row, assumed: tuple[str, ...]) -> tuple[str, ...]:
    """
    @return: what the client sends, what comes of it, and of its connection.
    """
    conversation = Conversation(row)
    outcomes = []
    if conversation.backends:
        sent, _ = _message(row.request)
        lines, body = _message(conversation.backends[0].sent)
        left = [line for line in lines if line not in _USUAL + assumed]
        arrived = {line.partition(":")[0].lower() for line in lines + body.split("\r\n")}
        gone = [line.partition(":")[0] for line in sent[1:]]
        outcomes = [_cell(left, body)]
        outcomes += [f"without {_shown(name)}" for name in gone if name.lower() not in arrived]
        if not left and not body and not _ours(row, conversation):
            outcomes.insert(0, "as usual")
    outcomes.append(_ours(row, conversation))
    return (
        _lines([_sent(row.request, assumed), *_afterwards(row)]),
        _lines(outcomes) or "nothing",
        conversation.client.state,
    )


def _responseRow(row: Row, assumed: tuple[str, ...]) -> tuple[str, ...]:
    """
    @return: what the backend sends, what the client gets, and what comes of both
        connections.
    """
    conversation = Conversation(row)
    lines, body = _message(conversation.client.sent)
    response = row.response.decode("latin-1")
    left = [
        line
        for line in lines
        # A Date that was added has the time of this moment.
        if line not in (*assumed, _VIA) and (not line.startswith("Date: ") or line in response)
    ]
    asked = "" if row.request == _BASE.request else f"*to* {_sent(row.request, (HOST,))}"
    return (
        _lines([asked, _sent(row.response, assumed), *_afterwards(row)]),
        _ours(row, conversation) or _cell(left, body) or "nothing of it",
        conversation.client.state,
        conversation.backends[0].state,
    )


def _lines(texts: list[str]) -> str:
    return "<br>".join(filter(None, texts))


def _table(head: str, rows: list[tuple[str, ...]]) -> str:
    rule = "|---" * (head.count("|") - 1) + "|\n"
    return f"{head}\n{rule}" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _groups(
    groups: tuple[Group, ...], head: str, make: Callable[[Row, tuple[str, ...]], tuple[str, ...]]
) -> str:
    return "\n".join(
        f"### {group.title}\n\n"
        + (f"{group.text}\n\n" if group.text else "")
        + _table(head, [make(row, group.assumed) for row in group.rows])
        for group in groups
    )


def _requests() -> str:
    head = "| the client sends | the backend gets, or the status of our answer | connection |"
    return _groups(REQUESTS, head, _requestRow)


def _responses() -> str:
    head = "| the backend sends | the client gets | connection | to the backend |"
    return _groups(RESPONSES, head, _responseRow)


def _usual() -> str:
    sent = "<br>".join(map(_shown, (LINE, HOST)))
    return _table("| the client sends | the backend gets |", [(sent, _cell(list(_USUAL), ""))])


def _named(found: frozenset[bytes]) -> str:
    return ", ".join(f"`{name.decode()}`" for name in sorted(found))


def _names() -> str:
    ends = names.HOP_BY_HOP | names.FRAMING
    ours = [f"`{name.replace('~', '-')}`" for name in names.OURS]
    ours += [f"`{name.replace('~', '-')}...`" for name in names.OURS_BEGIN]
    rows = [
        ("end here, both ways; and each that `Connection` names", _named(names.HOP_BY_HOP)),
        ("are made anew, both ways", _named(names.FRAMING)),
        ("end here in requests, or are made anew", _named(names.ENDS_AT_REQUEST - ends)),
        ("are only ours to say, in requests and in trailers", ", ".join(ours)),
        (
            "are not taken from trailers, beside all of these",
            _named(names.NOT_IN_TRAILERS - names.ENDS_AT_REQUEST - names.ENDS_AT_RESPONSE),
        ),
    ]
    return _table("| these fields | |", [(what, found) for what, found in rows])


def _limits() -> str:
    rows = {
        "a request's head": f"{HEAD_LIMIT} bytes",
        "a request's target": f"{TARGET_LIMIT} bytes",
        "the line of a chunk's size, with extensions": f"{_CHUNK_LINE_LIMIT} bytes",
        "all trailers of a message": f"{_TRAILERS_LIMIT} bytes",
        "of a body, kept while the backend is slow": f"{_MOST} bytes and one read",
        "of pipelined requests, kept until their turn": f"{_AHEAD} bytes and one read",
        "a response's head": f"{HEAD_LIMIT} bytes",
        "interim responses before one that counts": str(responsereader.INFORMATIONAL_LIMIT),
        "tries of a request": str(MAX_TRIES),
    }
    return _table("| of | at most |", list(rows.items()))


_USUAL = tuple(_message(Conversation(_BASE).backends[0].sent)[0])
(_VIA,) = (line for line in _USUAL if line.startswith("Via: "))

_TABLES = {
    "usual": _usual,
    "requests": _requests,
    "responses": _responses,
    "names": _names,
    "limits": _limits,
}


def withTables(text: str) -> str:
    """
    Put the tables between their marks.

    @param text: of the page.
    @return: the page with the tables.
    """
    for name, make in _TABLES.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{make()}\n{end}{after}"
    return text


def main() -> None:
    """
    Write the page.
    """
    PAGE.write_text(withTables(PAGE.read_text()))


if __name__ == "__main__":
    main()
