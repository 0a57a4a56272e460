"""
What a master does about its store: at its start, in the demo, and while the store is away.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import sqlite3
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.test_sessions_shared import Browser
from tests.integration.twistdharness import PATIENCE, Twistd, until
from tests.stores.mongoserver import freePort

LISTEN = "--listen=tcp:0:interface=127.0.0.1"


def visits(page: str) -> int:
    """
    @param page: the demo's.
    @return: what it tells.
    """
    return int(page.partition('data-fact="visits">')[2].partition("<")[0])


class DemoTests(SynchronousTestCase):
    """
    The demo counts visits in the session.
    """

    def test_survives(self) -> None:
        """
        A crash, a reload, and a restart of the master.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        state = f"--state-dir={folder}"
        twistd = Twistd(self, LISTEN, "--children=2", state)
        port = twistd.waitUntilReady()
        browser = Browser(port)
        for count in range(1, 5):
            self.assertEqual(visits(browser.ask("/")[1]), count)
        before = twistd.children()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(twistd.children() - before) == 2, "other children")
        self.assertEqual(visits(browser.ask("/")[1]), 5)
        twistd.process.send_signal(signal.SIGHUP)
        twistd.waitForLog("generation 2 serves")
        self.assertEqual(visits(browser.ask("/")[1]), 6)
        self.assertEqual(twistd.stop(), 0)
        again = Twistd(self, LISTEN, "--children=1", state)
        browser = Browser(again.waitUntilReady(), browser.cookie)
        self.assertEqual(visits(browser.ask("/")[1]), 7)
        self.assertEqual(again.stop(), 0)
        self.assertEqual(os.stat(Path(folder, "sessions.sqlite")).st_mode & 0o777, 0o600)

    def test_without(self) -> None:
        """
        Without sessions each child counts what it has served.
        """
        twistd = Twistd(self, LISTEN, "--children=1", "--sessions=none")
        browser = Browser(twistd.waitUntilReady())
        self.assertEqual(visits(browser.ask("/")[1]), 1)
        self.assertIsNone(browser.cookie)
        self.assertEqual(twistd.stop(), 0)


class OptionTests(SynchronousTestCase):
    """
    What is said of the cookie.
    """

    def cookie(self, port: int, target: str = "/", **fields: str) -> str:
        """
        @return: what is set.
        """
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", target, headers=fields)
        response = connection.getresponse()
        self.assertEqual(response.status, 200)
        return response.getheader("Set-Cookie", "")

    def test_names(self) -> None:
        """
        By TLS it is for TLS only.
        """
        twistd = Twistd(self, LISTEN, "--children=1", "--trusted-proxy=127.0.0.1")
        port = twistd.waitUntilReady()
        secure = self.cookie(port, **{"X-Forwarded-Proto": "https"})
        self.assertRegex(
            secure, r"^__Host-sid=[\w-]{43}; .*Path=/; Secure; HttpOnly; SameSite=Lax$"
        )
        plain = self.cookie(port)
        self.assertRegex(plain, r"^sid=[\w-]{43}; .*Path=/; HttpOnly; SameSite=Lax$")
        self.assertEqual(twistd.stop(), 0)

    def test_options(self) -> None:
        """
        Another name, another age, and paths without.
        """
        words = ("--session-cookie=visitor", "--session-age=120", "--session-except=/status")
        twistd = Twistd(self, LISTEN, "--children=1", *words)
        port = twistd.waitUntilReady()
        self.assertRegex(self.cookie(port), r"^visitor=[\w-]{43}; Max-Age=120;")
        self.assertEqual(self.cookie(port, "/status"), "")
        self.assertEqual(twistd.stop(), 0)


class StartTests(SynchronousTestCase):
    """
    What can't be had is told at the start.
    """

    def refused(self, *arguments: str, **environment: str) -> str:
        """
        @param arguments: of a master.
        @return: the one line that it ends with.
        """
        twistd = Twistd(self, LISTEN, "--children=1", *arguments, **environment)
        self.assertEqual(twistd.process.wait(PATIENCE), 1, twistd.log)
        (line,) = twistd.errors.splitlines()
        self.assertNotIn("Traceback", twistd.log)
        self.assertNotIn("sesame", line + twistd.log)
        until(lambda: not twistd.leftovers(), "its children to go")
        return line

    def test_badURIs(self) -> None:
        """
        One line for each.
        """
        for uri, reason in (
            ("sesame", "begins with its kind"),
            ("reddis://:sesame@h/0", "there is no kind of store 'reddis'"),
            ("redis://:sesame@h:99999/0", "port"),
            ("redis://:sesame@h/0?pol=3", "there is no option 'pol'"),
            ("sqlite:///nowhere/at/all", "/nowhere/at/all"),
            ("memcached://", "memcached"),
        ):
            self.assertIn(reason, self.refused(MULTISERVER_SESSIONS=uri), uri)

    def test_files(self) -> None:
        """
        The URI and the keys can be in files that nobody else can read.
        """
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        file = folder / "uri"
        file.write_text("redis://:sesame@127.0.0.1/0")
        os.chmod(file, 0o644)
        self.assertIn("others can read", self.refused(f"--sessions-file={file}"))
        os.chmod(file, 0o600)
        file.write_text("\n\n")
        self.assertIn("is empty", self.refused(f"--sessions-file={file}"))
        self.assertIn("can't be read", self.refused(f"--sessions-file={folder}/none"))
        file.write_text("sesame\n")
        self.assertIn("hexadecimal", self.refused(f"--sessions-key-file={file}"))

    def test_encrypted(self) -> None:
        """
        Nothing that is stored is in clear text, and keys can be exchanged: the first encrypts,
        all open.
        """
        folder = Path(tempfile.mkdtemp(prefix="ms-"))
        self.addCleanup(shutil.rmtree, folder)
        file = folder / "keys"
        file.touch(0o600)
        cookie, marks = None, []
        old, new = "00" * 32, "11" * 32
        for count, keys in enumerate(([old], [new, old], [new]), 1):
            file.write_text("\n".join(keys))
            twistd = Twistd(
                *(self, LISTEN, "--children=1", f"--state-dir={folder}"),
                f"--sessions-key-file={file}",
            )
            browser = Browser(twistd.waitUntilReady(), cookie)
            self.assertEqual(visits(browser.ask("/")[1]), count)
            cookie = browser.cookie
            self.assertEqual(twistd.stop(), 0)
            connection = sqlite3.connect(folder / "sessions.sqlite")
            self.addCleanup(connection.close)
            [(value,)] = connection.execute("SELECT v FROM f").fetchall()
            # A version, a key's mark, a nonce, one digit, a tag.
            self.assertEqual((value[0], len(value)), (1, 1 + 4 + 12 + 1 + 16))
            marks.append(value[1:5])
        self.assertNotEqual(marks[0], marks[1])
        self.assertEqual(marks[1], marks[2])

    def test_unreachable(self) -> None:
        """
        One line and exit 1; or service without sessions.
        """
        uri = f"redis://:sesame@127.0.0.1:{freePort()}/0"
        self.assertIn("--sessions: ", self.refused(MULTISERVER_SESSIONS=uri))
        twistd = Twistd(
            self, LISTEN, "--children=1", "--sessions-optional", MULTISERVER_SESSIONS=uri
        )
        port = twistd.waitUntilReady()
        twistd.waitForLog("serving without sessions for now")
        browser = Browser(port, "sid=" + "A" * 43)
        status, page = browser.ask("/")
        self.assertEqual((status, visits(page)), (200, 0))
        self.assertEqual(twistd.stop(), 0)

    def test_untouched(self) -> None:
        """
        A store that fails takes down no request that touches no session.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        twistd = Twistd(self, LISTEN, "--children=1", f"--state-dir={folder}")
        port = twistd.waitUntilReady()
        for name in os.listdir(folder):
            os.unlink(f"{folder}/{name}")
        Path(folder, "sessions.sqlite").write_bytes(b"no database at all" * 1000)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/crash")
        self.assertEqual(connection.getresponse().status, 405)
        self.assertEqual(twistd.stop(), 0)
