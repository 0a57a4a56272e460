"""
What a record says of itself: 33 bytes beside the fields of a session.

When the session began and when it ends at the latest are with the session, not with the
child that happens to ask.  The birth is random, stays through rotations and is what sealed
fields are bound to.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import isfinite

from twisted_multiserver.sessions.errors import SessionCorrupt

BIRTH_SIZE = 16
_VERSION = 1
_LAYOUT = struct.Struct(f">Bdd{BIRTH_SIZE}s")


@dataclass(frozen=True, slots=True)
class Meta:
    """
    What a record says of itself.

    @ivar created: when the session began, in seconds since the epoch.
    @ivar deadline: when it ends however much it is used, in seconds since the epoch.
    @ivar birth: L{BIRTH_SIZE} random bytes.
    """

    created: float
    deadline: float
    birth: bytes

    def encode(self) -> bytes:
        """
        @return: as the store keeps it.
        """
        return _LAYOUT.pack(_VERSION, self.created, self.deadline, self.birth)

    @classmethod
    def decode(cls, data: bytes) -> Meta:
        """
        @param data: as the store kept it.
        @return: what it says.
        @raise SessionCorrupt: if it is nothing that L{encode} made.
        """
        if data[:1] != bytes((_VERSION,)):
            raise SessionCorrupt("the record of a session has another layout than ours")
        try:
            _, created, deadline, birth = _LAYOUT.unpack(data)
        except struct.error as error:
            raise SessionCorrupt("the record of a session is cut short or too long") from error
        if not (isfinite(created) and isfinite(deadline)):
            raise SessionCorrupt("the record of a session has no dates")
        return cls(created, deadline, birth)
