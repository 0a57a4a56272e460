"""
The Date of a message (RFC 9110 section 5.6.7).
"""

from __future__ import annotations

import re
import time
from email.utils import formatdate

from twisted_multiserver.http1.grammar import caseless

# Behind a line's end.
findDate = re.compile(rf"\n{caseless('date')}:".encode()).search
_made = (0, b"")


def httpDate() -> bytes:
    """
    @return: the present time as messages have it; made once a second.
    """
    global _made
    now = int(time.time())
    if _made[0] != now:
        _made = (now, formatdate(now, usegmt=True).encode("ascii"))
    return _made[1]
