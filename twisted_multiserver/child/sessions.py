"""
The sessions of the application that a child serves.

Strategy: the store is opened before the application is served, so that the first request
finds it; if it can't be reached the child serves all the same, since requests that need no
session are none of its business, and the store is used as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from twisted_multiserver.child.reactors import IChildReactor
from twisted_multiserver.sessions.errors import SessionError
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.sealing import Sealing
from twisted_multiserver.sessions.setup import SessionSetup
from twisted_multiserver.sessions.uri import synchronizerFromURI

_log = Logger()


async def openSessions(reactor: IChildReactor, asked: Mapping[str, Any]) -> Sessions:
    """
    Open the store.

    @param reactor: running.
    @param asked: what the master asks for, as JSON carries a
        L{SessionSetup<twisted_multiserver.sessions.setup.SessionSetup>}.
    @return: the sessions of this process.
    @raise ConfigError: if they can't be had.
    """
    setup = SessionSetup.fromSpec(asked)
    synchronizer = synchronizerFromURI(setup.uri, reactor)
    try:
        await synchronizer.start()
    except SessionError as error:
        _log.error("sessions: {reason}", reason=str(error))
    sealing = Sealing([bytes.fromhex(key) for key in setup.keys]) if setup.keys else None
    return Sessions(synchronizer, setup.policy(), sealing=sealing)
