"""
Rolling reloads of a real master under load.
"""

from __future__ import annotations

import http.client
import shutil
import signal
import tempfile
import threading
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.twistdharness import Twistd, fetch, until

LISTEN = "--listen=tcp:0:interface=127.0.0.1"

APPLICATION = """
import os

WORD = {word!r}

def application(environ, startResponse):
    body = f"{{WORD}} {{os.getpid()}}".encode()
    startResponse("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""


class Load(threading.Thread):
    """
    A client that keeps its connection and asks again and again.

    @ivar failures: what went wrong, for people.
    @ivar answers: the bodies that came, in order.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._isOver = threading.Event()
        self.failures: list[str] = []
        self.answers: list[bytes] = []

    def run(self) -> None:
        """
        Ask.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._isOver.is_set():
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                body = response.read()
                if response.status != 200:
                    self.failures.append(f"{response.status} {body!r}")
                self.answers.append(body)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
        connection.close()

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._isOver.set()
        self.join()


class ReloadTests(SynchronousTestCase):
    """
    SIGHUP, with an application whose code changes.
    """

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.write(APPLICATION.format(word="old"))

    def write(self, text: str) -> None:
        """
        @param text: of the application's module.
        """
        Path(self.folder, "reloaded.py").write_text(text)

    def start(self, *arguments: str) -> Twistd:
        """
        @param arguments: further ones.
        @return: a master that is about to serve.
        """
        words = ("--app=reloaded:application", "--sessions=none", f"--chdir={self.folder}")
        return Twistd(self, LISTEN, *words, *arguments)

    def load(self, port: int, count: int = 4) -> list[Load]:
        """
        @param port: of the master.
        @param count: how many clients.
        @return: clients that ask until the test is over.
        """
        clients = [Load(port) for _ in range(count)]
        for client in clients:
            client.start()
            self.addCleanup(client.stop)
        return clients

    def test_changedCode(self) -> None:
        """
        New code serves, no request fails, the old processes are gone.
        """
        twistd = self.start("--children=2")
        port = twistd.waitUntilReady()
        before = twistd.children()
        clients = self.load(port)
        until(lambda: all(len(client.answers) > 20 for client in clients), "some answers")
        for generation in (2, 3):
            word = f"new{generation}"
            self.write(APPLICATION.format(word=word))
            twistd.process.send_signal(signal.SIGHUP)
            twistd.waitForLog(f"generation {generation} serves")
        until(lambda: not before & twistd.children(), "the first generation to go")
        until(lambda: len(twistd.children()) == 2, "two children")
        for client in clients:
            client.stop()
            self.assertEqual(client.failures, [])
            self.assertTrue(client.answers[0].startswith(b"old"))
        self.assertTrue(fetch(port, "/").body.startswith(b"new3"))
        self.assertNotIn("crashed", twistd.log)
        self.assertEqual(twistd.stop(), 0)
        self.assertEqual(twistd.leftovers(), set())

    def test_brokenCode(self) -> None:
        """
        The old children stay, and one line says why.
        """
        twistd = self.start("--children=2")
        port = twistd.waitUntilReady()
        before = twistd.children()
        clients = self.load(port, 2)
        self.write("1/0")
        twistd.process.send_signal(signal.SIGHUP)
        line = twistd.waitForLog("keeping generation 1: generation 2 did not boot: .*")[0]
        self.assertIn("ZeroDivisionError", line)
        until(lambda: twistd.children() == before, "the failed child to go")
        for client in clients:
            client.stop()
            self.assertEqual(client.failures, [])
        self.write(APPLICATION.format(word="mended"))
        twistd.process.send_signal(signal.SIGHUP)
        twistd.waitForLog("generation 3 serves")
        self.assertTrue(fetch(port, "/").body.startswith(b"mended"))
        self.assertEqual(twistd.stop(), 0)

    def test_changedConfiguration(self) -> None:
        """
        The file is read again: what a reload can apply it applies, of the rest it tells.
        """
        file = Path(self.folder, "server.toml")
        file.write_text("children = 1\n")
        twistd = self.start(f"--config={file}")
        port = twistd.waitUntilReady()
        file.write_text("children = 3\nqueue-budget = 7\n")
        twistd.process.send_signal(signal.SIGHUP)
        twistd.waitForLog("--queue-budget has changed; that needs a restart")
        twistd.waitForLog("generation 2 serves")
        until(lambda: len(twistd.children()) == 3, "three children")
        file.write_text("children = 0\n")
        twistd.process.send_signal(signal.SIGHUP)
        twistd.waitForLog(f"reload: nothing was changed: {file}: children: '0' is not allowed")
        self.assertEqual(fetch(port, "/").status, 200)
        self.assertEqual(twistd.stop(), 0)
