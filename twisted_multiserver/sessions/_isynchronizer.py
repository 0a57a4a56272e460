"""
What a store of sessions is.

A synchronizer is made from the object of a driver, by adaptation
(C{ISessionSynchronizer(redisConnection)}), or from a URI
(L{synchronizerFromURI<twisted_multiserver.sessions.uri.synchronizerFromURI>}).  The contract
is run by L{twisted_multiserver.testing.SessionSynchronizerContract}, against stores of ours
and of others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface, interfacemethod

from twisted_multiserver.sessions.record import CommitResult, SessionDelta, StoredSession

# It can tell whose sessions there are: find() and deletePrincipal() work.
ENUMERATE = "enumerate"


class ISessionSynchronizer(Interface):
    """
    Keeps sessions for all children.

    Keys are 32 bytes, the hash of an id that the store never sees.  Durations are seconds.

    Every operation is atomic, ends within its deadline, and fails with nothing but
    L{StoreUnavailable<twisted_multiserver.sessions.errors.StoreUnavailable>},
    L{StoreConfigError<twisted_multiserver.sessions.errors.StoreConfigError>},
    L{SessionCorrupt<twisted_multiserver.sessions.errors.SessionCorrupt>} (what is stored is
    no session), L{SessionTooLarge<twisted_multiserver.sessions.errors.SessionTooLarge>} (the
    store can't take so much) and
    L{NotSupported<twisted_multiserver.sessions.errors.NotSupported>}.  An error is never
    reported as a session that isn't there.  Cancelling a C{Deferred} gives up waiting, not
    the operation.
    """

    name: str = Attribute("The kind of store, such as C{'redis'}.")
    capabilities: frozenset[str] = Attribute("What it can do that not all can: C{'enumerate'}.")

    if not TYPE_CHECKING:

        @interfacemethod
        def __call__(self, obj, *alternate):
            """
            Adapt what drivers make; all else as any interface does.
            """
            from twisted_multiserver.sessions.adapters import adapted

            found = adapted(obj)
            return super().__call__(obj, *alternate) if found is None else found

    def start() -> Deferred[None]:
        """
        Connect, and make what the store needs (tables, indexes).  What is started already
        is only looked at.

        @return: fires when the store has answered; fails with C{StoreConfigError} if it
            never will, and with C{StoreUnavailable} if it may later: then it is connected
            to in the background, and operations work as soon as it is there.
        """

    def stop(grace: float = 5.0) -> Deferred[None]:
        """
        Let operations in flight end, and close what C{start} opened.

        @param grace: how long they may take, in seconds.
        @return: fires when all is closed.
        """

    def load(key: bytes) -> Deferred[StoredSession | None]:
        """
        @param key: of a session.
        @return: fires with the session; with L{None} if there definitely is none.
        """

    def commit(key: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        @param key: of a session.
        @param delta: what changes.
        @return: fires when it is as durable as the store makes it.
        """

    def rotate(old: bytes, new: bytes, delta: SessionDelta) -> Deferred[CommitResult]:
        """
        Give a session another key and apply a delta; nothing is left under the old key.

        @param old: its key; L{CommitResult.gone} if there is none.
        @param new: another, never used before.
        @param delta: what changes besides; it doesn't create.
        @return: as C{commit}.
        """

    def touch(key: bytes, ttl: float) -> Deferred[bool]:
        """
        Let a session live on; never creates one.

        @param key: of a session.
        @param ttl: how long it lives from now on, in seconds.
        @return: fires with whether it is there.
        """

    def delete(key: bytes) -> Deferred[bool]:
        """
        @param key: of a session.
        @return: fires with whether it was there; it isn't any more.
        """

    def purge(limit: int) -> Deferred[int]:
        """
        Remove sessions that have expired, where the store doesn't by itself.

        @param limit: how many at most.
        @return: fires with how many.
        """

    def find(principal: str) -> Deferred[list[bytes]]:
        """
        @param principal: not empty.
        @return: fires with the keys of their sessions, in no order; fails with
            C{NotSupported} without C{'enumerate'}.
        """

    def deletePrincipal(principal: str, exceptKey: bytes | None = None) -> Deferred[int]:
        """
        Log somebody out everywhere.

        @param principal: not empty.
        @param exceptKey: the key of a session that stays.
        @return: fires with how many are gone; fails with C{NotSupported} without
            C{'enumerate'}.
        """

    def health() -> Deferred[None]:
        """
        @return: fires when the store answers.
        """
