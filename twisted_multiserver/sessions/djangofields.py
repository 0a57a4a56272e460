"""
What Django's sessions are made of.

Invariant: what is only ours isn't seen among an application's data.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from twisted_multiserver.sessions.data import SessionData
from twisted_multiserver.sessions.errors import SessionReadOnly

# When the application wants the session to end, in seconds since the epoch.
END = "_multiserver_end"
# What makes a session that is to exist without data one that is stored.
MADE = "_multiserver_made"
_HIDDEN = (END, MADE)
# django.contrib.auth's SESSION_KEY, whose module can't be imported before the settings.
_USER = "_auth_user_id"
EXCEPTED = "requests for this path have no session: it is among --session-except"


class DjangoFields(MutableMapping[str, Any]):
    """
    A session's data as Django's methods work on it; who is logged in is its principal.
    """

    __slots__ = ("_data",)

    def __init__(self, data: SessionData) -> None:
        """
        @param data: of the session.
        """
        self._data = data

    def __getitem__(self, name: str) -> Any:
        return self._data[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._data[name] = value
        if name == _USER:
            self._data.principal = str(value)

    def __delitem__(self, name: str) -> None:
        del self._data[name]
        if name == _USER:
            self._data.principal = ""

    def __contains__(self, name: object) -> bool:
        return name in self._data

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._data if name not in _HIDDEN)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Nothing(MutableMapping[str, Any]):
    """
    Below a path that has no sessions.
    """

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __setitem__(self, name: str, value: Any) -> None:
        raise SessionReadOnly(EXCEPTED)

    def __delitem__(self, name: str) -> None:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
