"""
The public names, and what importing the package costs.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.interface import InterfaceClass

import twisted_multiserver
from twisted_multiserver import interfaces

ROOT = Path(twisted_multiserver.__file__).parent.parent

# Makes a master where some modules aren't installed.
MASTER_WITHOUT = """
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Missing())
from twisted.internet import reactor
from twisted_multiserver import Multiserver, tap
Multiserver(reactor).site()
"""


def requiredDistributions() -> set[str]:
    """
    @return: what comes with the package if no extra is asked for.
    """
    required: set[str] = set()
    waiting = ["twisted-multiserver"]
    while waiting:
        name = normalised(waiting.pop())
        if name in required:
            continue
        required.add(name)
        try:
            lines = requires(name) or ()
        except PackageNotFoundError:
            # Of another platform or Python.
            continue
        waiting += [re.split(r"[^\w.-]", line)[0] for line in lines if "extra ==" not in line]
    return required


def normalised(distribution: str) -> str:
    """
    @param distribution: its name.
    @return: the one name that all its spellings have.
    """
    return re.sub("[-_.]+", "-", distribution).lower()


def importedBy(statement: str) -> set[str]:
    """
    @param statement: run by a Python of its own.
    @return: all modules that it imports.
    """
    script = (
        f"import sys; before = set(sys.modules)\n{statement}\nprint(*set(sys.modules) - before)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


def isHeavy(module: str) -> bool:
    """
    @param module: a name.
    @return: whether it belongs to what a child must not import early.
    """
    return module.partition(".")[0] in ("twisted", "zope")


class NamesTests(SynchronousTestCase):
    """
    What users may import, and nothing else.
    """

    def test_names(self) -> None:
        """
        Each of them is a promise.
        """
        self.assertEqual(
            sorted(twisted_multiserver.__all__),
            [
                "Affinity",
                "BootFailed",
                "CommitResult",
                "ConfigError",
                "ConsistentHash",
                "Crash",
                "CrashKind",
                "LeastConnections",
                "LeastLag",
                "LeastLatency",
                "MasterConfig",
                "Multiserver",
                "MultiserverError",
                "NoSessionHere",
                "NotSupported",
                "Outcome",
                "PowerOfTwoChoices",
                "ReloadFailed",
                "RoundRobin",
                "SessionConflict",
                "SessionCorrupt",
                "SessionDelta",
                "SessionPolicy",
                "SessionTooLarge",
                "StickySession",
                "StoreConfigError",
                "StoreUnavailable",
                "StoredSession",
                "SynchronizedSite",
                "WeightedRoundRobin",
                "synchronizerFromURI",
            ],
        )

    def test_interfaces(self) -> None:
        """
        All of them are interfaces, beside what they belong to.
        """
        self.assertEqual(
            sorted(interfaces.__all__),
            [
                "IBackend",
                "ILifecycleObserver",
                "ILoadBalancer",
                "IRequestInfo",
                "ISessionData",
                "ISessionSynchronizer",
            ],
        )
        for name in interfaces.__all__:
            found = getattr(interfaces, name)
            self.assertIsInstance(found, InterfaceClass)
            self.assertEqual(found.__name__, name)

    def test_everyNameIsThere(self) -> None:
        """
        Looked up, each is what it is called, and documented.
        """
        for name in twisted_multiserver.__all__:
            found = getattr(twisted_multiserver, name)
            self.assertEqual(found.__name__, name)
            self.assertTrue(found.__doc__)

    def test_star(self) -> None:
        """
        C{import *} gives these names.
        """
        names: dict[str, object] = {}
        exec("from twisted_multiserver import *", names)
        self.assertEqual(set(names) - {"__builtins__"}, set(twisted_multiserver.__all__))

    def test_unknownName(self) -> None:
        """
        It is told as such.
        """
        for module in (twisted_multiserver, interfaces):
            error = self.assertRaises(AttributeError, getattr, module, "RoundRobbin")
            self.assertEqual(
                str(error), f"module {module.__name__!r} has no attribute 'RoundRobbin'"
            )

    def test_dir(self) -> None:
        """
        Names that aren't looked up yet show too.
        """
        self.assertTrue(set(twisted_multiserver.__all__) <= set(dir(twisted_multiserver)))

    def test_publicClassesAreNotInTwoPlaces(self) -> None:
        """
        Whatever way it is imported, it is the same.
        """
        pool = import_module("twisted_multiserver.balancing.roundrobin")
        self.assertIs(twisted_multiserver.RoundRobin, pool.RoundRobin)

    def test_version(self) -> None:
        """
        As Twisted's: year, month, patch.
        """
        self.assertRegex(twisted_multiserver.__version__, r"^\d\d\.\d+\.\d+$")


class LazyTests(SynchronousTestCase):
    """
    A child chooses its reactor before anything else imports one.
    """

    def test_package(self) -> None:
        """
        Neither the package nor its pure parts import Twisted or zope.
        """
        imported = importedBy(
            "import twisted_multiserver, twisted_multiserver.interfaces\n"
            "import twisted_multiserver.http1, twisted_multiserver.settings"
        )
        self.assertIn("twisted_multiserver.settings", imported)
        self.assertEqual({module for module in imported if isHeavy(module)}, set())

    def test_itIsSeenWhenTwistedIsImported(self) -> None:
        """
        The measure is one.
        """
        imported = importedBy("from twisted_multiserver import Multiserver")
        self.assertIn("twisted.internet.defer", imported)

    def test_noReactor(self) -> None:
        """
        Not even the names that need Twisted install a reactor.
        """
        imported = importedBy("from twisted_multiserver import *\nimport twisted_multiserver.tap")
        self.assertIn("twisted_multiserver.master", imported)
        self.assertNotIn("twisted.internet.reactor", imported)


class MarkerTests(SynchronousTestCase):
    """
    Files that say something by being there, or by not being there.
    """

    def test_typed(self) -> None:
        """
        Type checkers may use our annotations.
        """
        self.assertTrue((ROOT / "twisted_multiserver" / "py.typed").exists())

    def test_twistedIsNotOurs(self) -> None:
        """
        In the folder C{twisted} there is the plugin and no package.
        """
        found = {str(path.relative_to(ROOT)) for path in (ROOT / "twisted").rglob("*.py")}
        self.assertEqual(found, {"twisted/plugins/multiserver_plugin.py"})


class RequirementsTests(SynchronousTestCase):
    """
    What setup.py requires.
    """

    def test_withoutExtras(self) -> None:
        """
        A master can be made with what is installed without any extra.
        """
        required = requiredDistributions()
        modules = {
            module
            for module, homes in packages_distributions().items()
            if required.isdisjoint(map(normalised, homes))
        }
        self.assertIn("OpenSSL", modules)
        self.assertIn("h2", importedBy(MASTER_WITHOUT.format(modules=modules)))
