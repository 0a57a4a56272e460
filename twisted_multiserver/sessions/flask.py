"""
Sessions for Flask: C{flask.session} is that of the request::

    from twisted_multiserver.sessions.flask import MultiserverSessionInterface

    app = Flask(__name__)
    app.session_interface = MultiserverSessionInterface()

It is stored, and its cookie sent, around the application; Flask sets no cookie for it, and no
secret key is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import NullSession, SessionInterface, SessionMixin

from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.wsgi import ENVIRON_NAME


class MultiserverSession(SessionMixin):
    """
    C{flask.session}: besides Flask's, it has the methods and attributes of L{SessionData}.
    """

    # Nothing that Flask would have to do for it.
    modified = False

    def __init__(self, data: SessionData) -> None:
        """
        @param data: of the session.
        """
        self._data = data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._data[name] = value

    def __delitem__(self, name: str) -> None:
        del self._data[name]

    def __contains__(self, name: object) -> bool:
        return name in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def clear(self) -> None:
        """
        See L{SessionData.clear}.
        """
        self._data.clear()

    def __getattr__(self, name: str) -> Any:
        """
        Get what L{SessionData} has: C{guard}, C{rotate}, C{destroy}, C{commit} and so on.
        """
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._data, name)

    @property
    def principal(self) -> str:
        """
        See L{SessionData.principal}.
        """
        return self._data.principal

    @principal.setter
    def principal(self, principal: str) -> None:
        self._data.principal = principal

    @property
    def new(self) -> bool:  # type: ignore[override]  # Flask declares a variable.
        """
        Whether the session began with this request.
        """
        return self._data.isNew

    @property
    def permanent(self) -> bool:
        """
        True: how long sessions live is the server's configuration.
        """
        return True

    @permanent.setter
    def permanent(self, value: bool) -> None:
        pass


class NoSession(NullSession):
    """
    Where there is no session: it is empty, and says why it can't be changed.
    """

    def _refuse(self, *args: Any, **keywords: Any) -> Any:
        raise RuntimeError(
            "there is no session here: the application isn't served by twisted_multiserver with"
            " sessions, or this path is among --session-except"
        )

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = _refuse


class MultiserverSessionInterface(SessionInterface):
    """
    Gives Flask the sessions of the server.
    """

    null_session_class = NoSession

    def open_session(self, app: Flask, request: Request) -> MultiserverSession | None:
        """
        Part of C{SessionInterface}.
        """
        data = request.environ.get(ENVIRON_NAME)
        return None if data is None else MultiserverSession(data)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """
        Part of C{SessionInterface}; it is stored when the response begins.
        """
