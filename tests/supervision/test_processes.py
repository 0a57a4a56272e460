"""
What /proc tells of processes and of where they listen.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.twistdharness import until
from twisted_multiserver.supervision.processes import (
    Listener,
    areListening,
    commandOf,
    listenersOf,
    membersOf,
    whoListens,
)


class ListenerTests(SynchronousTestCase):
    """
    Listening sockets, of this very process.
    """

    def shown(self) -> list[str]:
        """
        @return: where this process listens, for people.
        """
        return [str(listener) for listener in listenersOf([os.getpid()])]

    def test_internet(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self.assertIn(f"127.0.0.1:{port}", self.shown())
            self.assertEqual(whoListens("127.0.0.1", port), [os.getpid()])
            self.assertTrue(areListening([1, os.getpid()], "127.0.0.1", port))
            self.assertFalse(areListening([], "127.0.0.1", port))
            with socket.create_connection(("127.0.0.1", port)):
                self.assertEqual(self.shown().count(f"127.0.0.1:{port}"), 1)
        self.assertEqual(whoListens("127.0.0.1", port), [])
        self.assertNotIn(f"127.0.0.1:{port}", self.shown())

    def test_everywhere(self) -> None:
        with socket.create_server(("0.0.0.0", 0)) as listener:
            port = listener.getsockname()[1]
            self.assertIn(f"0.0.0.0:{port}", self.shown())
            self.assertEqual(whoListens("127.0.0.1", port), [os.getpid()])

    def test_six(self) -> None:
        if not socket.has_dualstack_ipv6():
            raise SkipTest("there is no IPv6 here")
        with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as one:
            port = one.getsockname()[1]
            self.assertIn(f"[::]:{port}", self.shown())
            self.assertEqual(whoListens("127.0.0.1", port), [os.getpid()])
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as two:
            port = two.getsockname()[1]
            self.assertIn(f"[::1]:{port}", self.shown())
            self.assertEqual(whoListens("127.0.0.1", port), [])

    def test_unix(self) -> None:
        """
        Streams that listen, not datagrams, whatever the path has in it.
        """
        folder = tempfile.mkdtemp(prefix="ms x")
        self.addCleanup(shutil.rmtree, folder)
        kind = socket.SOCK_STREAM
        with (
            socket.socket(socket.AF_UNIX, kind) as listener,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other,
        ):
            listener.bind(f"{folder}/s t")
            other.bind(f"{folder}/d")
            self.assertNotIn(f"unix:{folder}/s t", self.shown())
            listener.listen()
            self.assertIn(f"unix:{folder}/s t", self.shown())
            self.assertNotIn(f"unix:{folder}/d", self.shown())

    def test_reach(self) -> None:
        for address, reached in (("127.0.0.1", True), ("::", True), ("10.0.0.1", False)):
            self.assertIs(Listener("1", address, 80).isReachedBy("127.0.0.1", 80), reached)
        self.assertFalse(Listener("1", "0.0.0.0", 81).isReachedBy("127.0.0.1", 80))


class MemberTests(SynchronousTestCase):
    """
    Who belongs to an incarnation.
    """

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        """
        @return: a process in a session of its own, ended with the test.
        """
        process = subprocess.Popen(
            ["sleep", "1000"], env={**os.environ, **environment}, start_new_session=True
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        # The kernel tells that it runs before /proc has its words.
        until(lambda: commandOf(process.pid) == "sleep 1000", "its command line")
        return process

    def test_members(self) -> None:
        """
        By the group, by the cookie; and nobody who is dead.
        """
        mark = uuid.uuid4().hex
        leader, strayed = self.start(), self.start(MARK=f"{mark}:1")
        self.start(MARK=f"{mark}:12")
        cookie = f"MARK={mark}:1"
        self.assertEqual(set(membersOf(leader.pid, cookie)), {leader.pid, strayed.pid})
        leader.kill()
        os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
        # A zombie now.
        self.assertEqual(membersOf(leader.pid, cookie), [strayed.pid])

    def test_command(self) -> None:
        process = self.start()
        self.assertIn(os.path.basename(sys.argv[0]), commandOf(os.getpid()))
        process.kill()
        process.wait()
        self.assertEqual(commandOf(process.pid), "")
        self.assertEqual(listenersOf([process.pid]), [])
