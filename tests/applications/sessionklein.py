"""
Klein with sessions from a store: a login by cookie, and one by token.
"""

from __future__ import annotations

from typing import Any

from klein import Authorization, Field, Form, Klein, Requirer, SessionProcurer
from klein.interfaces import ISession
from twisted.python.components import registerAdapter
from twisted.web.server import Session
from zope.interface import Attribute, Interface, implementer

from twisted_multiserver.sessions._isessiondata import ISessionData
from twisted_multiserver.sessions.klein import RequestProcurer, TokenSession


class IAccount(Interface):
    """
    Somebody who has logged in.
    """

    name: str = Attribute("Their name.")


@implementer(IAccount)
class Account:
    def __init__(self, name: str) -> None:
        self.name = name


def account(session: Any) -> Account | None:
    """
    @return: whose session that is; L{None} if it is nobody's.
    """
    name = ISessionData(session).get("name")
    return None if name is None else Account(name)


registerAdapter(account, Session, IAccount)
registerAdapter(account, TokenSession, IAccount)


class Application:
    """
    Logs in and tells who has.
    """

    router = Klein()
    requirer = Requirer()

    @requirer.prerequisite([ISession])
    def procure(self, request: Any) -> Any:
        """
        Where sessions come from.
        """
        return RequestProcurer().procureSession(request)

    @requirer.require(
        router.route("/enter", methods=["POST"]),
        name=Field.text(),
        session=Authorization(ISessionData),
    )
    def enter(self, name: str, session: Any) -> str:
        session["name"] = name
        session.rotate()
        return "welcome"

    @requirer.require(
        router.route("/form", methods=["GET"]), form=Form.rendererFor(enter, action="enter")
    )
    def form(self, form: Any) -> Any:
        return form

    @requirer.require(router.route("/me"), me=Authorization(IAccount))
    def show(self, me: Any) -> str:
        return f"you are {me.name}"


def browserResource() -> Any:
    """
    @return: for browsers.
    """
    return Application.router.__get__(Application(), Application).resource()


def tokenResource(store: Any) -> Any:
    """
    @param store: where sessions of tokens are.
    @return: for programs.
    """
    app, requirer = Klein(), Requirer()
    procurer = SessionProcurer(store)

    @requirer.prerequisite([ISession])
    def procure(request: Any) -> Any:
        return procurer.procureSession(request)

    @requirer.require(app.route("/me"), me=Authorization(IAccount))
    def show(me: Any) -> str:
        return f"you are {me.name}"

    return app.resource()
