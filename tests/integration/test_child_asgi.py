"""
Children that serve ASGI: Starlette and Django, with and without uvloop.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from websockets.sync.client import unix_connect

from tests.integration.childharness import APPLICATIONS, LaunchedChild

MISSING = "raise ImportError('not installed here')\n"


def folderWithout(test: SynchronousTestCase, *modules: str) -> str:
    """
    Make a copy of the applications' folder where modules can't be imported.
    """
    folder = Path(tempfile.mkdtemp(prefix="applications"))
    test.addCleanup(shutil.rmtree, folder)
    for source in APPLICATIONS.glob("*.py"):
        shutil.copy(source, folder)
    for module in modules:
        (folder / f"{module}.py").write_text(MISSING)
    return str(folder)


class StarletteTests(SynchronousTestCase):
    """
    A real Starlette application.
    """

    def start(self, name: str = "starlettesite.app", kind: str = "auto") -> LaunchedChild:
        return LaunchedChild(self, name, kind=kind).ready()

    def test_view(self) -> None:
        """
        The scope is the client's view, and the lifespan's state is there.
        """
        self.assertEqual(
            self.start().request("/view").json(),
            {
                "client": "203.0.113.9",
                "scheme": "https",
                "url": "https://www.example.com/view",
                "root": "",
                "path": "/view",
                "server": ["www.example.com", 443],
                "link": "https://www.example.com/view",
                "given": "by lifespan",
                "loop": "uvloop",
            },
        )

    def test_withoutUvloop(self) -> None:
        """
        Where uvloop isn't installed, asyncio's own loop does.
        """
        child = LaunchedChild(
            self, "starlettesite.app", chdir=folderWithout(self, "uvloop")
        ).ready()
        self.assertEqual(child.request("/view").json()["loop"], "asyncio.unix_events")
        self.assertEqual(child.stop(), 0)
        self.assertEqual(child.stderr(), "lifespan begins\nlifespan ends\n")

    def test_withoutUvicorn(self) -> None:
        """
        Where uvicorn isn't installed, one line says what to install.
        """
        folder = folderWithout(self)
        # A finder that finds nothing, as if it weren't there at all.
        Path(folder, "without.py").write_text(
            "import sys\n"
            "class Nothing:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            "        if name == 'uvicorn':\n"
            "            sys.path_importer_cache.clear()\n"
            "            sys.path[:] = []\n"
            "sys.meta_path.insert(0, Nothing())\n"
            "async def app(scope, receive, send): pass\n"
        )
        child = LaunchedChild(self, "without.app", chdir=folder)
        self.assertEqual(child.wait(), 78)
        self.assertEqual(
            child.message()["reason"],
            "without.app: an ASGI application needs uvicorn; install twisted_multiserver[asgi]",
        )

    def test_prefix(self) -> None:
        """
        A stripped prefix is the root path, and the path includes it.
        """
        seen = self.start().request("/view", X_Forwarded_Prefix="/app").json()
        self.assertEqual((seen["root"], seen["path"]), ("/app", "/app/view"))
        self.assertEqual(seen["url"], "https://www.example.com/app/view")
        self.assertEqual(seen["link"], "https://www.example.com/app/view")

    def test_redirect(self) -> None:
        """
        Redirects lead to the client's side of the world.
        """
        self.assertEqual(
            self.start().request("/leave", X_Forwarded_Prefix="/app").headers["location"],
            "https://www.example.com/app/view",
        )

    def test_bodies(self) -> None:
        """
        Bodies with a length and chunked ones.
        """
        child = self.start()
        self.assertEqual(child.request("/upload", "POST", b"x" * 300_000).body, b"300000")
        chunked = (b"x" * 1000 for _ in range(300))
        self.assertEqual(
            child.request("/upload", "POST", chunked).body,
            b"300000",
        )

    def test_garbage(self) -> None:
        """
        Forwarded fields that can't be read are no error.
        """
        seen = (
            self.start()
            .request(
                "/view", X_Forwarded_For="!", X_Forwarded_Proto="gopher", X_Forwarded_Host="a b"
            )
            .json()
        )
        self.assertEqual((seen["scheme"], seen["server"]), ("http", ["localhost", 80]))

    def test_clientGone(self) -> None:
        """
        The application hears of a client that has gone.
        """
        child = self.start()
        connection = child.connect()
        connection.sendall(b"GET /hear HTTP/1.1\r\nHost: h\r\n\r\n")
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()
        child.stderrUntil("client gone")

    def test_lifespan(self) -> None:
        """
        Startup comes before READY, shutdown after SIGTERM; the exit status is 0.
        """
        child = self.start()
        child.stderrUntil("lifespan begins")
        self.assertEqual(child.stop(), 0)
        self.assertEqual(child.stderr(), "lifespan begins\nlifespan ends\n")

    def test_lifespanFails(self) -> None:
        """
        A lifespan that doesn't start is a crash at boot, with its reason.
        """
        child = LaunchedChild(self, "starlettesite.failing")
        self.assertEqual(child.wait(), 1)
        message = child.message()
        self.assertEqual(message["type"], "bootFailed")
        self.assertEqual(
            message["reason"],
            "lifespan startup failed: RuntimeError: no database for the lifespan",
        )
        self.assertIn("in _failing", str(message["traceback"]))
        self.assertEqual(child.stderr(), "")

    def test_webSocket(self) -> None:
        """
        A WebSocket is accepted on the child's own socket, and sees its client.
        """
        child = self.start()
        fields = {
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "www.example.com",
        }
        with unix_connect(
            child.socketPath, "ws://www.example.com/echo", additional_headers=fields
        ) as webSocket:
            self.assertEqual(webSocket.recv(), "wss://www.example.com/echo 203.0.113.9")
            webSocket.send("hello")
            self.assertEqual(webSocket.recv(), "HELLO")
            self.assertEqual(child.stop(), 0)

    def test_factories(self) -> None:
        """
        Under C{asgi}, factories may make the application, coroutine functions too.
        """
        for name in ("factory", "coroutineFactory"):
            child = self.start(f"starlettesite:{name}", "asgi")
            self.assertEqual(child.request("/view").status, 200)

    def test_factoryUnderAuto(self) -> None:
        """
        Otherwise the reactor is chosen too early for that, and the reason says so.
        """
        child = LaunchedChild(self, "starlettesite:factory")
        self.assertEqual(child.wait(), 78)
        self.assertEqual(
            child.message()["reason"],
            "starlettesite:factory returned an ASGI application; use --app-kind=asgi",
        )


class DjangoTests(SynchronousTestCase):
    """
    A real Django project, by ASGI; it knows no lifespan.
    """

    def test_view(self) -> None:
        """
        Address, scheme, port and absolute URLs are the client's.
        """
        child = LaunchedChild(self, "djangosite.asgi").ready()
        self.assertEqual(
            child.request("/view/", X_Forwarded_Prefix="/app").json(),
            {
                "client": "203.0.113.9",
                "scheme": "https",
                "port": "443",
                "url": "https://www.example.com/app/view/",
                "link": "https://www.example.com/app/view/",
            },
        )
        self.assertEqual(child.request("/upload/", "POST", b"x" * 9999).body, b"9999")
        self.assertEqual(
            child.request("/leave/").headers["location"], "https://www.example.com/view/"
        )
        self.assertEqual(child.stop(), 0)
        self.assertEqual(child.stderr(), "")


class ReactorTests(SynchronousTestCase):
    """
    The reactor is chosen before anything imports one.
    """

    def test_moduleImportsReactor(self) -> None:
        """
        An application that imports the reactor needs the kind to be said.
        """
        child = LaunchedChild(self, "asgireactor.app")
        self.assertEqual(child.wait(), 78)
        self.assertIn("use --app-kind=asgi", str(child.message()["reason"]))
        self.assertEqual(child.stderr(), "")

    def test_kindSaid(self) -> None:
        """
        Then it imports the asyncio reactor.
        """
        child = LaunchedChild(self, "asgireactor.app", kind="asgi").ready()
        self.assertEqual(child.request().body, b"AsyncioSelectorReactor")

    def test_subprocesses(self) -> None:
        """
        spawnProcess hears of its processes' ends, under uvloop and without.
        """
        for folder in (str(APPLICATIONS), folderWithout(self, "uvloop")):
            child = LaunchedChild(self, "asgireactor.spawning", kind="asgi", chdir=folder).ready()
            self.assertEqual(child.request().body, b"7")
