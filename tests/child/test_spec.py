"""
Reading what the master asks.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.spec import Application, BadSpec, parseSpec, takeSpec
from twisted_multiserver.contract import SPEC_VARIABLE


def fields(**changed: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "masterPid": 10,
        "slot": 2,
        "generation": 3,
        "incarnation": 4,
        "run": "00ff",
        "application": {"name": "a:b", "kind": "wsgi", "threads": 5},
        "chdir": "/srv",
        "limits": {"NOFILE": [100, 200]},
        "uid": 1000,
        "gid": None,
        "deathSignal": 9,
        "stopBudget": 10.0,
        "stateFolder": None,
        "previous": None,
        **changed,
    }


class SpecTests(SynchronousTestCase):
    def test_application(self) -> None:
        """
        A spec for an application; what isn't known is ignored.
        """
        spec = parseSpec(json.dumps(fields(newer="field")))
        self.assertEqual(spec.application, Application("a:b", "wsgi", 5))
        self.assertIsNone(spec.argv)
        self.assertEqual(spec.limits, {"NOFILE": (100, 200)})
        self.assertEqual((spec.uid, spec.gid, spec.chdir), (1000, None, "/srv"))

    def test_program(self) -> None:
        """
        A spec for another program.
        """
        program = fields(exec=["gunicorn", "x"])
        del program["application"]
        self.assertEqual(parseSpec(json.dumps(program)).argv, ("gunicorn", "x"))

    def test_taken(self) -> None:
        """
        The variable is not inherited any further.
        """
        environ = {SPEC_VARIABLE: json.dumps(fields()), "PATH": "/bin"}
        self.assertEqual(takeSpec(environ).slot, 2)
        self.assertEqual(environ, {"PATH": "/bin"})

    def test_bad(self) -> None:
        """
        None, broken, of another version, of two minds.
        """
        self.assertRaises(BadSpec, takeSpec, {})
        for text in (
            "",
            "[]",
            "{}",
            json.dumps(fields(version=2)),
            json.dumps(fields(exec=["x"])),
            json.dumps(fields(application=None)),
            json.dumps(fields(limits={"NOFILE": 3})),
        ):
            self.assertRaises(BadSpec, parseSpec, text)
