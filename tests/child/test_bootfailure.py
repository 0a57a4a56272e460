"""
How the master learns why a child can't start.
"""

from __future__ import annotations

import os
import socket

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.child.bootfailure import BootFailure, report, reportMessage
from twisted_multiserver.contract import MESSAGE_LIMIT, decodeMessage


class ReportTests(SynchronousTestCase):
    @given(st.text(), st.none() | st.text())
    def test_anyText(self, reason: str, trace: str | None) -> None:
        """
        The reason is one line, and the message can be read.
        """
        message = decodeMessage(reportMessage(BootFailure(reason, 1, trace)))
        assert message is not None
        self.assertLessEqual(len(str(message["reason"]).splitlines()), 1)
        self.assertEqual(message["traceback"], trace)

    def test_longTraceback(self) -> None:
        """
        Of a traceback that is too long, the end is kept, where the exception is.
        """
        trace = "\u00e9" * MESSAGE_LIMIT + "\nRecursionError: deep"
        data = reportMessage(BootFailure("reason", 1, trace))
        self.assertLessEqual(len(data), MESSAGE_LIMIT)
        message = decodeMessage(data)
        assert message is not None
        self.assertTrue(str(message["traceback"]).endswith("RecursionError: deep"))

    def test_channelStaysOpen(self) -> None:
        """
        Whoever reads the channel still can.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, theirs:
            report(BootFailure("because"), theirs.fileno())
            self.assertEqual((decodeMessage(ours.recv(9999)) or {})["reason"], "because")
            ours.send(b"x")
            self.assertEqual(theirs.recv(9), b"x")

    def test_nobodyListens(self) -> None:
        """
        Where the channel is broken, stderr is told.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.close()
        with theirs:
            self.assertEqual(
                self.stderrOf(BootFailure("because", 1, "Traceback\n  x\n"), theirs.fileno()),
                "Traceback\n  x\ntwisted_multiserver: because\n",
            )
        self.assertEqual(
            self.stderrOf(BootFailure("because"), None), "twisted_multiserver: because\n"
        )

    def stderrOf(self, failure: BootFailure, channel: int | None) -> str:
        import io
        import sys

        stream = io.StringIO()
        self.patch(sys, "stderr", stream)
        report(failure, channel)
        return stream.getvalue()

    def test_raised(self) -> None:
        """
        What the application raised: its kind, its message in one line.
        """
        try:
            os.stat("/nonexistent\n/path")
        except OSError as error:
            failure = BootFailure.raisedBy("m:x raised", error, 1)
        self.assertTrue(
            failure.reason.startswith("m:x raised: FileNotFoundError: [Errno 2] No such"),
            failure.reason,
        )
        self.assertIn("test_bootfailure.py", failure.trace or "")
