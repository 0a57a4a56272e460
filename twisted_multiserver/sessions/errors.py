"""
What can go wrong with a session, and the only errors that leave this package: no error of
a driver does.
"""

from __future__ import annotations

from twisted_multiserver.errors import ConfigError, MultiserverError


class SessionError(MultiserverError):
    """
    The base of what sessions raise.
    """


class StoreUnavailable(SessionError):
    """
    The store did not do what it was asked, and may later.

    @ivar retryable: whether asking again at once could help.
    @ivar outcomeUnknown: whether it may have been done all the same.
    """

    def __init__(self, message: str, retryable: bool = False, outcomeUnknown: bool = False) -> None:
        """
        @param message: one line, without a secret.
        @param retryable: whether asking again at once could help.
        @param outcomeUnknown: whether it may have been done all the same.
        """
        super().__init__(message)
        self.retryable = retryable
        self.outcomeUnknown = outcomeUnknown


class StoreConfigError(ConfigError, SessionError):
    """
    The store can't be used as it is configured: a wrong password, a missing driver, a URI
    that says nothing.  Asking again won't help.
    """


class SessionCorrupt(SessionError):
    """
    What is stored is no session of ours; it is left as it is.
    """


class SessionTooLarge(SessionError):
    """
    A session holds more than it may; what was stored before is left as it is.
    """


class NotSupported(SessionError):
    """
    This kind of store can't do that.
    """


class SessionConflict(SessionError):
    """
    A guarded key was changed, or the session ended, while the request was being answered.
    """


class TooLateForCookies(SessionError):
    """
    A session can't begin, rotate or end any more: the head of the response has gone out.
    """


class SessionReadOnly(SessionError):
    """
    The store could not be asked, so that nothing would be kept of a change.
    """


class NoSessionHere(SessionError):
    """
    The path of a request is one of those that the policy leaves without sessions.
    """
