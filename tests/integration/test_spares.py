"""
Spares and recycling, of a real master.
"""

from __future__ import annotations

import json
import os
import signal

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.test_reload import Load
from tests.integration.twistdharness import Twistd, fetch, until

LISTEN = "--listen=tcp:0:interface=127.0.0.1"
NO_SESSIONS = "--sessions=none"


class SpareTests(SynchronousTestCase):
    """
    The demo, under load.
    """

    def test_takesOver(self) -> None:
        """
        A killed child's place is taken at once, without a failed request.
        """
        twistd = Twistd(self, LISTEN, NO_SESSIONS, "--children=1", "--spares=1")
        port = twistd.waitUntilReady()
        self.assertEqual(len(twistd.children()), 2)
        client = Load(port)
        client.start()
        self.addCleanup(client.stop)
        for deaths in range(1, 4):
            serving = int(json.loads(fetch(port, "/status").body)["pid"])
            os.kill(serving, signal.SIGKILL)
            # Two were ready at the start, and each death is followed by another.
            twistd.waitForLog(rf"(?s)(?: ready \(generation.*?){{{2 + deaths}}}")
            self.assertEqual(twistd.log.count("takes the place of"), deaths)
        client.stop()
        self.assertEqual(client.failures, [])
        self.assertEqual(twistd.stop(), 0)
        self.assertEqual(twistd.leftovers(), set())

    def test_maxRequests(self) -> None:
        """
        Children that have served enough are replaced, one at a time, without a failed
        request.
        """
        twistd = Twistd(self, LISTEN, NO_SESSIONS, "--children=2", "--max-requests=100")
        port = twistd.waitUntilReady()
        before = twistd.children()
        clients = [Load(port) for _ in range(3)]
        for client in clients:
            client.start()
            self.addCleanup(client.stop)
        until(lambda: not before & twistd.children(), "both to be replaced")
        for client in clients:
            client.stop()
            self.assertEqual(client.failures, [])
        self.assertIn("is replaced: it has served", twistd.log)
        self.assertNotIn("crashed", twistd.log)
        self.assertEqual(twistd.stop(), 0)
