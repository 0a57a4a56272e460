"""
What all sessions of a process share: the store, the rules, the time, the cookie.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer
from twisted_multiserver.sessions.codec import SessionCodec
from twisted_multiserver.sessions.cookies import cookieAttributes, deleteCookie, setCookie
from twisted_multiserver.sessions.fields import FieldRules
from twisted_multiserver.sessions.meta import Meta
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.sealing import SessionSealing


class Ground:
    """
    What all sessions of a process share.

    @ivar synchronizer: the store.
    @ivar policy: the rules.
    @ivar counts: how often what happened.
    @ivar rules: how fields are written.
    @ivar secureName: the cookie's name if the client came by TLS.
    @ivar plainName: the cookie's name if it did not.
    """

    def __init__(
        self,
        synchronizer: ISessionSynchronizer,
        policy: SessionPolicy,
        now: Callable[[], float],
        codec: SessionCodec,
        sealing: SessionSealing,
    ) -> None:
        """
        @param synchronizer: the store.
        @param policy: the rules.
        @param now: the time, in seconds since the epoch.
        @param codec: writes values.
        @param sealing: encrypts them.
        """
        self.synchronizer = synchronizer
        self.policy = policy
        self.counts: Counter[str] = Counter()
        self.rules = FieldRules(codec, sealing, policy.maxKeys, policy.maxName, policy.maxSize)
        self.secureName = policy.cookieName(True).encode("ascii")
        self.plainName = policy.cookieName(False).encode("ascii")
        self._now = now

    def newMeta(self, birth: bytes) -> Meta:
        """
        @param birth: of the session.
        @return: what a record that begins now says of itself.
        """
        now = self._now()
        return Meta(now, now + self.policy.absolute, birth)

    def untilDeadline(self, meta: Meta) -> float:
        """
        @param meta: of a session.
        @return: when it ends at the latest, in seconds from now.
        """
        # The policy may have become stricter since.
        return min(meta.deadline, meta.created + self.policy.absolute) - self._now()

    def timeLeft(self, meta: Meta) -> float:
        """
        @param meta: of a session.
        @return: how long it lives if it is used now and not again, in seconds.
        """
        return min(self.policy.idle, self.untilDeadline(meta))

    def keepLine(self, secure: bool, identifier: str, meta: Meta) -> bytes:
        """
        @param secure: whether the client came by TLS.
        @param identifier: what its cookie is to say.
        @param meta: of the session.
        @return: the value of a C{Set-Cookie} field.
        """
        # The cookie isn't sent again while the session is used, so it lives as long as the
        # session can at most.
        return setCookie(
            self.secureName if secure else self.plainName,
            identifier.encode("ascii"),
            self.untilDeadline(meta),
            self._attributes(secure),
        )

    def forgetLine(self, secure: bool) -> bytes:
        """
        @param secure: whether the client came by TLS.
        @return: the value of a C{Set-Cookie} field.
        """
        name = self.secureName if secure else self.plainName
        return deleteCookie(name, self._attributes(secure))

    def _attributes(self, secure: bool) -> bytes:
        return cookieAttributes(self.policy.needsSecure(secure), self.policy.sameSite)
