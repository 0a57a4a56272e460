"""
Masters with many connections, and with more than they may have.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.test_reload import Load
from tests.integration.twistdharness import Twistd, fetch, until

LISTEN = "--listen=tcp:0:interface=127.0.0.1"
NO_SESSIONS = "--sessions=none"

MANY = 10_000
# What this process needs besides, and what a master does.
_OTHERS = 200

_REQUEST = b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n"


def opened(port: int) -> socket.socket:
    """
    @param port: of a master.
    @return: a connection to it.
    """
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def readableOf(connections: list[socket.socket]) -> set[int]:
    """
    @param connections: any number of them.
    @return: the descriptors of those that can be read at this moment.
    """
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(0)}


class IdleTests(SynchronousTestCase):
    """
    Connections that are kept.
    """

    def setUp(self) -> None:
        self.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = self.limits[1]
        self.count = MANY if most == resource.RLIM_INFINITY else min(MANY, most - _OTHERS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.count + _OTHERS, most))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, self.limits)

    def test_deaths(self) -> None:
        """
        Children die, others are served, and none of the idle connections is lost.
        """
        twistd = Twistd(self, LISTEN, NO_SESSIONS, "--children=2", "--idle-budget=600")
        port = twistd.waitUntilReady()
        idle: list[socket.socket] = []
        for _ in range(self.count):
            idle.append(opened(port))
            self.addCleanup(idle[-1].close)
        client = Load(port)
        client.start()
        self.addCleanup(client.stop)
        for deaths in range(1, 4):
            os.kill(int(json.loads(fetch(port, "/status").body)["pid"]), signal.SIGKILL)
            twistd.waitForLog(rf"(?s)(?: ready \(generation.*?){{{2 + deaths}}}")
        client.stop()
        self.assertEqual(client.failures, [])
        self.assertEqual(readableOf(idle), set())
        for connection in idle[:: self.count // 50]:
            connection.sendall(_REQUEST)
            self.assertTrue(connection.recv(65536).startswith(b"HTTP/1.1 200 "))


class ShortageTests(SynchronousTestCase):
    """
    A master that has as many descriptors as it may have.
    """

    def test_pausesAndResumes(self) -> None:
        """
        Whoever is connected is served; who comes later waits until others have left.  The
        log says it once.
        """
        twistd = Twistd(self, LISTEN, NO_SESSIONS, "--children=1")
        port = twistd.waitUntilReady()
        # Stays connected, so that none that is about to be closed is counted.
        first = opened(port)
        self.addCleanup(first.close)
        first.sendall(_REQUEST)
        self.assertTrue(first.recv(65536).startswith(b"HTTP/1.1 200 "))
        inUse = len(os.listdir(f"/proc/{twistd.process.pid}/fd"))
        # An eighth is kept for backends and children.
        limit = (inUse + 20) * 8 // 7
        resource.prlimit(twistd.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
        clients = [opened(port) for _ in range(60)]
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(_REQUEST)
        twistd.waitForLog("file descriptors .ulimit -n. almost all are open")
        answered = until(partial(self.answered, clients), "the first to be served")
        self.assertTrue(len(answered) <= 20, len(answered))
        waiting = [client for client in clients if client not in answered]
        while waiting:
            for client in answered:
                client.close()
            answered = until(partial(self.answered, waiting), "further clients to be served")
            waiting = [client for client in waiting if client not in answered]
        self.assertEqual(len(self.complaints(twistd)), 1, twistd.log)
        self.assertNotIn("Traceback", twistd.log)
        for client in answered:
            client.close()
        self.assertEqual(fetch(port, "/status").status, 200)
        self.assertEqual(twistd.stop(), 0)

    def complaints(self, twistd: Twistd) -> list[str]:
        """
        @param twistd: a master.
        @return: the lines of its log that are about descriptors.
        """
        return [line for line in twistd.log.splitlines() if "descriptor" in line]

    def answered(self, clients: list[socket.socket]) -> list[socket.socket]:
        """
        @param clients: have asked.
        @return: those that have an answer.
        """
        readable = readableOf(clients)
        return [client for client in clients if client.fileno() in readable]
