"""
Installing: wheel (made from the sdist) and editable, in environments of their own.

What is needed besides comes from the environment that runs the tests, so that nothing is
downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted
from tests.integration.twistdharness import cleanEnvironment

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".*", "_trial_temp*", "build", "dist", "*.egg-info", "__pycache__", "dropin.cache", "_build"
)


def digests(folder: Path) -> dict[str, str]:
    """
    @param folder: of a package.
    @return: a digest of each of its files; Twisted's cache of plugins left out.
    """
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "dropin.cache" and path.suffix != ".pyc"
    }


class PackagingTests(SynchronousTestCase):
    """
    What a user installs.
    """

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.source = self.folder / "source"
        shutil.copytree(ROOT, self.source, ignore=_LEFT_OUT)
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir()
        self.environment = self.folder / "environment"
        venv.create(self.environment, with_pip=False, symlinks=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.packages = self.environment / "lib" / version / "site-packages"
        # Twisted is copied, since plugins are found beside it and it must stay as it is.
        shutil.copytree(Path(twisted.__file__).parent, self.packages / "twisted")
        purelib = Path(sysconfig.get_path("purelib"))
        for needed in ("setuptools", "_distutils_hack"):
            shutil.copytree(purelib / needed, self.packages / needed)
        (information,) = purelib.glob("setuptools-*.dist-info")
        shutil.copytree(information, self.packages / information.name)
        for stray in (self.packages / "twisted" / "plugins").glob("multiserver*"):
            stray.unlink()
        self.path = f"{self.packages}{os.pathsep}{purelib}"

    def run_(self, *command: str | Path, cwd: Path | None = None, path: str = "") -> str:
        """
        @return: what a command printed; it must succeed.
        """
        ended = subprocess.run(
            [str(word) for word in command],
            cwd=cwd or self.elsewhere,
            env=cleanEnvironment(PYTHONPATH=path, PIP_DISABLE_PIP_VERSION_CHECK="1"),
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return ended.stdout

    def pip(self, *arguments: str | Path) -> None:
        """
        Run the pip of these tests on the new environment.
        """
        python = self.environment / "bin" / "python"
        self.run_(
            *(sys.executable, "-m", "pip", "--python", python, "--quiet"),
            *arguments,
        )

    def build(self) -> tuple[Path, Path]:
        """
        @return: wheel and sdist.
        """
        dist = self.folder / "dist"
        # Without further words it makes the wheel from the sdist.
        self.run_(sys.executable, "-m", "build", "--no-isolation", "--outdir", dist, self.source)
        (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
        return wheel, sdist

    def assertListed(self) -> None:
        """
        twistd lists the command, in another folder.
        """
        python = self.environment / "bin" / "python"
        code = "from twisted.scripts.twistd import run; run()"
        shown = self.run_(python, "-c", code, "--help", path=self.path)
        self.assertIn("multiserver", shown)

    def test_wheelAndSdist(self) -> None:
        """
        Both carry the plugin and the data.
        """
        wheel, sdist = self.build()
        expected = {
            "twisted/plugins/multiserver_plugin.py",
            "twisted_multiserver/py.typed",
            "twisted_multiserver/demo/page.html",
            "twisted_multiserver/child/launch.py",
        }
        names = set(zipfile.ZipFile(wheel).namelist())
        self.assertLess(expected, names)
        self.assertNotIn("twisted/plugins/__init__.py", names)
        self.assertFalse([name for name in names if name.startswith("tests")])
        with tarfile.open(sdist) as archive:
            inside = {name.partition("/")[2] for name in archive.getnames()}
        self.assertLess(expected, inside)
        self.assertInstalls(wheel)

    def test_editable(self) -> None:
        """
        As developers install it; what it leaves in the checkout git ignores.
        """
        self.assertInstalls("--editable", self.source)

    def assertInstalls(self, *what: str | Path) -> None:
        """
        It is listed once it is installed, and goes without a trace.
        """
        before = digests(self.packages / "twisted")
        self.pip("install", "--no-deps", "--no-build-isolation", "--no-index", *what)
        self.assertListed()
        self.pip("uninstall", "--yes", "twisted_multiserver")
        self.assertEqual(digests(self.packages / "twisted"), before)
        self.assertEqual([path.name for path in self.packages.glob("*multiserver*")], [])
