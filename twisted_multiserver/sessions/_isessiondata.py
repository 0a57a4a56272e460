"""
How applications of twisted.web reach their session's data.
"""

from __future__ import annotations

from typing import Any

from zope.interface import Attribute, Interface


class ISessionData(Interface):
    """
    A session as a mutable mapping: C{ISessionData(request.getSession())["visits"] = 1}.

    Names are strings; values are what L{TaggedJSON<twisted_multiserver.sessions.codec>} can
    write.  See L{SessionData<twisted_multiserver.sessions.data.SessionData>}, which it is.
    """

    principal: str = Attribute("Whom the session belongs to; empty for nobody.")
    isNew: bool = Attribute("Whether the session began with this request.")
    isDegraded: bool = Attribute("Whether the store could not be asked.")
    label: str = Attribute("What to call the session in logs; doesn't lead to it.")

    def __getitem__(name: str) -> Any:  # noqa: PLE0302 # no self
        """
        @param name: of a field.
        @return: its value.
        @raise KeyError: if there is none.
        """

    def __setitem__(name: str, value: Any) -> None:  # noqa: PLE0302 # no self
        """
        @param name: of a field.
        @param value: stored when the response begins.
        """

    def __delitem__(name: str) -> None:  # noqa: PLE0302 # no self
        """
        @param name: of a field.
        @raise KeyError: if there is none.
        """

    def __contains__(name: object) -> bool:  # noqa: PLE0302 # no self
        """
        @param name: of a field.
        @return: whether it is there.
        """

    def get(name: str, default: Any = None) -> Any:
        """
        @param name: of a field.
        @param default: if there is none.
        @return: its value.
        """

    def guard(name: str) -> None:
        """
        Let the commit succeed only if nobody else has changed a field meanwhile.

        @param name: of a field.
        """

    def rotate() -> None:
        """
        Give the session another identifier: when somebody logs in.
        """

    def destroy() -> None:
        """
        End the session: when somebody logs out.
        """

    def destroyEverywhere(exceptThis: bool = False) -> Any:
        """
        End all sessions of this one's principal.

        @param exceptThis: whether this one goes on.
        @return: a C{Deferred}.
        """

    def commit() -> Any:
        """
        Store the changes now instead of when the response begins.

        @return: a C{Deferred}.
        """
