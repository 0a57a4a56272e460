"""
What a client gets of everything that a backend may answer: the table of
L{tests.conformance.responsecases} and L{tests.conformance.relayedresponses}.

Strategy: raw bytes on both sides of a real master.  Behind each case comes an
ordinary request, which shows what the case has left behind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.relayedresponses import (
    fieldCases,
    framingCases,
    interimCases,
    leftoverCases,
    statusCases,
)
from tests.conformance.responsecases import (
    CUT,
    REFUSED,
    RELAYED,
    Case,
    bodilessCases,
    cutCases,
    refusedCases,
)
from tests.conformance.responsereader import PATIENCE, End, Malformed, RawClient, Seen
from tests.conformance.scriptedbackend import ScriptedBackend
from tests.integration.twistdharness import Twistd

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

# What one exchange may take from a backend that never ends a head or a line, in
# bytes: the limit of 64 KiB and what the sockets between hold.
_BOUND = 2 * 1024 * 1024

_DATE = re.compile(rb"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
_HOP_BY_HOP = (b"keep-alive", b"proxy-connection", b"te", b"upgrade")


def requestOf(case: Case, target: bytes) -> bytes:
    """
    @param case: whose request it is.
    @param target: where its script is.
    @return: the request's bytes.
    """
    head = case.method + b" " + target + b" " + case.version + b"\r\nHost: test\r\n" + case.asked
    if case.body:
        head += b"Content-Length: %d\r\n" % len(case.body)
    return head + b"\r\n" + case.body


def outcomeOf(case: Case, seen: Seen) -> str:
    """
    @param case: what was asked for.
    @param seen: what came.
    @return: the word for it.
    """
    if seen.end in (End.cut, End.nothing):
        return CUT
    if seen.end is End.silence:
        return "silence"
    if seen.status in (502, 504) and seen.status != case.status:
        return str(seen.status)
    return RELAYED


def relayedWrongly(case: Case, seen: Seen) -> Iterator[str]:
    """
    @param case: what was asked for.
    @param seen: a response that was relayed.
    @return: what is wrong with it.
    """
    if (seen.status, seen.body) != (case.status, case.content):
        yield f"{seen.status} {seen.body[:80]!r}"
    for name, values in case.fields.items():
        if seen.values(name) != values:
            yield f"{name!r}: {seen.values(name)!r}"
    if b"server" not in case.fields and seen.values(b"server"):
        yield "a Server that nobody sent"
    if not any(b"twisted_multiserver" in each for each in seen.members(b"via")):
        yield f"Via {seen.values(b'via')!r}"
    for name in _HOP_BY_HOP:
        if seen.values(name):
            yield f"a hop-by-hop field {name!r}"


def wrong(case: Case, seen: Seen) -> Iterator[str]:
    """
    @param case: what was asked for.
    @param seen: what came.
    @return: what is wrong with it.
    """
    outcome = outcomeOf(case, seen)
    if outcome not in case.outcomes:
        yield f"{outcome} instead of {' or '.join(case.outcomes)}: {seen.status} {seen.body[:80]!r}"
    elif outcome == RELAYED:
        yield from relayedWrongly(case, seen)
    if tuple(seen.interim) not in case.interim:
        yield f"interim {seen.interim}"
    if outcome in (RELAYED, REFUSED):
        dates = seen.values(b"date")
        if len(dates) != 1 or not _DATE.fullmatch(dates[0]):
            yield f"Date {dates!r}"
    if case.persists and seen.end is not End.whole:
        yield f"the client's connection does not go on: {seen.end.value}"


def aftermath(case: Case, client: RawClient, seen: Seen, port: int) -> Iterator[str]:
    """
    Send an ordinary request behind a case.

    @param case: what came before.
    @param client: got it.
    @param seen: what it got.
    @param port: of the server.
    @return: what is wrong with the answer.
    """
    if seen.status == 101:
        return  # nothing is HTTP any more
    if seen.end is End.closed and (rest := client.readEnd()):
        yield f"left behind: {rest[:80]!r}"
    following = Case("", (), content=b"next", persists=True)
    request = requestOf(following, b"/next")
    if seen.end is End.whole and (case.version == b"HTTP/1.1"):
        after = client.exchange(request)
    else:
        with RawClient(port) as other:
            after = other.exchange(request)
    for each in wrong(following, after):
        yield f"next request: {each}"


def differences(case: Case, target: bytes, port: int, backend: ScriptedBackend) -> Iterator[str]:
    """
    Try a case.

    @param case: what is to happen.
    @param target: where its script is.
    @param port: of the server.
    @param backend: behind it.
    @return: what is wrong.
    """
    before = len(backend.tries(target))
    try:
        with RawClient(port) as client:
            seen = client.exchange(requestOf(case, target))
            yield from wrong(case, seen)
            yield from aftermath(case, client, seen, port)
    except Malformed as malformed:
        yield f"malformed: {malformed}"
        return
    tries = backend.tries(target)[before:]
    allowed = 3 if case.method in (b"GET", b"HEAD") else 1
    if not 1 <= len(tries) <= allowed:
        yield f"{len(tries)} tries"
    if not tries:
        return
    used = {request.serial for request in tries}
    conversations = [backend.conversations[serial - 1] for serial in used]
    if case.fresh:
        if backend.requests[-1].serial in used:
            yield "the backend's connection was used again"
        if not all(each.ended.wait(PATIENCE) for each in conversations):
            yield "the backend's connection goes on"
    if max(each.sent for each in conversations) > _BOUND:
        yield "it read without a bound"


def withBody(cases: Iterable[Case]) -> Iterator[Case]:
    """
    @param cases: some of them GETs.
    @return: the same and, for every GET, a POST, which must not be sent twice.
    """
    for case in cases:
        yield case
        if case.method == b"GET":
            name = f"POST: {case.name}"
            yield replace(case, name=name, method=b"POST", body=b"x" * 10)


class ResponseTests(SynchronousTestCase):
    """
    The tests are the table's parts.
    """

    def check(self, cases: Iterable[Case]) -> None:
        """
        @param cases: tried one after the other; all that are wrong are told.
        """
        table = {b"/case/%d" % number: case for number, case in enumerate(cases)}
        scripts = {target: case.script for target, case in table.items()}
        backend = ScriptedBackend(self, scripts)
        port = self.serve(backend)
        found = [
            f"{case.name[:120]}: {difference}"
            for target, case in table.items()
            for difference in differences(case, target, port, backend)
        ]
        if found:
            self.fail(f"{len(found)} of {len(table)} cases:\n" + "\n".join(found))

    def serve(self, backend: ScriptedBackend) -> int:
        """
        @param backend: to be served.
        @return: the port on 127.0.0.1.
        """
        # The budgets only keep a failure short.
        budgets = ("--first-byte-budget=10", "--stall-budget=10")
        return Twistd(self, LISTEN, f"--backend=unix:{backend.path}", *budgets).waitUntilReady()

    def test_refused(self) -> None:
        """
        What is no response is answered with 502.
        """
        self.check(withBody(refusedCases()))

    def test_cut(self) -> None:
        """
        A body that is not whole never looks whole.
        """
        self.check(withBody(cutCases()))

    def test_bodiless(self) -> None:
        """
        HEAD, 204 and 304 have no body, whatever came.
        """
        self.check(bodilessCases())

    def test_framing(self) -> None:
        """
        Bodies arrive whole.
        """
        self.check(framingCases())

    def test_leftovers(self) -> None:
        """
        Nobody gets what comes behind a response.
        """
        self.check(leftoverCases())

    def test_fields(self) -> None:
        """
        End-to-end fields pass, hop-by-hop fields don't.
        """
        self.check(fieldCases())

    def test_statuses(self) -> None:
        """
        Statuses pass as they are.
        """
        self.check(statusCases())

    def test_interim(self) -> None:
        """
        1xx pass where they may.
        """
        self.check(interimCases())
