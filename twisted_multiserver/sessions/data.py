"""
The mapping that an application sees: a session's data, and what can be done with the session.

What it is told here is carried out when the response begins, by the request it belongs to
(L{RequestSession<twisted_multiserver.sessions.requestsession.RequestSession>}); only C{commit}
and C{destroyEverywhere} ask the store at once.

It is used by one thread at a time: with WSGI by the application's until its response begins,
else by the reactor's.  There are no locks.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Protocol

from twisted_multiserver.sessions.state import SessionState


class SessionOwner(Protocol):
    """
    What a session's data asks of the request it belongs to.
    """

    @property
    def label(self) -> str:
        """
        What the session is called in logs.
        """

    def commitNow(self) -> Any:
        """
        @return: whatever this kind of application waits with.
        """

    def destroyEverywhereNow(self, principal: str, exceptThis: bool) -> Any:
        """
        @param principal: whose sessions end.
        @param exceptThis: whether this one goes on.
        @return: whatever this kind of application waits with.
        """


class SessionData(MutableMapping[str, Any]):
    """
    A session's data, by names of your choice.

    A change inside a value (C{session["cart"].append(book)}) is noticed by itself.  Nothing is
    stored, and no cookie sent, for a session that nothing was put into.
    """

    __slots__ = ("_owner", "_state")

    def __init__(self, owner: SessionOwner, state: SessionState) -> None:
        """
        @param owner: the request.
        @param state: what it knows of its session.
        """
        self._owner = owner
        self._state = state

    def __getitem__(self, name: str) -> Any:
        """
        @raise KeyError: if there is no such field.
        @raise SessionCorrupt: if what is stored can't be read.
        """
        return self._state.look().get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        """
        @raise TypeError: if the value can't be stored.
        @raise SessionTooLarge: if the session would be too large.
        @raise SessionReadOnly: if the store could not be asked.
        @raise TooLateForCookies: if this would begin a session after the head has gone out.
        """
        self._state.alter().put(name, value)

    def __delitem__(self, name: str) -> None:
        fields = self._state.look()
        if name not in fields:
            raise KeyError(name)
        self._state.alter().remove(name)

    def __contains__(self, name: object) -> bool:
        return name in self._state.look()

    def get(self, name: str, default: Any = None) -> Any:
        """
        @param name: of a field.
        @param default: if there is none.
        @return: its value.
        """
        try:
            return self[name]
        except KeyError:
            return default

    def __iter__(self) -> Iterator[str]:
        # A copy, so that fields may come and go meanwhile.
        return iter(tuple(self._state.look()))

    def __len__(self) -> int:
        return len(self._state.look())

    def __repr__(self) -> str:
        """
        No values: they are nobody's business.
        """
        return f"<{type(self).__name__} {self.label}>"

    def clear(self) -> None:
        """
        Remove all fields, also those that other requests are just adding; the session itself
        goes on.  To log out use L{destroy}.
        """
        if self._state.look() or self._state.isStored:
            self._state.alter().clear()

    @property
    def principal(self) -> str:
        """
        Whom the session belongs to, such as a user's number; empty for nobody.  Stores that
        can enumerate find sessions by it.  When somebody logs in, call L{rotate} too.
        """
        self._state.isAccessed = True
        return self._state.principal

    @principal.setter
    def principal(self, principal: str) -> None:
        if not isinstance(principal, str):
            raise TypeError("a principal is a string")
        if principal != self._state.principal:
            self._state.alter()
            self._state.principal = principal

    @property
    def isNew(self) -> bool:
        """
        Whether the session began with this request.
        """
        self._state.isAccessed = True
        return self._state.isNew

    @property
    def isDegraded(self) -> bool:
        """
        Whether the store could not be asked: the session looks empty, and a change raises
        C{SessionReadOnly}.
        """
        return self._state.isDegraded

    @property
    def label(self) -> str:
        """
        What to call the session in logs: 8 hexadecimal digits that don't lead to it.
        """
        return self._owner.label

    def guard(self, name: str) -> None:
        """
        Let the commit succeed only if nobody else has changed a field since it was loaded;
        otherwise the client is answered 409, and nothing of this request's changes is kept.

        @param name: of a field; it need not be there.
        """
        self._state.isAccessed = True
        self._state.guarded += (name,)

    def rotate(self) -> None:
        """
        Give the session another identifier and the client another cookie.  Do so whenever
        somebody logs in or gets more rights: whoever knew the old identifier, or planted it,
        is left outside.

        @raise SessionReadOnly: if the store could not be asked.
        @raise TooLateForCookies: if the head of the response has gone out.
        """
        self._state.refuseIfReadOnly()
        self._state.refuseIfLate("rotate")
        self._state.isAccessed = True
        self._state.rotates = True

    def destroy(self) -> None:
        """
        End the session: it is removed from the store and its cookie from the client, even if
        this request fails.  What is put here afterwards begins another one.

        @raise SessionReadOnly: if the store could not be asked.
        @raise TooLateForCookies: if the head of the response has gone out.
        """
        self._state.refuseIfReadOnly()
        self._state.refuseIfLate("end")
        self._state.end()

    def destroyEverywhere(self, exceptThis: bool = False) -> Any:
        """
        End all sessions of this one's principal.

        @param exceptThis: whether this one goes on.
        @return: what this kind of application waits with (a C{Deferred}, an C{asyncio.Future};
            in a WSGI application it has happened already).  Fails with
            L{NotSupported<twisted_multiserver.sessions.errors.NotSupported>} if the store
            can't enumerate, and with C{StoreUnavailable}.
        @raise ValueError: if the session belongs to nobody.
        @raise TooLateForCookies: if this one is to end and the head has gone out.
        """
        self._state.refuseIfReadOnly()
        if not exceptThis:
            self._state.refuseIfLate("end")
        if not self.principal:
            raise ValueError("the session has no principal whose sessions could end")
        return self._owner.destroyEverywhereNow(self._state.principal, exceptThis)

    def commit(self) -> Any:
        """
        Store the changes now instead of when the response begins.

        @return: what this kind of application waits with.  Fails with C{SessionConflict} (the
            changes are dropped), C{StoreUnavailable} (they are kept and tried again when the
            response begins), C{SessionTooLarge} or C{TypeError}.
        """
        return self._owner.commitNow()
