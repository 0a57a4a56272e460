"""
Sessions for Django::

    SESSION_ENGINE = "twisted_multiserver.sessions.django"

C{request.session} is the session of the request that C{SessionMiddleware} is called for, under
Django's WSGI handler and its ASGI handler.  The middleware finds nothing to save, and so sets
no cookie of its own: what was changed is stored, and the cookie sent, around the whole of
Django, where a response of any middleware is waited for.

What differs from Django's engines: nothing needs C{session.modified}; C{session_key} names a
session and doesn't lead to it; values are kept as what they are, and those that can't be are
refused when they are assigned; C{set_expiry} ends a session at a time and not after a time
without use, and can't end it with the browser.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import MutableMapping
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation

from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.djangofields import END, EXCEPTED, MADE, DjangoFields, Nothing
from twisted_multiserver.sessions.errors import SessionReadOnly
from twisted_multiserver.sessions.identifier import keyOf

_OUTSIDE = (
    "twisted_multiserver.sessions.django is for requests that twisted_multiserver serves with"
    " sessions; elsewhere (tests, manage.py) use another SESSION_ENGINE"
)


class SessionStore(SessionBase):  # type: ignore[misc]  # Django has no types.
    """
    C{request.session}.
    """

    def __init__(self, session_key: str | None = None) -> None:
        """
        @param session_key: of Django's own cookie; of no use here.
        """
        if settings.SESSION_SAVE_EVERY_REQUEST:
            raise ImproperlyConfigured(
                "SESSION_SAVE_EVERY_REQUEST sets a second cookie and isn't needed: a session in"
                " use is kept alive; remove it"
            )
        super().__init__()
        try:
            self._found = CURRENT.get()
            self._isOutside = False
        except LookupError:
            self._found = None
            self._isOutside = True
        self._known: MutableMapping[str, Any] | None = None

    @property
    def accessed(self) -> bool:
        """
        Whether anybody looked at the session.
        """
        return self._found is not None and self._found.isAccessed

    @accessed.setter
    def accessed(self, value: bool) -> None:
        # The session knows by itself.
        pass

    @property
    def modified(self) -> bool:
        """
        Whether C{SessionMiddleware} has something to do: never.
        """
        return False

    @modified.setter
    def modified(self, value: bool) -> None:
        # Changes are noticed without.
        pass

    @property
    def session_key(self) -> str | None:
        """
        A name for the session that stays until it is rotated: 64 hexadecimal digits, which
        are no secret.  L{None} for one that isn't stored.
        """
        session = self._found
        if session is None or not session.isStored:
            return None
        return keyOf(session.identifier).hex()

    def is_empty(self) -> bool:
        """
        Whether there is neither data nor a stored session.
        """
        session = self._found
        if session is None:
            return True
        # The middleware asks for each response, which is no reason to say Vary.
        return not session.isStored and not (session.isAccessed and session.data)

    @property
    def _session(self) -> MutableMapping[str, Any]:
        known = self._known
        if known is None:
            known = self._known = self._fields()
        return known

    async def _aget_session(self, no_load: bool = False) -> MutableMapping[str, Any]:
        return self._session

    def _fields(self) -> MutableMapping[str, Any]:
        if self._isOutside:
            raise ImproperlyConfigured(_OUTSIDE)
        if self._found is None:
            return Nothing()
        data = self._found.data
        end = data.get(END)
        if end is not None and end <= time.time():
            data.destroy()
        return DjangoFields(data)

    @property
    def data(self) -> SessionData:
        """
        The session as other applications have it, which can do what Django's can't:
        C{request.session.data.guard("cart")}, C{.destroyEverywhere()}.
        """
        # Looks at whether it has ended, too.
        fields = self._session
        if isinstance(fields, Nothing) or self._found is None:
            raise SessionReadOnly(EXCEPTED)
        return self._found.data

    def clear(self) -> None:
        """
        Remove all data; the session goes on.
        """
        self.data.clear()
        self.data.principal = ""

    def flush(self) -> None:
        """
        End the session, as C{django.contrib.auth.logout} does; what comes now is another one.
        """
        self.data.destroy()

    async def aflush(self) -> None:
        """
        As L{flush}.
        """
        self.flush()

    def cycle_key(self) -> None:
        """
        Give the session another identifier, as C{django.contrib.auth.login} does.
        """
        self.data.rotate()

    async def acycle_key(self) -> None:
        """
        As L{cycle_key}.
        """
        self.cycle_key()

    def create(self) -> None:
        """
        Store a session even if there is no data in it, so that it has a C{session_key}.
        """
        self._mark()
        self.save()

    async def acreate(self) -> None:
        """
        As L{create}.
        """
        self._mark()
        await self.asave()

    def _mark(self) -> None:
        data = self.data
        if not data:
            data[MADE] = True

    def save(self, must_create: bool = False) -> None:
        """
        Store what was changed now, instead of when the response begins.

        @param must_create: of no use here.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise SynchronousOnlyOperation("use await request.session.asave() here")
        self._mark()
        self.data.commit()

    async def asave(self, must_create: bool = False) -> None:
        """
        As L{save}.
        """
        self._mark()
        stored = self.data.commit()
        # Under WSGI it has waited already.
        if inspect.isawaitable(stored):
            await stored

    def delete(self, session_key: str | None = None) -> None:
        """
        End the session.

        @param session_key: of it, or L{None}; others can't be reached by their names.
        """
        if session_key is not None and session_key != self.session_key:
            raise NotImplementedError(
                "another session can't be ended by its key;"
                " destroyEverywhere() ends all of a user's"
            )
        self.flush()

    async def adelete(self, session_key: str | None = None) -> None:
        """
        As L{delete}.
        """
        self.delete(session_key)

    def exists(self, session_key: str) -> bool:
        """
        Whether a session can be found by a key: this one alone.
        """
        return session_key == self.session_key

    def load(self) -> dict[str, Any]:
        """
        The session's data.
        """
        return dict(self._session)

    def set_expiry(self, value: Any) -> None:
        """
        Let the session end at a time.

        @param value: in so many seconds, or a C{timedelta}, or then, if it is a
            C{datetime}; 0 and L{None} for no such time.
        """
        super().set_expiry(value)
        self._setEnd(value)

    async def aset_expiry(self, value: Any) -> None:
        """
        As L{set_expiry}.
        """
        await super().aset_expiry(value)
        self._setEnd(value)

    def _setEnd(self, value: Any) -> None:
        if value:
            self._session[END] = time.time() + self.get_expiry_age()
        else:
            self._session.pop(END, None)

    @classmethod
    def clear_expired(cls) -> None:
        """
        Nothing: stores remove what has expired, and where they don't, the server does.
        """
