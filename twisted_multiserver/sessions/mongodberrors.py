"""
What errors of MongoDB and of its driver mean.
"""

from __future__ import annotations

from bson.errors import BSONError
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    DocumentTooLarge,
    OperationFailure,
    PyMongoError,
)
from twisted.internet.error import ConnectError, ConnectionClosed

from twisted_multiserver.sessions.errors import (
    SessionError,
    SessionTooLarge,
    StoreConfigError,
    StoreUnavailable,
)

# Unauthorized, AuthenticationFailed, and the two of servers that want credentials.
_REFUSED = frozenset({13, 18, 8000, 31})
# NotWritablePrimary, PrimarySteppedDown, InterruptedAtShutdown and their like.
_FAILING_OVER = frozenset({91, 189, 10107, 11600, 11602, 13435, 13436, 7, 6, 89, 9001})
_DUPLICATE, _TOO_LARGE = 11000, frozenset({10334, 17419, 17420})


def meaning(error: BaseException) -> SessionError | None:
    """
    @param error: of the driver.
    @return: what to report; L{None} if it is a fault of ours.
    """
    if isinstance(error, DocumentTooLarge):
        return SessionTooLarge("mongodb: a session may take 16 MiB in all")
    if isinstance(error, AutoReconnect | ConnectionClosed | ConnectError):
        return StoreUnavailable(
            "mongodb: the server can't be reached", retryable=True, outcomeUnknown=True
        )
    if isinstance(error, OperationFailure):
        return _refused(error)
    if isinstance(error, ConfigurationError):
        return StoreConfigError(f"mongodb: {error}")
    if isinstance(error, PyMongoError | BSONError):
        return StoreUnavailable(f"mongodb: {type(error).__name__}", outcomeUnknown=True)
    return None


def _refused(error: OperationFailure) -> SessionError:
    if error.code in _REFUSED:
        return StoreConfigError(
            "mongodb: the server refuses us; look at user, password, authSource= and their"
            " rights, and whether the user may log in by SCRAM-SHA-1"
        )
    if error.code in _TOO_LARGE:
        return SessionTooLarge("mongodb: a session may take 16 MiB in all")
    isPassing = error.code in _FAILING_OVER or error.code == _DUPLICATE
    return StoreUnavailable(
        f"mongodb: the server says {error.code}", retryable=isPassing, outcomeUnknown=True
    )
