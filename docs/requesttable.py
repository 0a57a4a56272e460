"""
Writes the tables of C{reference/http.md}: what comes of requests and of responses.

C{python docs/requesttable.py} makes them anew; a test says when that is due.

Strategy: the rows (L{docs.requestrows}) are bytes, put to the real gateway between two
streams in memory; a table shows what came out at the other end.  What is always the same
is left out, so that a row shows what it is about.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from twisted.internet.task import Clock

from twisted_multiserver.balancing.backend import Backend, BackendKind
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.gateway.connections import GatewayBudgets
from twisted_multiserver.gateway.distribution import Distribution
from twisted_multiserver.gateway.downstream import ClientSide
from twisted_multiserver.http1 import names
from twisted_multiserver.http1.connections import ServerConnections, ServerLimits
from twisted_multiserver.http1.forwarding import ClientView
from twisted_multiserver.http1.framing import ChunkedBody
from twisted_multiserver.http1.heads import BadMessage
from twisted_multiserver.http1.requestreader import RequestReader
from twisted_multiserver.http1.requests import CHUNKED
from twisted_multiserver.streams.streams import StreamUser
from twisted_multiserver.streams.sweep import INTERVAL

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "http.md"

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from docs.requestrows import ANSWER, HOST, LINE, REQUESTS, RESPONSES, Group, Row
