"""
An origin server that records what it is sent, to the byte, and reads it as strictly as
RFC 9112 allows: no empty line before a request, no chunk extension, no lenience in
framing.  What a proxy sends on must be readable like this, whatever its client sent.

One thread and one selector.  Invariant: in each round everything that is readable is
read and recorded before anything is answered.  So whoever holds an answer knows that
all that was sent to any connection before the answered request has been recorded.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
from dataclasses import dataclass

Fields = tuple[tuple[str, str], ...]

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~]+) HTTP/(1\.[01])")
_FIELD = re.compile(
    rb"(" + TOKEN + rb"):[ \t]*(|[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)[ \t]*"
)
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})\r\n")

# No status that a proxy may have for its own refusals.
_NONSENSE = b"HTTP/1.1 599 Nonsense\r\nContent-Length: 0\r\n\r\n"

# Larger than any message of the tests, in bytes.
_READ_SIZE = 4 * 1024 * 1024


class Malformed(Exception):
    """
    Bytes that aren't HTTP/1.1.
    """


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    One whole request; text is Latin-1.

    @ivar raw: its bytes.
    @ivar version: such as C{1.1}.
    @ivar fields: names and values, in order.
    @ivar trailers: likewise.
    """

    raw: bytes
    method: str
    target: str
    version: str
    fields: Fields
    body: bytes = b""
    trailers: Fields = ()

    def values(self, name: str) -> list[str]:
        """
        @param name: of a field, in any case.
        @return: the values of its lines.
        """
        return [value for key, value in self.fields if key.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Sightings:
    """
    What has come since the last look.

    @ivar requests: those that came whole, in order.
    @ivar fragments: beginnings of requests of which the rest did not come.
    @ivar problems: bytes that are no request, with the reason.
    """

    requests: tuple[Recorded, ...]
    fragments: tuple[bytes, ...]
    problems: tuple[str, ...]


def readFields(lines: list[bytes]) -> Fields:
    """
    @param lines: without their ends.
    @return: names and values.
    @raise Malformed: when one is no field line.
    """
    fields = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None:
            raise Malformed(f"field line {line[:80]!r}")
        fields.append((match[1].decode("latin-1"), match[2].decode("latin-1")))
    return tuple(fields)


def readChunks(data: bytes, start: int) -> tuple[bytes, Fields, int] | None:
    """
    @param data: of a connection.
    @param start: where the first chunk starts.
    @return: the content, the trailers and the end; None when there is more to come.
    @raise Malformed: when that's no chunked body.
    """
    content = b""
    while True:
        size = _CHUNK_SIZE.match(data, start)
        if size is None:
            if b"\n" in data[start:] or len(data) - start > 16:
                raise Malformed(f"chunk size {data[start : start + 40]!r}")
            return None
        length = int(size[1], 16)
        start = size.end()
        if length == 0:
            break
        if len(data) < start + length + 2:
            return None
        content += data[start : start + length]
        start += length + 2
        if data[start - 2 : start] != b"\r\n":
            raise Malformed("chunk without its end")
    end = data.find(b"\r\n", start) if data[start : start + 2] == b"\r\n" else -1
    if end == start:
        return content, (), start + 2
    end = data.find(b"\r\n\r\n", start)
    if end < 0:
        return None
    return content, readFields(data[start:end].split(b"\r\n")), end + 4


def readRequest(data: bytes) -> tuple[Recorded, bool]:
    """
    @param data: of a connection, with a head's end in it.
    @return: the request, and whether it is whole.
    @raise Malformed: when that's no request.
    """
    head, _, _ = data.partition(b"\r\n\r\n")
    start = len(head) + 4
    first, *lines = head.split(b"\r\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise Malformed(f"request line {first[:80]!r}")
    fields = readFields(lines)
    method, target, version = (match[number].decode("latin-1") for number in (1, 2, 3))
    request = Recorded(data[:start], method, target, version, fields)
    lengths, codings = request.values("Content-Length"), request.values("Transfer-Encoding")
    if codings:
        if lengths or [coding.lower() for coding in codings] != ["chunked"] or version != "1.1":
            raise Malformed(f"framed by {lengths} and {codings} in HTTP/{version}")
        chunks = readChunks(data, start)
        if chunks is None:
            return request, False
        body, trailers, end = chunks
        return Recorded(data[:end], method, target, version, fields, body, trailers), True
    if not lengths:
        return request, True
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise Malformed(f"framed by {lengths}")
    end = start + int(lengths[0])
    whole = Recorded(data[:end], method, target, version, fields, data[start:end])
    return whole, len(data) >= end


class _Connection:
    """
    What is known of one connection.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.data = b""
        self.answers = b""
        self.ends = False
        self.encouraged = False
        self.reported = False


class RawBackend:
    """
    The recording server.

    @ivar address: a path, or host and port.
    """

    def __init__(self, path: str | None = None) -> None:
        """
        @param path: of the UNIX socket; without one, a free port on 127.0.0.1.
        """
        family = socket.AF_INET if path is None else socket.AF_UNIX
        self._listener = socket.socket(family)
        self._listener.bind(("127.0.0.1", 0) if path is None else path)
        self._listener.listen(128)
        self._listener.setblocking(False)
        self.address: str | tuple[str, int] = self._listener.getsockname()
        self._lock = threading.Lock()
        self._requests: list[Recorded] = []
        self._fragments: list[bytes] = []
        self._problems: list[str] = []
        self._connections: set[_Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._asleep, self._alarm = socket.socketpair()
        self._selector.register(self._asleep, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def take(self) -> Sightings:
        """
        @return: what has come since the last look.
        """
        with self._lock:
            for connection in self._connections:
                self._reportFragment(connection)
            taken = Sightings(tuple(self._requests), tuple(self._fragments), tuple(self._problems))
            self._requests, self._fragments, self._problems = [], [], []
        return taken

    def stop(self) -> None:
        """
        Close everything and wait for the thread.
        """
        self._alarm.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            ready = [key for key, _ in self._selector.select()]
            if any(key.fileobj is self._asleep for key in ready):
                break
            with self._lock:
                for key in ready:
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._read(key.data)
            for connection in list(self._connections):
                self._answer(connection)
        for connection in self._connections:
            connection.sock.close()
        self._selector.close()
        self._listener.close()
        self._asleep.close()

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        connection = _Connection(sock)
        self._connections.add(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)
        # It may have been written to before those that are read in this round.
        self._read(connection)

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.sock.recv(_READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            connection.ends = True
            self._reportFragment(connection)
            return
        connection.data += data
        while b"\r\n\r\n" in connection.data and not connection.ends:
            try:
                request, whole = readRequest(connection.data)
            except Malformed as problem:
                self._problems.append(f"{problem} in {connection.data[:200]!r}")
                connection.answers += _NONSENSE
                connection.data, connection.ends = b"", True
                return
            if not whole:
                self._encourage(connection, request)
                return
            connection.data = connection.data[len(request.raw) :]
            connection.encouraged = connection.reported = False
            self._requests.append(request)
            connection.answers += answerTo(request)
            connection.ends = endsWith(request)

    def _encourage(self, connection: _Connection, request: Recorded) -> None:
        expected = [value.lower() for value in request.values("Expect")]
        if expected == ["100-continue"] and not connection.encouraged:
            connection.encouraged = True
            connection.answers += b"HTTP/1.1 100 Continue\r\n\r\n"

    def _reportFragment(self, connection: _Connection) -> None:
        if connection.data and not connection.reported:
            connection.reported = True
            self._fragments.append(connection.data)

    def _answer(self, connection: _Connection) -> None:
        answers, connection.answers = connection.answers, b""
        try:
            connection.sock.sendall(answers)
        except ConnectionError:
            connection.ends = True
        if connection.ends:
            self._selector.unregister(connection.sock)
            connection.sock.close()
            with self._lock:
                self._connections.discard(connection)


def answerTo(request: Recorded) -> bytes:
    """
    @param request: that was recorded.
    @return: an answer that says which request it answers.
    """
    body = f"seen {request.method} {request.target}\n".encode("latin-1")
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + (b"" if request.method == "HEAD" else body)


def endsWith(request: Recorded) -> bool:
    """
    @param request: that was recorded.
    @return: whether its connection ends with its answer (RFC 9112, 9.3).
    """
    options = [
        option.strip().lower()
        for value in request.values("Connection")
        for option in value.split(",")
    ]
    return "close" in options or (request.version == "1.0" and "keep-alive" not in options)
