"""
The fast way of reading requests gives what the other way gives, and is taken.
"""

from __future__ import annotations

from hypothesis import event, given, settings
from twisted.trial.unittest import SynchronousTestCase

from tests.http1.headstrategies import requestHeads
from tests.http1.samples import REQUESTS, head
from twisted_multiserver.http1.grammar import findFields
from twisted_multiserver.http1.heads import HEAD_LIMIT, RequestHead
from twisted_multiserver.http1.names import isOurs
from twisted_multiserver.http1.plainrequests import matchForwarded, readPlainRequest
from twisted_multiserver.http1.requestreader import parseRequest
from twisted_multiserver.http1.requests import TARGET_LIMIT, CheckedRequest, Refused, checkRequest


def shown(request: CheckedRequest) -> dict[str, object]:
    """
    @return: all that can be seen of a request.
    """
    wishes = request.wishes
    return {
        "method": request.method,
        "target": request.target,
        "version": request.version,
        "host": request.host,
        "passing": request.passing,
        "length": request.length,
        "keepAlive": request.keepAlive,
        "wishes": (wishes.expectsContinue, wishes.upgrade, wishes.maxForwards),
        "fields": request.fields,
        "head": request.head,
        "description": request.description,
    }


def slowly(data: bytes) -> CheckedRequest:
    """
    @param data: bytes that begin with a head.
    @return: the request, read line by line.
    """
    return checkRequest(parseRequest(data[: data.index(b"\r\n\r\n") + 4]))


class ForwardedTests(SynchronousTestCase):
    """
    The fast way of children, to whom their master speaks of its client.
    """

    def same(self, data: bytes) -> bool:
        """
        @param data: bytes that begin with a head.
        @return: whether the fast way was taken.
        """
        fast = readPlainRequest(data, matchForwarded)
        if fast is None:
            return False
        ours, theirs = shown(fast), shown(slowly(data))
        # Lines that would end at the next hop; there is none.
        passing = b"".join(
            b"%b: %b\r\n" % (name, value)
            for name, value in findFields(fast.passing)
            if not isOurs(name.lower())
        )
        self.assertEqual({**ours, "passing": passing}, theirs, data)
        return True

    def test_ofMaster(self) -> None:
        """
        What a master sends is read the fast way.
        """
        lines = (
            b"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
            b"X-Forwarded-Host: a\r\nForwarded: for=192.0.2.1\r\n"
        )
        for name, data in REQUESTS.items():
            forwarded = data.replace(b"\r\n\r\n", b"\r\n" + lines + b"\r\n", 1)
            self.assertEqual(self.same(forwarded), name != "ab", name)
            self.assertIsNone(readPlainRequest(forwarded))

    @settings(deadline=None)
    @given(requestHeads())
    def test_anyHead(self, data: bytes) -> None:
        """
        Where it is taken, it gives the same.
        """
        self.same(data)


class EqualTests(SynchronousTestCase):
    def same(self, data: bytes) -> bool:
        """
        @param data: bytes that begin with a head.
        @return: whether the fast way was taken.
        """
        fast = readPlainRequest(data)
        if fast is None:
            return False
        try:
            slow = slowly(data)
        except (Refused, ValueError) as refusal:
            self.fail(f"only the fast way takes {data!r}: {refusal!r}")
        self.assertEqual(shown(fast), shown(slow), data)
        self.assertEqual(fast.size, data.index(b"\r\n\r\n") + 4)
        return True

    def test_realClients(self) -> None:
        """
        What they send is read the fast way, whatever follows; but for those of long ago.
        """
        missed = [
            name
            for name, data in REQUESTS.items()
            if not (self.same(data) and self.same(data + b"GET / HTTP/1.1\r\n\r\n"))
        ]
        self.assertEqual(missed, [name for name in REQUESTS if name == "ab"])

    def test_notForIt(self) -> None:
        """
        What it must leave to the other way, which takes it.
        """
        for data in (
            head("OPTIONS * HTTP/1.1", "Host: a"),
            head("GET http://a/ HTTP/1.1", "Host: b"),
            head("BREW / HTTP/1.1", "Host: a"),
            head("GET / HTTP/1.1", "Host:a"),
            head("GET / HTTP/1.1", "Host: a", "X: b "),
            head("GET / HTTP/1.1", "Host: a", "X:"),
            head("GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket"),
            head("GET / HTTP/1.1", "Host: a", "Connection: close, X", "X: y"),
            head(
                "POST / HTTP/1.1",
                "Connection: Upgrade, HTTP2-Settings",
                "Content-Length: 3",
                "Host: a",
                "HTTP2-Settings: AAEAAEAAAAIAAAAA",
                "Upgrade: h2c",
                "User-Agent: Java-http-client/17.0.15",
            ),
            head("GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 6.6.6.6"),
            head("GET / HTTP/1.1", "Host: a", "x_real_ip: 6.6.6.6"),
            head("POST / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 5"),
            head("OPTIONS / HTTP/1.1", "Host: a", "Max-Forwards: 1"),
            head("GET / HTTP/1.1", "Host: a", "TE: trailers"),
        ):
            self.assertIsNone(readPlainRequest(data), data)
            slowly(data)

    def test_twoConnections(self) -> None:
        """
        However many Connection fields there are, one C{close} closes (RFC 9112 section
        9.3).
        """
        for first in ("close", "Close", "keep-alive"):
            for second in ("close", "keep-alive"):
                for lines in (
                    (f"Connection: {first}", "Host: a", f"Connection: {second}"),
                    ("Host: a", f"Connection: {first}", "X: y", f"Connection: {second}"),
                    ("Host: a", f"Connection: {first}", f"Connection: {second}"),
                    (
                        "Host: a",
                        f"Connection: {first}",
                        "Content-Length: 5",
                        f"Connection: {second}",
                    ),
                ):
                    self.same(head("GET / HTTP/1.1", *lines))

    def test_notWhole(self) -> None:
        """
        A beginning is nothing, wherever it ends.
        """
        for data in REQUESTS.values():
            for size in range(len(data)):
                self.assertIsNone(readPlainRequest(data[:size]))

    def test_limits(self) -> None:
        for excess in range(-2, 3):
            start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
            data = start + b"x" * (HEAD_LIMIT - len(start) - 4 + excess) + b"\r\n\r\n"
            self.assertEqual(self.same(data), excess <= 0)
            target = b"/" + b"x" * (TARGET_LIMIT - 1 + excess)
            data = b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target
            self.assertEqual(self.same(data), excess <= 0)

    @settings(deadline=None, max_examples=600)
    @given(requestHeads())
    def test_mutated(self, data: bytes) -> None:
        event(f"fast: {self.same(data)}")

    def test_oftenTaken(self) -> None:
        """
        What is tried above gets through the fast way often, and often it doesn't.
        """
        taken = []

        @settings(deadline=None, max_examples=300, derandomize=True, database=None)
        @given(requestHeads())
        def look(data: bytes) -> None:
            taken.append(readPlainRequest(data) is not None)

        look()
        self.assertGreater(sum(taken), len(taken) // 8)
        self.assertGreater(taken.count(False), len(taken) // 8)

    def test_fieldsOfPlain(self) -> None:
        """
        The fields of a head that was read the fast way are all of it, as they came.
        """
        data = head("GET / HTTP/1.1", "x-a: b:c", "HOST: a", "Connection: close", "X-A: d  e")
        request = readPlainRequest(data)
        assert request is not None
        fields = ((b"x-a", b"b:c"), (b"HOST", b"a"), (b"Connection", b"close"), (b"X-A", b"d  e"))
        self.assertEqual(request.head, RequestHead(b"GET", b"/", b"HTTP/1.1", fields))
        self.assertEqual(request.passing, b"x-a: b:c\r\nX-A: d  e\r\n")
