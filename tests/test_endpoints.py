"""
Endpoint descriptions: made into endpoints, or refused in one line.
"""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import IReactorCore
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.endpoints import clientEndpoint, serverEndpoint, splitWeight, url
from twisted_multiserver.errors import ConfigError

# What descriptions are made of.
WORDS = [
    "tcp",
    "tcp6",
    "unix",
    "ssl",
    "tls",
    "systemd",
    "haproxy",
    ":",
    ":",
    "=",
    "=",
    "\\",
    "80",
    "port",
    "host",
    "interface",
    "backlog",
    "mode",
    "path",
    "address",
    "timeout",
    "127.0.0.1",
    "::1",
    "99999",
    "-1",
    "nonsense",
    "/",
    "\x00",
    "é",
    "\x85",
    "lockfile",
]
DESCRIPTIONS = st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map("".join))


class EndpointTestCase(SynchronousTestCase):
    """
    Asks for endpoints of a reactor that does nothing.
    """

    def setUp(self) -> None:
        """
        A reactor.
        """
        self.reactor: IReactorCore = MemoryReactor()

    def refusal(self, description: str, client: bool = False) -> str:
        """
        @param description: of an endpoint.
        @param client: whether it is to be a client's.
        @return: why it can't be one.
        """
        make = clientEndpoint if client else serverEndpoint
        error = self.assertRaises(ConfigError, make, self.reactor, description)
        source = "--backend" if client else "--listen"
        start = f"{source}: {description!r} can't be used: "
        self.assertTrue(str(error).startswith(start), str(error))
        return str(error).removeprefix(start)


class ServerEndpointTests(EndpointTestCase):
    """
    C{--listen}.
    """

    def test_kinds(self) -> None:
        """
        Each kind becomes Twisted's own.
        """
        for description, kind in (
            ("tcp:8080", TCP4ServerEndpoint),
            ("tcp:port=8080:interface=127.0.0.1", TCP4ServerEndpoint),
            ("tcp:8080:127.0.0.1:50", TCP4ServerEndpoint),
            (r"tcp:8080:interface=\:\:1", TCP4ServerEndpoint),
            ("tcp6:8080", TCP6ServerEndpoint),
            ("unix:/tmp/web.sock", UNIXServerEndpoint),
            ("unix:address=web.sock:mode=600:lockfile=0", UNIXServerEndpoint),
            (r"unix:web\:1\=2.sock", UNIXServerEndpoint),
        ):
            self.assertIsInstance(serverEndpoint(self.reactor, description), kind)

    def test_itListens(self) -> None:
        """
        Where it was told to.
        """
        reactor = MemoryReactor()
        endpoint = serverEndpoint(reactor, "tcp:8080:interface=127.0.0.1")
        self.successResultOf(endpoint.listen(Factory()))
        port, _, _, interface = reactor.tcpServers[0]
        self.assertEqual((port, interface), (8080, "127.0.0.1"))

    def test_noColon(self) -> None:
        """
        Shows how one looks.
        """
        for description in ("", "8080", "tcp", "web.sock"):
            error = self.assertRaises(ConfigError, serverEndpoint, self.reactor, description)
            self.assertEqual(
                str(error),
                f"--listen: {description!r} is no endpoint, such as tcp:8080:interface=127.0.0.1",
            )

    def test_unknownKind(self) -> None:
        """
        Names those that are known.
        """
        for kind in ("http", "TCP", "127.0.0.1", ""):
            self.assertEqual(
                self.refusal(f"{kind}:8080"),
                f"there is no endpoint type {kind!r}; use tcp, tcp6, unix, ssl, tls or systemd",
            )

    def test_port(self) -> None:
        """
        From 0 to 65535, in plain digits.
        """
        for port in ("abc", "-1", "65536", "99999", "80.0", "٣", "", " 80", "9" * 5000):
            self.assertEqual(
                self.refusal(f"tcp:{port}"),
                f"the port is {port!r}, it must be a number from 0 to 65535",
            )
            self.assertIn("the port is", self.refusal(f"tcp6:{port}"))
        self.assertEqual(
            self.refusal("tcp:interface=127.0.0.1"), "the port is missing, as in tcp:8080"
        )

    def test_interface(self) -> None:
        """
        An address; names are resolved too late, if at all.
        """
        reason = "the interface is 'localhost', it must be an IP address"
        self.assertEqual(self.refusal("tcp:80:interface=localhost"), reason)
        self.assertEqual(self.refusal("tcp6:80:interface=localhost"), reason)
        self.assertEqual(self.refusal("tcp:80:localhost"), reason)
        self.assertIn(r"a colon in a value is written \:", self.refusal("tcp:80:interface=::1"))

    def test_parameters(self) -> None:
        """
        Unknown, given twice, or too many.
        """
        self.assertEqual(self.refusal("tcp:80:mode=600"), "there is no parameter 'mode'")
        self.assertEqual(self.refusal("tcp:80:port=81"), "'port' is given twice")
        self.assertEqual(self.refusal("tcp:80:127.0.0.1:50:1"), "it has too many parts")
        self.assertIn("'x'", self.refusal("tcp:80:backlog=x"))

    def test_backslashAtTheEnd(self) -> None:
        """
        It escapes nothing.
        """
        for description in ("unix:a\\", "unix:\\", "tcp:80:interface=\\"):
            self.assertEqual(self.refusal(description), "the backslash at its end escapes nothing")

    def test_unixPath(self) -> None:
        """
        There must be one, in a folder, short enough for the kernel.
        """
        self.assertEqual(self.refusal("unix:"), "the path is missing, as in unix:/run/web.sock")
        self.assertEqual(self.refusal("unix:/nowhere/x"), "there is no folder /nowhere")
        self.assertEqual(
            self.refusal(f"unix:/tmp/{'é' * 52}"), "the path has 109 bytes, at most 107 can be used"
        )
        self.assertIsNotNone(serverEndpoint(self.reactor, f"unix:/tmp/{'x' * 102}"))

    def test_systemdWithoutSystemd(self) -> None:
        """
        Twisted says IndexError.
        """
        before = os.environ.pop("LISTEN_FDS", None)
        if before is not None:
            self.addCleanup(os.environ.__setitem__, "LISTEN_FDS", before)
        self.assertIn("systemd has passed no sockets", self.refusal("systemd:domain=INET:index=0"))

    def test_missingFiles(self) -> None:
        """
        The one that can't be read is named.
        """
        self.assertEqual(
            self.refusal("ssl:443:privateKey=/nowhere.pem"),
            "privateKey: the file /nowhere.pem can't be read",
        )
        self.assertIn("privateKey is missing", self.refusal("ssl:443"))
        self.assertIn("there is no folder '/nowhere'", self.refusal("tls:/nowhere"))
        self.assertIn("the port is 'x'", self.refusal("tls:/tmp:x"))

    @given(DESCRIPTIONS)
    def test_anything(self, description: str) -> None:
        """
        An endpoint, or one line.
        """
        try:
            serverEndpoint(self.reactor, description)
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)

    @given(st.integers(0, 65535), st.ip_addresses())
    def test_anyAddress(self, port: int, interface: object) -> None:
        """
        All ports at all addresses are fine.
        """
        shown = str(interface).replace(":", r"\:")
        endpoint = serverEndpoint(self.reactor, f"tcp:{port}:interface={shown}")
        self.assertIsInstance(endpoint, TCP4ServerEndpoint)


class ClientEndpointTests(EndpointTestCase):
    """
    C{--backend}.
    """

    def test_kinds(self) -> None:
        """
        Each kind becomes Twisted's own.
        """
        for description, kind in (
            ("tcp:10.0.0.7:80", TCP4ClientEndpoint),
            ("tcp:host=www.example.com:port=80", TCP4ClientEndpoint),
            ("tcp:www.example.com:port=80:timeout=5", TCP4ClientEndpoint),
            ("tcp:host=www.example.com:80", TCP4ClientEndpoint),
            ("unix:/run/app.sock", UNIXClientEndpoint),
            ("unix:path=/run/app.sock", UNIXClientEndpoint),
        ):
            self.assertIsInstance(clientEndpoint(self.reactor, description), kind)

    def test_noColon(self) -> None:
        """
        Shows how one looks.
        """
        error = self.assertRaises(ConfigError, clientEndpoint, self.reactor, "example.com")
        self.assertEqual(
            str(error), "--backend: 'example.com' is no endpoint, such as tcp:10.0.0.7:80"
        )

    def test_unknownKind(self) -> None:
        """
        Names those that a client can use.
        """
        for kind in ("http", "10.0.0.7", "systemd"):
            self.assertEqual(
                self.refusal(f"{kind}:80", client=True),
                f"there is no endpoint type {kind!r}; use tcp, unix, ssl or tls",
            )

    def test_hostAndPort(self) -> None:
        """
        Both are needed.
        """
        for description, reason in (
            ("tcp:", "the host is missing, as in tcp:10.0.0.7:80"),
            ("tcp::80", "the host is missing, as in tcp:10.0.0.7:80"),
            ("tcp:10.0.0.7", "the port is missing, as in tcp:10.0.0.7:80"),
            ("tls:10.0.0.7", "the port is missing, as in tls:10.0.0.7:80"),
            ("ssl:10.0.0.7", "the port is missing, as in ssl:10.0.0.7:80"),
            ("tcp:10.0.0.7:0", "the port is '0', it must be a number from 1 to 65535"),
            ("tcp:10.0.0.7:http", "the port is 'http', it must be a number from 1 to 65535"),
            ("tcp:http://x:80", "the port is '//x', it must be a number from 1 to 65535"),
            ("unix:", "the path is missing, as in unix:/run/app.sock"),
            ("tcp:10.0.0.7:80:x=1", "there is no parameter 'x'"),
        ):
            self.assertEqual(self.refusal(description, client=True), reason)

    @given(DESCRIPTIONS)
    def test_anything(self, description: str) -> None:
        """
        An endpoint, or one line.
        """
        try:
            clientEndpoint(self.reactor, description)
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)


class WeightTests(SynchronousTestCase):
    """
    The weight of a backend, which is no part of its endpoint.
    """

    def test_weight(self) -> None:
        """
        Wherever it stands among the parameters; 1 if it isn't there.
        """
        for description, expected in (
            ("tcp:a:80", ("tcp:a:80", 1)),
            ("tcp:a:80:weight=3", ("tcp:a:80", 3)),
            ("tcp:a:weight=1000:port=80", ("tcp:a:port=80", 1000)),
            ("unix:/run/x:weight=07:timeout=3", ("unix:/run/x:timeout=3", 7)),
            (r"unix:/run/x\:weight=0", (r"unix:/run/x\:weight=0", 1)),
        ):
            self.assertEqual(splitWeight(description), expected)

    def test_refused(self) -> None:
        """
        One line, which says where and what is right.
        """
        for weight in ("0", "-1", "", "1.5", "1001", "99999999999", "x", "1:weight=2", "\u0663"):
            error = self.assertRaises(ConfigError, splitWeight, f"tcp:a:80:weight={weight}")
            self.assertTrue(str(error).startswith("--backend: 'tcp:a:80:weight="), error)
            self.assertIn("a weight is a whole number from 1 to 1000", str(error))

    @given(DESCRIPTIONS)
    def test_anything(self, description: str) -> None:
        """
        A weight, or one line.
        """
        try:
            _, weight = splitWeight(description)
        except ConfigError as error:
            self.assertEqual(len(str(error).splitlines()), 1)
        else:
            self.assertTrue(1 <= weight <= 1000)


class URLTests(SynchronousTestCase):
    """
    What the log calls a listener.
    """

    def test_url(self) -> None:
        """
        Addresses of all families.
        """
        four = IPv4Address("TCP", "127.0.0.1", 8080)
        self.assertEqual(url("tcp:8080", four), "http://127.0.0.1:8080/")
        self.assertEqual(url("ssl:8080", four), "https://127.0.0.1:8080/")
        self.assertEqual(url("tls:c:8080", four), "https://127.0.0.1:8080/")
        six = IPv6Address("TCP", "::1", 80)
        self.assertEqual(url("tcp6:80", six), "http://[::1]:80/")
        self.assertEqual(url("unix:/run/s", UNIXAddress(b"/run/s")), "unix:/run/s")
