"""
Exchanges in which it matters who does what when: early answers, expectations,
idle connections, upgrades, retries, silence.

Strategy: as in L{tests.conformance.test_responses}, one conversation a test; order
comes from events, never from waiting.
"""

from __future__ import annotations

import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.responsecases import HELLO, HELLO_CHUNKED, OK
from tests.conformance.responsereader import End, RawClient
from tests.conformance.scriptedbackend import (
    PATIENCE,
    Conversation,
    Script,
    ScriptedBackend,
    Step,
    awaitEnd,
    close,
    pieces,
    readBody,
    upperCase,
)
from tests.integration.twistdharness import Twistd

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

GET = b"GET %s HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello"
UPGRADE = b"GET /up HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\n"


def awaiting(event: threading.Event) -> Step:
    """
    @param event: set by the test.
    @return: a step that takes until then.
    """

    def wait(conversation: Conversation) -> None:
        if not event.wait(PATIENCE):
            raise AssertionError("the test has not gone on")

    return wait


def telling(event: threading.Event) -> Step:
    """
    @param event: awaited by the test.
    @return: a step that sets it.
    """
    return lambda conversation: event.set()


class ConversationTestCase(SynchronousTestCase):
    """
    Starts backends and a master before them.
    """

    def serve(self, *scripts: dict[bytes, Script], options: tuple[str, ...] = ()) -> int:
        """
        @param scripts: of each backend.
        @param options: further arguments of the master.
        @return: the master's port.
        """
        self.backends = [ScriptedBackend(self, each) for each in scripts]
        endpoints = [f"--backend=unix:{each.path}" for each in self.backends]
        return Twistd(self, LISTEN, *endpoints, *options).waitUntilReady()

    def connect(self, port: int) -> RawClient:
        """
        @param port: of the master.
        @return: a connection that ends with the test.
        """
        client = RawClient(port)
        self.addCleanup(client.socket.close)
        return client

    def assertAnswer(self, client: RawClient, request: bytes, status: int, body: bytes) -> None:
        """
        @param client: sends it.
        @param request: all of it.
        @param status: expected.
        @param body: expected; of an answer of the master's own, no matter what.
        """
        seen = client.exchange(request)
        self.assertEqual(seen.status, status, seen)
        if status < 500:
            self.assertEqual(seen.body, body)

    def assertEnded(self, conversation: Conversation) -> None:
        """
        @param conversation: must end by itself.
        """
        self.assertTrue(conversation.ended.wait(PATIENCE), "the connection goes on")


class IdleTests(ConversationTestCase):
    """
    Upstream connections between two requests.
    """

    def idle(self, *steps: bytes | Step) -> None:
        """
        @param steps: of the backend, once its answer has arrived.
        """
        answered, done = threading.Event(), threading.Event()
        script = Script((OK + HELLO, awaiting(answered), *steps, telling(done)))
        port = self.serve({b"/a": script})
        for request in (GET, POST):
            answered.clear()
            done.clear()
            client = self.connect(port)
            self.assertAnswer(client, request % b"/a", 200, b"hello")
            answered.set()
            conversation = self.backends[0].conversationOf(b"/a")
            # A step that ends the conversation is the last one.
            while not (conversation.ended.is_set() or done.wait(0.01)):
                pass
            self.assertAnswer(client, request % b"/next", 200, b"next")
            self.assertNotEqual(self.backends[0].requests[-1].serial, conversation.serial)
            self.assertEqual(len(self.backends[0].tries(b"/next")), 1)
            self.backends[0].requests.clear()

    def test_closed(self) -> None:
        """
        One that the backend has closed is not used, not even for a POST.
        """
        self.idle(close)

    def test_garbage(self) -> None:
        """
        One on which something came unasked is not used.
        """
        self.idle(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")

    def test_timeoutAnswer(self) -> None:
        """
        A 408 that nobody asked for, before the backend closes, is nobody's.
        """
        self.idle(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", close)


class EarlyTests(ConversationTestCase):
    """
    Answers before the request is complete.
    """

    begun = b"POST /early HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nbegun"

    def test_answered(self) -> None:
        """
        The client gets it though its request is not complete.
        """
        early = Script((TOO_LARGE + HELLO, awaitEnd), early=True)
        client = self.connect(self.serve({b"/early": early}))
        self.assertAnswer(client, self.begun, 413, b"hello")
        client.socket.close()
        self.assertEnded(self.backends[0].conversationOf(b"/early"))

    def test_answeredAndClosed(self) -> None:
        """
        It arrives whole when the backend closes with most of the request unread.
        """
        early = Script((TOO_LARGE + b"Connection: close\r\n" + HELLO, close), early=True)
        port = self.serve({b"/early": early})
        for begun in (self.begun, self.begun[:-5] + b"x" * 500_000):
            self.assertAnswer(self.connect(port), begun, 413, b"hello")

    def test_notReused(self) -> None:
        """
        A connection that still waits for a request's rest gets no other request.
        """
        early = Script((OK + HELLO_CHUNKED, awaitEnd), early=True)
        port = self.serve({b"/early": early})
        client = self.connect(port)
        self.assertAnswer(client, self.begun, 200, b"hello")
        self.assertAnswer(self.connect(port), GET % b"/next", 200, b"next")
        serials = {request.serial for request in self.backends[0].requests}
        self.assertEqual(len(serials), 2)

    def test_client(self) -> None:
        """
        A client that goes in the middle of its request takes its exchange along.
        """
        heard = threading.Event()
        early = Script((telling(heard), readBody), early=True)
        port = self.serve({b"/early": early})
        client = self.connect(port)
        client.socket.sendall(self.begun)
        self.assertTrue(heard.wait(PATIENCE), "the request's begin does not reach the backend")
        client.socket.close()
        self.assertEnded(self.backends[0].conversationOf(b"/early"))
        self.assertAnswer(self.connect(port), GET % b"/next", 200, b"next")


class ExpectationTests(ConversationTestCase):
    """
    C{Expect: 100-continue} (RFC 9110 section 10.1.1).
    """

    head = b"POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"

    def test_continue(self) -> None:
        """
        The client is told to go on exactly once, whoever says it.
        """
        go = b"HTTP/1.1 100 Continue\r\n\r\n"

        def goOnIfExpected(conversation: Conversation) -> None:
            if b"expect" in conversation.request.fields:
                conversation.send(go)

        script = Script((goOnIfExpected, readBody, OK + HELLO), early=True)
        client = self.connect(self.serve({b"/a": script}))
        client.socket.sendall(self.head)
        self.assertEqual(client.take(len(go)).split(b" ")[1:2], [b"100"])
        seen = client.exchange(b"hello")
        self.assertEqual((seen.status, seen.interim), (200, []), seen)
        self.assertEqual(self.backends[0].requests[0].body, b"hello")
        self.assertAnswer(client, GET % b"/next", 200, b"next")

    def test_refused(self) -> None:
        """
        A client whose body is not wanted learns it without sending it.
        """
        refusal = b"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\n" + HELLO
        script = Script((refusal, close), early=True)
        client = self.connect(self.serve({b"/a": script}))
        self.assertAnswer(client, self.head, 417, b"hello")


class TunnelTests(ConversationTestCase):
    """
    Connections after a 101.
    """

    def test_bytes(self) -> None:
        """
        Bytes go both ways as they are, those with the 101 among them.
        """
        port = self.serve({b"/up": Script((SWITCHING + b"first\r\n", upperCase))})
        client = self.connect(port)
        seen = client.exchange(UPGRADE)
        self.assertEqual((seen.status, seen.members(b"upgrade")), (101, [b"echo"]), seen)
        self.assertEqual(seen.members(b"connection"), [b"upgrade"])
        self.assertEqual(client.take(7), b"first\r\n")
        for data in (b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 4096):
            sender = threading.Thread(target=client.socket.sendall, args=(data,))
            sender.start()
            self.assertEqual(client.take(len(data)), data.upper())
            sender.join()
        client.socket.close()
        self.assertEnded(self.backends[0].conversationOf(b"/up"))

    def test_backendEnds(self) -> None:
        """
        What it said before is delivered.
        """
        said = b"x" * 300_000
        client = self.connect(self.serve({b"/up": Script((SWITCHING, said, close))}))
        self.assertEqual(client.exchange(UPGRADE).status, 101)
        self.assertEqual(client.readEnd(), said)

    def test_declined(self) -> None:
        """
        An upgrade that the backend doesn't take is an ordinary exchange.
        """
        client = self.connect(self.serve({b"/up": Script((OK + HELLO,))}))
        self.assertAnswer(client, UPGRADE, 200, b"hello")
        self.assertAnswer(client, GET % b"/next", 200, b"next")


class RetryTests(ConversationTestCase):
    """
    Backends that end the connection without a word.
    """

    def test_otherBackend(self) -> None:
        """
        A GET is tried on another, until one answers.
        """
        bad, good = {b"/a": Script((close,))}, {b"/a": Script((OK + HELLO,))}
        port = self.serve(bad, bad, good)
        client = self.connect(port)
        for _ in range(6):
            self.assertAnswer(client, GET % b"/a", 200, b"hello")
        self.assertEqual(len(self.backends[2].tries(b"/a")), 6)

    def test_threeTries(self) -> None:
        """
        It is given up after three tries; a POST, which may have worked, after one.
        """
        bad = {b"/a": Script((OK, close))}
        port = self.serve(bad, bad, bad, bad)
        self.assertAnswer(self.connect(port), GET % b"/a", 502, b"")
        tried = [len(each.tries(b"/a")) for each in self.backends]
        self.assertEqual(sorted(tried), [0, 1, 1, 1])
        self.assertAnswer(self.connect(port), POST % b"/a", 502, b"")
        self.assertEqual(sum(len(each.tries(b"/a")) for each in self.backends), 4)


class SilenceTests(ConversationTestCase):
    """
    Backends that say nothing, or stop in the middle.
    """

    def test_budgets(self) -> None:
        """
        Before the response's head 504, behind it a cut; a slow one is waited for.
        """
        go = threading.Event()
        slowly = pieces(OK + HELLO_CHUNKED, 10)

        def slow(conversation: Conversation) -> None:
            for at in range(0, len(OK), 4):
                conversation.send(OK[at : at + 4])
                go.wait(0.05)

        port = self.serve(
            {
                b"/nothing": Script((awaitEnd,)),
                b"/half": Script((OK + b"Content-", awaitEnd)),
                b"/interim": Script((b"HTTP/1.1 100 Continue\r\n\r\n", awaitEnd)),
                b"/body": Script((OK + b"Content-Length: 99999999\r\n\r\n", b"x", awaitEnd)),
                b"/chunk": Script((OK + HELLO_CHUNKED[:-5], awaitEnd)),
                b"/slow": Script((slow, HELLO)),
                b"/pieces": Script((slowly,)),
            },
            options=("--first-byte-budget=1", "--stall-budget=1"),
        )
        for target in (b"/nothing", b"/half", b"/interim"):
            self.assertAnswer(self.connect(port), GET % target, 504, b"")
            self.assertEnded(self.backends[0].conversationOf(target))
        for target in (b"/body", b"/chunk"):
            seen = self.connect(port).exchange(GET % target)
            self.assertIn(seen.end, (End.cut, End.nothing))
            self.assertEnded(self.backends[0].conversationOf(target))
        self.assertAnswer(self.connect(port), GET % b"/slow", 200, b"hello")
        self.assertAnswer(self.connect(port), GET % b"/pieces", 200, b"hello")
