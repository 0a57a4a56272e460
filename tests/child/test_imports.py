"""
What the child's files import: nothing too early, nothing that isn't installed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import twisted_multiserver.child

FOLDER = Path(twisted_multiserver.child.__file__).parent
ROOT = FOLDER.parent.parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py"))

# As if an extra were not installed: a module of None can't be imported.
WITHOUT_EXTRAS = "import sys; sys.modules.update(dict.fromkeys(['uvicorn', 'uvloop', 'klein']))"


def loaded(*statements: str) -> set[str]:
    """
    Run statements in a fresh interpreter.

    @return: the modules that are loaded then.
    """
    program = "; ".join((f"import sys; sys.path.insert(0, {str(ROOT)!r})", *statements))
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


class ImportTests(SynchronousTestCase):
    def test_packageIsEmpty(self) -> None:
        """
        The package imports nothing else of itself.
        """
        found = loaded("import twisted_multiserver.child")
        self.assertEqual(
            [name for name in found if name.startswith("twisted_multiserver.child.")], []
        )
        self.assertNotIn("twisted", found)

    def test_launcherKnowsNoTwisted(self) -> None:
        """
        The launcher, and an application that asks who it is, import no Twisted.
        """
        for module in ("launch", "identity", "loading", "application", "forwarded"):
            found = loaded(f"import twisted_multiserver.child.{module}")
            self.assertEqual([name for name in found if name.split(".")[0] == "twisted"], [])

    def test_noReactorIsChosen(self) -> None:
        """
        Composing a child chooses no reactor, and serving WSGI or resources needs no extra.
        """
        modules = [name for name in MODULES if name not in ("__init__", "asgi")]
        found = loaded(
            WITHOUT_EXTRAS, *(f"import twisted_multiserver.child.{name}" for name in modules)
        )
        self.assertNotIn("twisted.internet.reactor", found)

    def test_everyFileIsMapped(self) -> None:
        """
        The package's docstring says what each file is for.
        """
        text = twisted_multiserver.child.__doc__ or ""
        mapped = sorted(re.findall(r"C\{(\w+)\.py\}", text))
        self.assertEqual(sorted(set(mapped)), [name for name in MODULES if name != "__init__"])
