"""
From a name to an object.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.bootfailure import BootFailure
from twisted_multiserver.child.loading import load
from twisted_multiserver.contract import EXIT_NOT_AN_APPLICATION


class LoadTests(SynchronousTestCase):
    """
    Names of a package that is made for each test.
    """

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir(parents=True)
        self.package = f"loaded{uuid.uuid4().hex}"
        self.folder = folder / self.package
        self.folder.mkdir()
        self.write("__init__", "from .inner import thing as inner\nword = 'word'\n")
        self.write("inner", "class thing:\n    class deep:\n        pass\n")
        self.write("broken", "\n1 / 0\n")
        self.write("needy", "import there_is_no_such_module\n")
        self.write("leaving", "import sys\nsys.exit(3)\n")
        self.write("wrong", "def (:\n")
        self.write("lazy", "def __getattr__(name):\n    raise OSError('no ' + name)\n")
        path = str(folder.absolute())
        sys.path.insert(0, path)
        self.addCleanup(sys.path.remove, path)
        self.addCleanup(self.forget)

    def forget(self) -> None:
        for name in [name for name in sys.modules if name.startswith(self.package)]:
            del sys.modules[name]

    def write(self, module: str, text: str) -> None:
        (self.folder / f"{module}.py").write_text(text)

    def failure(self, name: str) -> BootFailure:
        failure = self.assertRaises(BootFailure, load, name)
        self.assertEqual(failure.status, EXIT_NOT_AN_APPLICATION)
        self.assertEqual(len(failure.reason.splitlines()), 1)
        assert isinstance(failure, BootFailure)
        return failure

    def test_forms(self) -> None:
        """
        Both forms lead to the same object.
        """
        thing = load(f"{self.package}.inner.thing")
        self.assertEqual(getattr(thing, "__name__", None), "thing")
        self.assertIs(load(f"{self.package}.inner:thing"), thing)
        self.assertEqual(load(f"{self.package}.word"), "word")
        self.assertIs(load(f"{self.package}.inner:thing.deep"), vars(thing)["deep"])
        self.assertIs(load(f"{self.package}.inner.thing.deep"), vars(thing)["deep"])

    def test_contentHidesItsModule(self) -> None:
        """
        C{from .inner import thing as inner}: the name means the content.
        """
        self.assertIs(load(f"{self.package}.inner"), load(f"{self.package}.inner.thing"))

    def test_module(self) -> None:
        """
        A module by itself is found; that it is no application is said elsewhere.
        """
        self.assertIs(load(self.package), sys.modules[self.package])

    def test_missing(self) -> None:
        """
        Nothing there: no traceback.
        """
        for name, reason in [
            ("nosuchpackage.x", "no module named 'nosuchpackage'"),
            (f"{self.package}.nothing", "has no attribute 'nothing'"),
            (f"{self.package}.inner.thing.nothing", "has no attribute 'nothing'"),
            (f"{self.package}.nothing:thing", f"no module named '{self.package}.nothing'"),
            (f"{self.package}:wrod", "did you mean 'word'?"),
        ]:
            failure = self.failure(name)
            self.assertIn(reason, failure.reason)
            self.assertIsNone(failure.trace)

    def test_malformed(self) -> None:
        """
        What can't be a name is said to be none.
        """
        for name in ("", ".x", "x.", "a..b", "a:", ":b", "a:b..c"):
            self.assertIn("is not a name", self.failure(name).reason)

    def test_raising(self) -> None:
        """
        The application's own code raises: its traceback, from its first frame on.
        """
        for module, what in [
            ("broken", "ZeroDivisionError: division by zero"),
            ("needy", "No module named 'there_is_no_such_module'"),
            ("leaving", "SystemExit: 3"),
            ("wrong", "SyntaxError"),
        ]:
            failure = self.failure(f"{self.package}.{module}.app")
            self.assertIn(f"importing {self.package}.{module} raised: ", failure.reason)
            self.assertIn(what, failure.reason)
            assert failure.trace is not None
            self.assertIn(f"{module}.py", failure.trace)
            self.assertNotIn("importlib", failure.trace)
            self.assertNotIn("loading.py", failure.trace)

    def test_raisingAttribute(self) -> None:
        """
        A module's own C{__getattr__} raises.
        """
        failure = self.failure(f"{self.package}.lazy.app")
        self.assertIn("getting 'app' raised: OSError: no app", failure.reason)
        self.assertIn("lazy.py", failure.trace or "")

    @given(st.text(alphabet="ab.:\n é", max_size=12))
    def test_anyText(self, text: str) -> None:
        """
        Any text is a name of something, or gets one line.
        """
        name = f"nosuchpackage{text}"
        self.assertIsNone(self.failure(name).trace)
