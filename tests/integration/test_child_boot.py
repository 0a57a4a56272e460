"""
Children that can't boot, and what the launcher makes of a process.
"""

from __future__ import annotations

import os
import pwd
import resource
import signal

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.integration.childharness import Died, LaunchedChild


class NameTests(SynchronousTestCase):
    """
    A name that leads to no application: exit 78, one line, no traceback.
    """

    def refused(self, name: str, kind: str = "auto") -> str:
        child = LaunchedChild(self, name, kind=kind)
        self.assertEqual(child.wait(), 78)
        message = child.message()
        self.assertEqual(message["type"], "bootFailed")
        self.assertIsNone(message["traceback"])
        self.assertEqual((child.stdout(), child.stderr()), ("", ""))
        reason = message["reason"]
        assert isinstance(reason, str)
        self.assertEqual(len(reason.splitlines()), 1)
        return reason

    def test_noSuchModule(self) -> None:
        """
        The module is missing.
        """
        self.assertIn("no module named 'nosuchmodule'", self.refused("nosuchmodule.site"))

    def test_noSuchAttribute(self) -> None:
        """
        The attribute is missing; a near one is named.
        """
        reason = self.refused("websites:resourse")
        self.assertIn("has no attribute 'resourse'; did you mean 'resource'?", reason)

    def test_noApplication(self) -> None:
        """
        It is something else.
        """
        self.assertIn(
            "websites.text is a str, not an application; expected", self.refused("websites.text")
        )
        self.assertIn("websites is a module, not an application", self.refused("websites"))

    def test_otherKind(self) -> None:
        """
        It is not of the kind that was demanded.
        """
        self.assertEqual(
            self.refused("websites.resource", "wsgi"),
            "websites.resource is a resource (a websites.View), not a WSGI application; "
            "use --app-kind=resource or leave it out",
        )

    def test_factoryOfNothing(self) -> None:
        """
        What the factory returns is no application.
        """
        self.assertIn("websites.wrongFactory returned a str", self.refused("websites.wrongFactory"))

    def test_withoutControlChannel(self) -> None:
        """
        Then the line goes to stderr.
        """
        child = LaunchedChild(self, "nosuchmodule.site", control=False)
        self.assertEqual(child.wait(), 78)
        errors = child.stderr()
        self.assertTrue(errors.startswith("twisted_multiserver: nosuchmodule.site: "), errors)
        self.assertEqual(len(errors.splitlines()), 1)


class RaisingTests(SynchronousTestCase):
    """
    The application's own code raises: its traceback is told.
    """

    def raised(self, name: str, status: int) -> tuple[str, str]:
        child = LaunchedChild(self, name)
        self.assertEqual(child.wait(), status)
        message = child.message()
        self.assertEqual(child.stderr(), "")
        trace = message["traceback"]
        assert isinstance(trace, str)
        self.assertNotIn("twisted_multiserver", trace)
        self.assertNotIn("importlib", trace)
        return str(message["reason"]), trace

    def test_atImport(self) -> None:
        """
        The module raises.
        """
        reason, trace = self.raised("broken.app", 78)
        self.assertEqual(
            reason, "broken.app: importing broken raised: RuntimeError: broken at import"
        )
        self.assertIn("broken.py", trace)

    def test_importsWhatIsMissing(self) -> None:
        """
        The module is there and imports one that isn't: that is its own fault.
        """
        reason, trace = self.raised("needy.app", 78)
        self.assertIn("No module named 'there_is_no_such_module'", reason)
        self.assertIn("needy.py", trace)

    def test_factories(self) -> None:
        """
        A factory that raises has crashed: another try may find the database up.
        """
        for name, what in [
            ("failingFactory", "RuntimeError: no database today"),
            ("failingDeferredFactory", "RuntimeError: no database tomorrow"),
            ("leavingFactory", "SystemExit: bad configuration"),
        ]:
            child = LaunchedChild(self, f"websites.{name}")
            self.assertEqual(child.wait(), 1)
            message = child.message()
            self.assertEqual(message["reason"], f"websites.{name} raised: {what}")
            self.assertIn("Error" if "Error" in what else "SystemExit", str(message["traceback"]))


class LauncherTests(SynchronousTestCase):
    """
    What the launcher makes of the process.
    """

    def test_session(self) -> None:
        """
        A session and a process group of its own.
        """
        child = LaunchedChild(self, "websites.resource").ready()
        self.assertEqual((os.getsid(child.pid), os.getpgid(child.pid)), (child.pid, child.pid))

    def test_limits(self) -> None:
        """
        Limits hold in the child.
        """
        child = LaunchedChild(self, "websites.resource", limits={"NOFILE": [128, 256]}).ready()
        self.assertEqual(resource.prlimit(child.pid, resource.RLIMIT_NOFILE), (128, 256))

    def test_limitsRefused(self) -> None:
        """
        A limit that can't be set is one line.
        """
        child = LaunchedChild(self, "websites.resource", limits={"NOSUCH": [1, 1]})
        self.assertEqual(child.wait(), 78)
        self.assertEqual(
            child.message()["reason"], "there is no resource limit 'NOSUCH' on this system"
        )

    def test_user(self) -> None:
        """
        The child runs as the user and group that it should, with that user's groups.
        """
        if os.geteuid() != 0:
            raise SkipTest("only root may become somebody else")
        nobody = pwd.getpwnam("nobody")
        uid, gid = nobody.pw_uid, nobody.pw_gid
        child = LaunchedChild(
            self,
            argv=["grep", "-E", "^(Uid|Gid|Groups):", "/proc/self/status"],
            control=False,
            uid=uid,
            gid=gid,
        )
        self.assertEqual(child.wait(), 0)
        fields = dict(line.split(":") for line in child.stdout().splitlines())
        found = {name: [int(number) for number in fields[name].split()] for name in fields}
        self.assertEqual(
            found,
            {"Uid": [uid] * 4, "Gid": [gid] * 4, "Groups": os.getgrouplist("nobody", gid)},
        )

    def test_userRefused(self) -> None:
        """
        Who isn't root can't become somebody else, and the reason is one line.
        """
        if os.geteuid() == 0:
            raise SkipTest("root may become anybody")
        child = LaunchedChild(self, "websites.resource", uid=0)
        self.assertEqual(child.wait(), 78)
        self.assertIn("cannot become user 0", str(child.message()["reason"]))

    def test_noSuchFolder(self) -> None:
        """
        A folder that can't be entered is one line.
        """
        child = LaunchedChild(self, "websites.resource", chdir="/nonexistent")
        self.assertEqual(child.wait(), 78)
        self.assertEqual(
            child.message()["reason"], "cannot enter '/nonexistent': No such file or directory"
        )

    def test_otherParent(self) -> None:
        """
        A child whose master is gone already ends before it loads anything.
        """
        child = LaunchedChild(self, "websites.resource", masterPid=1 if os.getpid() != 1 else 2)
        self.assertEqual(child.wait(), 1)
        self.assertRaises(Died, child.ready)
        self.assertEqual(child.stderr(), "")


class ProgramTests(SynchronousTestCase):
    """
    The launcher becomes another program.
    """

    def run_(self, *argv: str) -> LaunchedChild:
        return LaunchedChild(self, argv=list(argv), control=False)

    def test_environment(self) -> None:
        """
        The program has the launcher's pid, LISTEN_PID names it, and the spec is gone.
        """
        child = self.run_("env")
        self.assertEqual(child.wait(), 0)
        variables = dict(line.partition("=")[::2] for line in child.stdout().splitlines())
        self.assertEqual(variables["LISTEN_PID"], str(child.pid))
        self.assertEqual(variables["LISTEN_FDS"], "1")
        self.assertEqual(variables["TWISTED_MULTISERVER_RUN"], "00ff:1")
        self.assertNotIn("TWISTED_MULTISERVER_SPEC", variables)

    def test_listenerIsPassed(self) -> None:
        """
        The entrance is descriptor 3.
        """
        child = self.run_("sh", "-c", "test -S /proc/self/fd/3 && exit 5")
        self.assertEqual(child.wait(), 5)

    def test_signalsAreDefault(self) -> None:
        """
        Python ignores SIGPIPE; the program doesn't inherit that.
        """
        child = self.run_("grep", "SigIgn", "/proc/self/status")
        child.wait()
        ignored = int(child.stdout().split()[1], 16)
        self.assertFalse(ignored & 1 << (signal.SIGPIPE - 1))

    def test_notFound(self) -> None:
        """
        No such program: 127.
        """
        child = self.run_("no-such-program-anywhere")
        self.assertEqual(child.wait(), 127)
        self.assertEqual(
            child.stderr(), "twisted_multiserver: no-such-program-anywhere: no such program\n"
        )

    def test_notExecutable(self) -> None:
        """
        A program that may not be run: 126.
        """
        child = self.run_("/etc/passwd")
        self.assertEqual(child.wait(), 126)
        self.assertEqual(len(child.stderr().splitlines()), 1)
