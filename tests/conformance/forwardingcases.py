"""
Cases of what a proxy takes away, adds and answers itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.conformance.cases import (
    CLIENT,
    HELLO,
    HOST,
    REFUSED,
    Case,
    Outcome,
    Seen,
    get,
    passes,
    post,
    raw,
    refusal,
)


def _hopByHop() -> Iterator[Case]:
    def case(
        name: str, *lines: str, absent: tuple[str, ...] = (), closes: bool | None = None
    ) -> Case:
        outcome = passes(Seen(absent=absent, present={"X-Kept": "1"}), closes=closes)
        return Case(name, (get("X-Kept: 1", *lines),), (outcome,), origin=closes is not None)

    secret = "X-Secret: 1"
    yield case("named", "Connection: X-Secret", secret, absent=("X-Secret",))
    yield case("named behind", secret, "Connection: X-Secret", absent=("X-Secret",))
    yield case("named in other case", "connection: x-SECRET", secret, absent=("X-Secret",))
    both = "Connection: close, X-Secret"
    yield case("named with close", both, secret, absent=("X-Secret",), closes=True)
    listed = "Connection: keep-alive,X-Secret , X-More"
    yield case("listed", listed, secret, "X-More: 2", absent=("X-Secret", "X-More"))
    two = "Connection: X-Secret", "Connection: X-More", secret, "X-More: 2"
    yield case("on two lines", *two, absent=("X-Secret", "X-More"))
    yield case("twice", "Connection: X-Secret", secret, "x-secret: 2", absent=("X-Secret",))
    yield case("empty elements", "Connection: ,, ,X-Secret,", secret, absent=("X-Secret",))
    yield case("tabs", "Connection:\tX-More\t,\tX-Secret", secret, absent=("X-Secret",))
    yield case("close", "Connection: close", closes=True)
    yield case("close in capitals", "Connection: CLOSE", closes=True)
    yield case("close second", "Connection: keep-alive, close", closes=True)
    yield case("close on another line", "Connection: x", "Connection: close", closes=True)
    yield case("keep-alive", "Connection: keep-alive", closes=False)
    yield case("nothing", closes=False)
    for line in (
        *("Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "TE: gzip"),
        "TE: trailers;q=0.5",
        *("Upgrade: websocket", "Upgrade: h2c", "Proxy-Authorization: Basic eDp5"),
        "Proxy-Connection: X",
    ):
        yield case(line, line, absent=(line.partition(":")[0],))
    named = "Connection: TE, close", "TE: trailers, deflate;q=0.5"
    yield Case("TE", (get(*named),), (passes(Seen()),), origin=False)
    upgrade = get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    seen = Seen(absent=("Upgrade", "HTTP2-Settings"))
    yield Case("h2c", (upgrade,), (passes(seen), REFUSED), origin=False)
    # Naming these must not take them from what the framing or trust rests on.
    for name, present in (
        ("Host", {"Host": "a.example"}),
        ("X-Forwarded-For", {"X-Forwarded-For": CLIENT}),
        ("X-Forwarded-Proto", {"X-Forwarded-Proto": "http"}),
        ("X-Forwarded-Host", {"X-Forwarded-Host": "a.example"}),
        ("Cookie", {}),
        ("Authorization", {}),
        ("Via", {}),
        ("Date", {}),
        ("Connection", {}),
        ("Forwarded", {}),
    ):
        request = get(f"Connection: close, {name}", "Cookie: a=1", "Authorization: Basic eDp5")
        outcomes = passes(Seen(present=present)), REFUSED
        yield Case(f"names {name}", (request,), outcomes, origin=False)
    for name in ("Content-Length", "content-length, Content-Type", "Transfer-Encoding"):
        request = post(f"Connection: {name}", "Content-Length: 5")
        yield Case(f"names {name}", (request + get(),), (passes(HELLO, Seen()), REFUSED))
    request = post(
        "Connection: Transfer-Encoding", "Transfer-Encoding: chunked", body="1\r\na\r\n0\r\n\r\n"
    )
    outcomes = passes(Seen("POST", body=b"a"), Seen()), REFUSED
    yield Case("names Transfer-Encoding that is there", (request + get(),), outcomes)
    for value in ("close;x", '"close"', "a b", "(close)", "close\xe9"):
        yield Case(
            f"malformed {value!r}", (get(f"Connection: {value}"),), (passes(Seen()), REFUSED)
        )


def _forwarding() -> Iterator[Case]:
    ours = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "http", "X-Forwarded-Host": "a.example"}

    def case(*lines: str, absent: tuple[str, ...] = (), **present: str) -> Case:
        named = {key.replace("_", "-"): value for key, value in present.items()}
        seen = Seen(present={**ours, **named}, absent=absent)
        name = ", ".join(lines) or "nothing"
        return Case(name, (get(*lines),), (passes(seen),), origin=False)

    yield case()
    for line in (
        *("X-Forwarded-For: 1.2.3.4", "x-forwarded-for: 1.2.3.4, 5.6.7.8", "X-Forwarded-For:"),
        *("X-Forwarded-For: unknown", "X-Forwarded-Proto: https", "X-FORWARDED-PROTO: https"),
        *("X-Forwarded-Host: evil.example", "X-Forwarded-For: 127.0.0.1, 127.0.0.1"),
    ):
        yield case(line)
    yield case("X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8")
    yield case("X-Forwarded-Proto: https", "X-Forwarded-Host: b", "X-Forwarded-For: 1.2.3.4")
    for line in (
        *("Forwarded: for=1.2.3.4;proto=https;host=b", "X-Real-IP: 1.2.3.4"),
        "X-Forwarded-Prefix: /evil",
        *("X_Forwarded_For: 1.2.3.4", "X_Forwarded_Proto: https", "X-Forwarded_For: 1.2.3.4"),
        *("X_Real_IP: 1.2.3.4", "X_Forwarded_Host: b", "X_FORWARDED_FOR: 1.2.3.4"),
    ):
        yield case(line, absent=(line.partition(":")[0],))
    yield case("Connection: X-Forwarded-Proto", "X-Forwarded-Proto: https")
    via = Seen(present={"Via": "1.1*"})
    yield Case("Via added", (get(),), (passes(via),), origin=False)
    via = Seen(present={"Via": "1.0 fred, 1.1 b (x), 1.1*"})
    yield Case("Via kept", (get("Via: 1.0 fred, 1.1 b (x)"),), (passes(via),), origin=False)
    old = raw("GET / HTTP/1.0", HOST)
    yield Case("Via from 1.0", (old,), (passes(Seen(present={"Via": "1.0*"})),), origin=False)
    yield Case(
        "OPTIONS through",
        (get("Max-Forwards: 4", method="OPTIONS"),),
        (passes(Seen("OPTIONS", present={"Max-Forwards": "3"})),),
        origin=False,
    )
    for text, less in (("1", "0"), ("10", "9"), ("010", "9"), ("255", "254")):
        for method in ("TRACE", "OPTIONS"):
            request = get(f"Max-Forwards: {text}", method=method)
            seen = Seen(method, present={"Max-Forwards": less})
            no = (Outcome((frozenset({405, 501}),)),) if method == "TRACE" else ()
            yield Case(f"{method} {text}", (request,), (passes(seen), *no), origin=False)
    here = Outcome((frozenset({200, 204, 405, 501}),))
    for method, target in (("TRACE", "/"), ("OPTIONS", "/"), ("OPTIONS", "*")):
        request = get("Max-Forwards: 0", method=method, target=target)
        yield Case(f"{method} {target} 0", (request,), (here,), origin=False)
    yield Case("GET 0", (get("Max-Forwards: 0"),), (passes(Seen()),), origin=False)
    for text in ("x", "-1", "", "1, 2", "1.0"):
        request = get(f"Max-Forwards: {text}", method="OPTIONS")
        outcomes = passes(Seen("OPTIONS")), REFUSED
        yield Case(f"OPTIONS malformed {text!r}", (request,), outcomes, origin=False)


def _expect() -> Iterator[Case]:
    head, body = post("Expect: 100-continue", "Content-Length: 5", body=""), b"hello"
    done = (passes(HELLO),)
    yield Case("waits", (head, body), done, waits=True)
    yield Case("doesn't wait", (head + body,), done)
    yield Case("in pieces", (head, body), done)
    capital = post("Expect: 100-Continue", "Content-Length: 5", body="")
    yield Case("other case", (capital, body), done, waits=True)
    head = post("Expect: 100-continue", "Transfer-Encoding: chunked", body="")
    chunks = b"5\r\nhello\r\n0\r\n\r\n"
    yield Case("chunked, waits", (head, chunks), done, waits=True)
    yield Case("chunked", (head + chunks,), done)
    old = raw("POST / HTTP/1.0", HOST, "Expect: 100-continue", "Content-Length: 5", body="hello")
    silent = replace(passes(HELLO, closes=True), interim=False)
    yield Case("in 1.0", (old,), (silent,))
    bodiless = (get("Expect: 100-continue"),)
    yield Case("without a body", bodiless, (passes(Seen()), refusal(400)))
    follows = (post("Expect: 100-continue", "Content-Length: 5") + get(target="/2"),)
    yield Case("then another", follows, (passes(HELLO, Seen(target="/2")),))
    no = Outcome((frozenset({417}),))
    for value in ("x", "100", "100-continue, x", "100-continue-not", "200-ok", ""):
        request = post(f"Expect: {value}", "Content-Length: 5")
        yield Case(f"unknown {value!r}", (request,), (passes(HELLO), no, refusal(400, 417)))


GROUPS = {
    "hopByHop": _hopByHop,
    "forwarding": _forwarding,
    "expect": _expect,
}
