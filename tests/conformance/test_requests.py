"""
The request cases, put to a real C{twistd -n multiserver} in front of a recording backend.

A case is right when one of its outcomes is: what the client got, and what the backend
saw.  To know that nothing more came to the backend, each case is followed by a probe on
a connection of its own: once that is answered, all that was sent before it is recorded
(see L{tests.conformance.rawbackend}).  The probe finds a desynchronised backend
connection, too, since answers name the request they belong to.

C{proxyFaults} and C{originFaults} judge any server, given by its address.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec

import h11
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.cases import Case, Outcome, Seen, get
from tests.conformance.rawbackend import RawBackend, Recorded, Sightings
from tests.conformance.rawclient import PATIENCE, Address, Conversation
from tests.conformance.requestcases import CASES
from tests.integration.twistdharness import Twistd

P = ParamSpec("P")

_PROBE = "/probe"

# So many cases of a group may fail by waiting in vain before the rest is left untried.
_SILENCE = 3

_HOP_BY_HOP = ("Keep-Alive", "Proxy-Connection", "Proxy-Authorization")
_ONCE = ("Host", "Content-Length", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")


def converse(address: Address, case: Case) -> Conversation:
    """
    @param address: of a server.
    @param case: to put to it.
    @return: what came of it; to be closed.
    """
    methods = [seen.method for seen in case.outcomes[0].seen]
    conversation = Conversation(address, methods)

    def enough() -> bool:
        statuses = [answer.status for answer in conversation.answers]
        open_ = [one for one in case.outcomes if _agrees(statuses, one)]
        return not open_ or any(
            len(one.answers) == len(statuses) and not one.closes for one in open_
        )

    pieces = case.pieces
    if case.waits:
        conversation.send(pieces[:1])
        conversation.listen(lambda: bool(conversation.interim or conversation.answers))
        pieces = pieces[1:]
    conversation.send(pieces, case.halfClose)
    conversation.listen(enough)
    return conversation


def _agrees(statuses: Sequence[int], outcome: Outcome) -> bool:
    pairs = zip(statuses, outcome.answers, strict=False)
    return len(statuses) <= len(outcome.answers) and all(status in may for status, may in pairs)


def _clientFaults(conversation: Conversation, outcome: Outcome) -> list[str]:
    statuses = [answer.status for answer in conversation.answers]
    late = conversation.late()
    faults = []
    if conversation.problem:
        faults.append(conversation.problem)
    elif late:
        faults.append(f"more came: {late[:100]!r}")
    if len(statuses) != len(outcome.answers) or not _agrees(statuses, outcome):
        wanted = [sorted(may) for may in outcome.answers]
        faults.append(f"got {statuses[:10]} instead of {wanted[:10]}")
    elif outcome.closes is not None and conversation.closed != outcome.closes:
        faults.append("the connection was " + ("closed" if conversation.closed else "not closed"))
    if conversation.interim and not outcome.interim:
        faults.append("got an interim answer")
    return faults


def _seenFaults(request: Recorded, seen: Seen) -> list[str]:
    faults = []
    if (request.method, request.target) != (seen.method, seen.target):
        faults.append(f"backend saw {request.method} {request.target[:100]}")
    if request.body != seen.body:
        faults.append(f"backend got {len(request.body)} bytes, {request.body[:60]!r}")
    for name, value in seen.present.items():
        found = ", ".join(request.values(name))
        pattern = value[:-1] if value.endswith("*") and name == "Via" else None
        if not (found == value if pattern is None else found.startswith(pattern)):
            faults.append(f"backend got {name} {request.values(name)}"[:200])
    trailers = [name.lower() for name, _ in request.trailers]
    for name in seen.absent:
        if request.values(name) or name.lower() in trailers:
            faults.append(f"backend got {name} {request.values(name)}")
    faults += [
        f"backend got {name} as a trailer" for name in seen.trailersFree if name.lower() in trailers
    ]
    return faults


def _messageFaults(request: Recorded) -> list[str]:
    faults = [
        f"backend got {name} {request.values(name)}" for name in _HOP_BY_HOP if request.values(name)
    ]
    faults += [
        f"backend got {name} {request.values(name)}"
        for name in _ONCE
        if len(request.values(name)) > 1
    ]
    if not request.values("Host"):
        faults.append("backend got no Host")
    options = {
        option.strip().lower()
        for value in request.values("Connection")
        for option in value.split(",")
    }
    if options - {"close", "keep-alive", "upgrade", "te", ""}:
        faults.append(f"backend got Connection {request.values('Connection')}")
    if request.values("Upgrade") and "upgrade" not in options:
        faults.append(f"backend got Upgrade {request.values('Upgrade')}")
    if request.values("TE") not in ([], ["trailers"]):
        faults.append(f"backend got TE {request.values('TE')}")
    # A second reader's opinion.
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=len(request.raw))
    reader.receive_data(request.raw)
    body = b""
    try:
        while not isinstance(event := reader.next_event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += bytes(event.data)
            elif event is h11.NEED_DATA:
                return [*faults, "h11 finds no end"]
    except h11.RemoteProtocolError as error:
        return [*faults, f"h11 finds {error}"]
    if body != request.body or reader.trailing_data[0]:
        faults.append("h11 reads another request")
    return faults


def _backendFaults(conversation: Conversation, sightings: Sightings, outcome: Outcome) -> list[str]:
    faults = []
    if len(sightings.requests) != len(outcome.seen):
        shown = [f"{request.method} {request.target[:60]}" for request in sightings.requests[:9]]
        faults.append(f"backend saw {len(sightings.requests)} requests: {shown}")
    if sightings.fragments and not outcome.incomplete:
        faults.append(f"backend saw {sightings.fragments[0][:100]!r}")
    for request, seen in zip(sightings.requests, outcome.seen, strict=False):
        faults += _seenFaults(request, seen) + _messageFaults(request)
    for request, answer in zip(sightings.requests, conversation.answers, strict=False):
        named = f"seen {request.method} {request.target}\n".encode("latin-1")
        if answer.status == 200 and answer.body not in (named, b""):
            faults.append(f"{request.target[:60]} was answered {answer.body[:100]!r}")
    return faults


def _probeFaults(address: Address) -> list[str]:
    probe = Conversation(address)
    probe.send([get(target=_PROBE)])
    probe.listen(lambda: bool(probe.answers))
    probe.close()
    if [answer.body for answer in probe.answers] == [f"seen GET {_PROBE}\n".encode()]:
        return []
    found = [(answer.status, answer.body[:60]) for answer in probe.answers]
    return [f"the next client got {found} {probe.problem}"]


def _fewest(judged: Callable[[Outcome], list[str]], case: Case) -> list[str]:
    return min((judged(outcome) for outcome in case.outcomes), key=len)


def proxyFaults(case: Case, address: Address, backend: RawBackend) -> list[str]:
    """
    @param case: to put to a proxy.
    @param address: of the proxy.
    @param backend: all that the proxy has.
    @return: what was wrong; nothing when one of the outcomes was right.
    """
    backend.take()
    conversation = converse(address, case)
    try:
        faults = _probeFaults(address)
        taken = backend.take()
        requests = [request for request in taken.requests if request.target != _PROBE]
        sightings = Sightings(tuple(requests), taken.fragments, taken.problems)
        faults += [f"backend got nonsense: {problem}" for problem in sightings.problems]
        return faults + _fewest(
            lambda outcome: (
                _clientFaults(conversation, outcome)
                + _backendFaults(conversation, sightings, outcome)
            ),
            case,
        )
    finally:
        conversation.close()


def originFaults(case: Case, address: Address) -> list[str]:
    """
    @param case: to put to an origin server, of which C{origin} is true.
    @param address: of the server, which must answer every good request with 200.
    @return: what was wrong; nothing when one of the outcomes was right.
    """
    conversation = converse(address, case)
    try:
        return _fewest(lambda outcome: _clientFaults(conversation, outcome), case)
    finally:
        conversation.close()


class _Stack(SynchronousTestCase):
    """
    Keeps what a L{Twistd} wants cleaned up until this process ends: one server is
    enough for all methods of a class, whichever of them run here, and trial has no
    fixtures of classes.
    """

    stack = contextlib.ExitStack()
    atexit.register(stack.close)

    def addCleanup(  # type: ignore[override]
        self, f: Callable[P, object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """
        @param f: called at the end.
        @param args: for it.
        @param kwargs: for it.
        """
        self.stack.callback(f, *args, **kwargs)


class TableTests(SynchronousTestCase):
    """
    The table itself.
    """

    def test_names(self) -> None:
        """
        Within a group no two cases have the same name.
        """
        for cases in CASES.values():
            names = [case.name for case in cases]
            self.assertEqual([name for name in names if names.count(name) > 1], [])

    def test_somethingIsAsked(self) -> None:
        """
        Each case sends something, and each outcome says what must be seen.
        """
        for case in (case for cases in CASES.values() for case in cases):
            self.assertTrue(b"".join(case.pieces), case.name)
            for outcome in case.outcomes:
                self.assertTrue(outcome.answers or outcome.closes, case.name)


class RequestTests(SynchronousTestCase):
    """
    A method for each group of cases, see below.

    @cvar address: of the proxy, once it runs.
    @cvar backend: of the proxy, once it runs.
    """

    address: Address | None = None
    backend: RawBackend

    def setUp(self) -> None:
        """
        Start the proxy and its backend unless they run.
        """
        if self.address is not None:
            return
        cleanups = _Stack()
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        cleanups.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        backend = RawBackend(str(folder / "backend"))
        cleanups.addCleanup(backend.stop)
        twistd = Twistd(
            cleanups, "--listen=tcp:0:interface=127.0.0.1", f"--backend=unix:{folder / 'backend'}"
        )
        type(self).backend = backend
        type(self).address = ("127.0.0.1", twistd.waitUntilReady())

    def check(self, group: str) -> None:
        """
        @param group: of cases, none of which may show a fault.
        """
        assert self.address is not None
        failed = []
        silent = 0
        for case in CASES[group]:
            started = time.monotonic()
            faults = proxyFaults(case, self.address, self.backend)
            if faults:
                failed.append(f"{case.name}: {'; '.join(faults)}")
                silent += time.monotonic() - started > PATIENCE
            if silent == _SILENCE:
                failed.append("given up here, since it takes too long")
                break
        if failed:
            shown = "\n  ".join(failed)
            self.fail(f"{len(failed)} of {len(CASES[group])} cases:\n  {shown}")


def _method(group: str) -> Callable[[RequestTests], None]:
    def test(self: RequestTests) -> None:
        self.check(group)

    test.__name__ = f"test_{group}"
    test.__doc__ = f"All cases of the group {group}."
    return test


for _name in CASES:
    setattr(RequestTests, f"test_{_name}", _method(_name))
