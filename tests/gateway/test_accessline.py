"""
Lines of the access log: what a client sends comes back as it was, and forges nothing.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.gateway.accessline import AccessRecord, combinedLine, jsonLine

RECORD = AccessRecord(
    clientAddress="203.0.113.7",
    startedAt=1000000000.25,
    method=b"GET",
    target=b"/reports?year=2000",
    version=b"HTTP/1.1",
    status=200,
    bytesSent=5120,
    referer=b"https://www.example.com/",
    agent=b"Mozilla/5.0 (X11; Linux x86_64)",
    host=b"www.example.com",
    backend="child 1",
    seconds=0.0123456,
    tries=1,
    ending="whole",
)

# As log analysers have it, who know nothing of escapes.
COMBINED = re.compile(
    rb"(\S+) (\S+) (\S+) \[(\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    rb'"(\S*) (\S*) (\S*)" (\d+) (\d+) "([^"]*)" "([^"]*)"\n'
)

# Not only any bytes: also what lines are made of.
_pieces = st.sampled_from(
    [b'"', b"\\", b"\\x22", b" ", b"\n", b"\r\n", b"\0", b"\x7f", b"\x80", b"\xc3\xbc", b'","a":"']
)
_bytes = st.binary(max_size=20) | st.lists(_pieces | st.binary(max_size=5), max_size=8).map(
    b"".join
)
_text = st.text(max_size=20) | st.text(alphabet='"\\ \n\ud800\udcff\x85\u2028ü😀', max_size=8)

records = st.builds(
    AccessRecord,
    clientAddress=st.none() | _text,
    startedAt=st.floats(0, 4e9),
    method=_bytes,
    target=_bytes,
    version=_bytes,
    status=st.integers(100, 599),
    bytesSent=st.integers(0, 2**63),
    referer=st.none() | _bytes,
    agent=st.none() | _bytes,
    host=_bytes,
    backend=st.none() | _text,
    seconds=st.floats(0, 1e6),
    tries=st.integers(0, 10),
    ending=st.sampled_from(["whole", "cut", "clientGone"]),
)


def unescaped(part: bytes) -> bytes:
    """
    @param part: of a line in the Combined format.
    @return: what it was made of.
    """
    return re.sub(rb"\\x([0-9A-F]{2})", lambda match: bytes([int(match[1], 16)]), part)


class ZoneCase(SynchronousTestCase):
    """
    May be somewhere else.
    """

    def travel(self, zone: str) -> None:
        """
        Go to another time zone until the test's end.
        """
        before = os.environ.get("TZ")

        def back() -> None:
            os.environ.pop("TZ", None)
            if before is not None:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(back)
        os.environ["TZ"] = zone
        time.tzset()


class CombinedTests(ZoneCase):
    """
    L{combinedLine}.
    """

    def test_line(self) -> None:
        """
        As Apache httpd would write it.
        """
        self.travel("PST8PDT,M4.1.0,M10.5.0")
        self.assertEqual(
            combinedLine(replace(RECORD, startedAt=971211336.25)),
            b'203.0.113.7 - - [10/Oct/2000:13:55:36 -0700] "GET /reports?year=2000 HTTP/1.1"'
            b' 200 5120 "https://www.example.com/" "Mozilla/5.0 (X11; Linux x86_64)"\n',
        )

    def test_zoneChanges(self) -> None:
        """
        Winter comes within a second.
        """
        self.travel("CET-1CEST,M3.5.0,M10.5.0/3")
        change = 1130634000
        for at, expected in [
            (change - 0.001, b"[30/Oct/2005:02:59:59 +0200]"),
            (change, b"[30/Oct/2005:02:00:00 +0100]"),
        ]:
            self.assertIn(expected, combinedLine(replace(RECORD, startedAt=at)))

    def test_nothing(self) -> None:
        """
        What there isn't is a dash; a field that is there and empty isn't.
        """
        line = combinedLine(replace(RECORD, clientAddress=None, referer=None, agent=b""))
        self.assertTrue(line.startswith(b"- - - ["), line)
        self.assertTrue(line.endswith(b' "-" ""\n'), line)

    def test_escapes(self) -> None:
        """
        Quote, backslash, controls and all beyond ASCII; a space only where it would end a part.
        """
        line = combinedLine(replace(RECORD, target=b'/a b"\\\n', agent=b'a b"\\\n\x7f\xff'))
        self.assertIn(rb'"GET /a\x20b\x22\x5C\x0A HTTP/1.1"', line)
        self.assertTrue(line.endswith(b' "a b\\x22\\x5C\\x0A\\x7F\\xFF"\n'), line)

    def test_address(self) -> None:
        """
        Text of all kinds, though it should be an address.
        """
        for address, expected in [
            ("2001:db8::7", b"2001:db8::7 - - ["),
            ("", b"- - - ["),
            ("a b", rb"a\x20b - - ["),
            ('"\n', rb"\x22\x0A - - ["),
            ("é", rb"\xC3\xA9 - - ["),
            ("\ud800", rb"\xED\xA0\x80 - - ["),
        ]:
            line = combinedLine(replace(RECORD, clientAddress=address))
            self.assertTrue(line.startswith(expected), line)

    def test_everyByte(self) -> None:
        """
        In every part that a client can choose, each byte alone.
        """
        for byte in range(256):
            value = bytes([byte])
            isPlain = 0x20 <= byte < 0x7F and value not in (b'"', b"\\")
            escaped = b"\\x%02X" % byte
            for line, place, isWord in [
                (combinedLine(replace(RECORD, method=value)), 5, True),
                (combinedLine(replace(RECORD, target=value)), 6, True),
                (combinedLine(replace(RECORD, version=value)), 7, True),
                (combinedLine(replace(RECORD, referer=value)), 10, False),
                (combinedLine(replace(RECORD, agent=value)), 11, False),
            ]:
                match = COMBINED.fullmatch(line)
                assert match is not None, line
                stays = isPlain and not (isWord and value == b" ")
                self.assertEqual(match[place], value if stays else escaped)

    @given(records)
    def test_anything(self, record: AccessRecord) -> None:
        """
        One line of printable ASCII, whose parts are what went in.
        """
        line = combinedLine(record)
        self.assertRegex(line, rb"\A[ -~]*\n\Z")
        match = COMBINED.fullmatch(line)
        assert match is not None, line
        address = (record.clientAddress or "-").encode("utf-8", "surrogatepass")
        self.assertEqual(
            [unescaped(match[place]) for place in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11)],
            [
                address,
                b"-",
                b"-",
                record.method,
                record.target,
                record.version,
                b"%d" % record.status,
                b"%d" % record.bytesSent,
                b"-" if record.referer is None else record.referer,
                b"-" if record.agent is None else record.agent,
            ],
        )
        at = datetime.strptime(match[4].decode(), "%d/%b/%Y:%H:%M:%S %z")
        self.assertEqual(at.timestamp(), int(record.startedAt))


class JSONTests(ZoneCase):
    """
    L{jsonLine}.
    """

    def test_line(self) -> None:
        """
        In UTC wherever it is written.
        """
        self.travel("PST8PDT,M4.1.0,M10.5.0")
        self.assertEqual(
            jsonLine(replace(RECORD, startedAt=971211336.25)),
            b'{"time":"2000-10-10T20:55:36.250Z","client":"203.0.113.7","method":"GET",'
            b'"target":"/reports?year=2000","version":"HTTP/1.1","status":200,"bytes":5120,'
            b'"referer":"https://www.example.com/","agent":"Mozilla/5.0 (X11; Linux x86_64)",'
            b'"host":"www.example.com","backend":"child 1","seconds":0.012346,"tries":1,'
            b'"ending":"whole"}\n',
        )

    @given(records)
    def test_anything(self, record: AccessRecord) -> None:
        """
        One line of printable ASCII, that is read as what went in.
        """
        line = jsonLine(record)
        self.assertRegex(line, rb"\A[ -~]*\n\Z")

        def read(value: bytes | None) -> str | None:
            return None if value is None else value.decode("latin-1")

        facts = json.loads(line, parse_constant=self.fail)
        at = datetime.fromisoformat(facts.pop("time"))
        self.assertIs(at.tzinfo, UTC)
        # The first is cut, the second rounded; and floats are what they are.
        self.assertLess(abs(at.timestamp() - record.startedAt), 0.001001)
        self.assertLess(abs(facts.pop("seconds") - record.seconds), 0.000001)
        self.assertEqual(
            facts,
            {
                "client": _paired(record.clientAddress),
                "method": read(record.method),
                "target": read(record.target),
                "version": read(record.version),
                "status": record.status,
                "bytes": record.bytesSent,
                "referer": read(record.referer),
                "agent": read(record.agent),
                "host": read(record.host),
                "backend": _paired(record.backend),
                "tries": record.tries,
                "ending": record.ending,
            },
        )


class PageTests(ZoneCase):
    """
    What the manual shows.
    """

    page = (Path(__file__).parents[2] / "docs" / "howto" / "log-requests.md").read_text()
    shown = AccessRecord(
        clientAddress="192.0.2.1",
        startedAt=1795460239.6475,
        method=b"GET",
        target=b"/a?b=c",
        version=b"HTTP/1.1",
        status=200,
        bytesSent=13,
        referer=None,
        agent=b"curl/7.88.1",
        host=b"www.example.com",
        backend="child 1",
        seconds=0.004877,
        tries=1,
        ending="whole",
    )

    def test_examples(self) -> None:
        """
        The lines are those that would be written.
        """
        self.travel("UTC0")
        for line in (combinedLine(self.shown), jsonLine(self.shown)):
            self.assertIn(f"\n`{line.decode().rstrip()}`\n", self.page)

    def test_keys(self) -> None:
        """
        The table has each key, and no other.
        """
        rows = re.findall(r"^\| (`.*?`) \|", self.page, re.MULTILINE)
        keys = [key for row in rows for key in re.findall("`([a-z]+)`", row)]
        self.assertEqual(sorted(keys), sorted(json.loads(jsonLine(self.shown))))


def _paired(text: str | None) -> str | None:
    """
    Two halves of a surrogate pair that stand side by side are one character to JSON.
    """
    if text is None:
        return None
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
