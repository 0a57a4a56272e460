"""
What is built from a checkout, installed beside Twisted, and removed again.

Nothing is downloaded: a new environment has a copy of Twisted, and finds what Twisted
needs in the environment that the tests run in.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted
from tests.integration.twistdharness import PATIENCE, cleanEnvironment, fetch, until
from twisted_multiserver import __version__

ROOT = Path(__file__).parent.parent.parent
NAME = f"twisted_multiserver-{__version__}"
PLUGIN = "twisted/plugins/multiserver_plugin.py"

# What is in a checkout and not in git.
_NOT_OURS = shutil.ignore_patterns(
    ".*", "_trial_temp*", "__pycache__", "*.egg-info", "build", "dist", "_build", "dropin.cache",
    "multiserver-state", "node_modules",
)  # fmt: skip


def environmentOfCommands(**changes: str) -> dict[str, str]:
    """
    @param changes: variables to set.
    @return: an environment in which the checkout is nowhere, as it is in the path of
        trial's workers.
    """
    return cleanEnvironment(PYTHONPATH="", **changes)


def run(command: list[str | Path], folder: Path) -> str:
    """
    @param command: a command line that must succeed.
    @param folder: where it is run.
    @return: what it wrote to stdout.
    """
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environmentOfCommands(PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INDEX="1"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise AssertionError(f"{command}: {ended.stdout}\n{ended.stderr}")
    return ended.stdout


@functools.cache
def temporary() -> tempfile.TemporaryDirectory[str]:
    """
    @return: a folder that goes with this process.
    """
    return tempfile.TemporaryDirectory(prefix="ms-")


def copyOfCheckout(name: str) -> Path:
    """
    @param name: of a new folder.
    @return: the folder, with a copy of the checkout.
    """
    copy = Path(temporary().name) / name
    shutil.copytree(ROOT, copy, ignore=_NOT_OURS)
    return copy


@functools.cache
def built() -> tuple[Path, Path]:
    """
    @return: an sdist, and a wheel that was built from it.
    """
    copy = copyOfCheckout("build")
    run([sys.executable, "-m", "build", "--no-isolation"], copy)
    return copy / "dist" / f"{NAME}.tar.gz", copy / "dist" / f"{NAME}-py3-none-any.whl"


def ourFiles(*suffixes: str) -> set[str]:
    """
    @param suffixes: such as C{".py"}.
    @return: the package's files in the checkout, relative to it.
    """
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "twisted_multiserver").rglob("*")
        if path.suffix in suffixes
    }


class Environment:
    """
    A virtual environment with Twisted.

    @ivar folder: an empty one, to run commands in.
    """

    def __init__(self, test: SynchronousTestCase) -> None:
        """
        @param test: at whose end it is removed.
        """
        self._root = Path(tempfile.mkdtemp(prefix="ms-"))
        test.addCleanup(shutil.rmtree, self._root)
        self.folder = self._root / "empty"
        self.folder.mkdir()
        venv.create(self._root / "venv", symlinks=True)
        self.python = self._root / "venv" / "bin" / "python"
        self.packages = Path(
            sysconfig.get_path("purelib", "venv", {"base": str(self._root / "venv")})
        )
        source = Path(twisted.__file__).parent
        shutil.copytree(
            source,
            self.packages / "twisted",
            ignore=shutil.ignore_patterns(
                "__pycache__", "test", "multiserver_plugin.py", "*.cache"
            ),
        )
        paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        (self.packages / "others.pth").write_text("\n".join(sorted(paths)))

    def files(self) -> dict[str, str]:
        """
        @return: digests of all installed files by their names, without caches.
        """
        return {
            str(path.relative_to(self.packages)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in self.packages.rglob("*")
            if path.is_file() and path.suffix != ".pyc" and path.name != "dropin.cache"
        }

    def pip(self, *words: str | Path) -> None:
        """
        @param words: of the command line.
        """
        run([sys.executable, "-m", "pip", "--python", self.python, *words], self.folder)

    def twistdCommand(self, *words: str) -> list[str | Path]:
        """
        @param words: of its command line.
        @return: a command line of this environment's twistd.
        """
        return [self.python, "-c", "from twisted.scripts.twistd import run; run()", *words]

    def twistd(self, *words: str) -> str:
        """
        @param words: of the command line.
        @return: what it wrote to stdout.
        """
        return run(self.twistdCommand(*words), self.folder)


class ContentTests(SynchronousTestCase):
    """
    What is in them.
    """

    def test_wheel(self) -> None:
        """
        The package, its data and the plugin, and nothing of Twisted's or the
        checkout's.
        """
        with zipfile.ZipFile(built()[1]) as wheel:
            names = {name for name in wheel.namelist() if ".dist-info/" not in name}
            metadata = wheel.read(f"{NAME}.dist-info/METADATA").decode()
        self.assertEqual(names, {*ourFiles(".py", ".html", ".typed"), PLUGIN})
        self.assertIn("twisted_multiserver/py.typed", names)
        self.assertIn("twisted_multiserver/demo/page.html", names)
        self.assertIn(f"\nVersion: {__version__}\n", metadata)
        self.assertIn("\nRequires-Dist: Twisted>=", metadata)
        self.assertIn("\nRequires-Python: >=3.11\n", metadata)

    def test_sdist(self) -> None:
        """
        All that building needs.
        """
        with tarfile.open(built()[0]) as sdist:
            names = {name.removeprefix(f"{NAME}/") for name in sdist.getnames()}
        needed = {"setup.py", "pyproject.toml", "README.md", PLUGIN}
        self.assertEqual({*ourFiles(".py", ".html", ".typed"), *needed} - names, set())


class InstallTests(SynchronousTestCase):
    """
    Beside Twisted, in an environment of their own.
    """

    def assertWorks(self, environment: Environment) -> None:
        """
        @param environment: must have the command.
        """
        self.assertRegex(environment.twistd("--help"), r"(?m)^\s+multiserver\s+Serve a Python web")
        version = f"twisted_multiserver {__version__}\n"
        self.assertEqual(environment.twistd("multiserver", "--version"), version)

    def assertRemoved(self, environment: Environment, before: dict[str, str]) -> None:
        """
        @param environment: is rid of the package here.
        @param before: all its files before the package was installed.
        """
        environment.pip("uninstall", "--yes", "--quiet", "twisted_multiserver")
        self.assertEqual(environment.files(), before)
        self.assertEqual(list(environment.packages.glob("*multiserver*")), [])
        self.assertNotIn("multiserver", environment.twistd("--help"))

    def test_wheel(self) -> None:
        """
        Installed it serves the demo by children; removed it leaves nothing.
        """
        environment = Environment(self)
        before = environment.files()
        environment.pip("install", "--no-deps", "--quiet", built()[1])
        self.assertWorks(environment)
        self.serve(environment)
        self.assertRemoved(environment, before)

    def serve(self, environment: Environment) -> None:
        """
        @param environment: whose demo must answer.
        """
        log = environment.folder / "log"
        with log.open("wb") as output:
            listen = "--listen=tcp:0:interface=127.0.0.1"
            command = environment.twistdCommand("-n", "multiserver", listen, "--children=1")
            process = subprocess.Popen(
                command,
                cwd=environment.folder,
                env=environmentOfCommands(TMPDIR=str(environment.folder)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        ready = re.compile(r"ready: http://127\.0\.0\.1:(\d+)/")
        found = until(lambda: ready.search(log.read_text()), "ready")
        assert found is not None
        answer = fetch(int(found[1]))
        self.assertEqual(answer.status, 200)
        self.assertIn(b"<html", answer.body)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_sdist(self) -> None:
        """
        The same from the sources.
        """
        environment = Environment(self)
        before = environment.files()
        environment.pip("install", "--no-deps", "--no-build-isolation", "--quiet", built()[0])
        self.assertWorks(environment)
        self.assertRemoved(environment, before)

    def test_editable(self) -> None:
        """
        Installed from a checkout, which can be changed then.
        """
        environment = Environment(self)
        before = environment.files()
        copy = copyOfCheckout("editable")
        environment.pip(
            "install", "--no-deps", "--no-build-isolation", "--quiet", "--editable", copy
        )
        self.assertWorks(environment)
        script = "import twisted_multiserver; print(twisted_multiserver.__file__)"
        where = run([environment.python, "-c", script], environment.folder).strip()
        self.assertEqual(os.path.realpath(where), str(copy / "twisted_multiserver" / "__init__.py"))
        self.assertRemoved(environment, before)
