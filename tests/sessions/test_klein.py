"""
Klein with sessions from a store, by its real self.
"""

from __future__ import annotations

import re
from typing import Any

from klein.interfaces import (
    ISession,
    ISessionProcurer,
    ISessionStore,
    NoSuchSession,
    SessionMechanism,
    TooLateForCookies,
)
from twisted.web.server import Request
from zope.interface.verify import verifyObject

from tests.applications.sessionklein import browserResource, tokenResource
from tests.sessions.webcase import WebCase, data
from tests.sessions.weblanes import CoreLane, Reply, StockLane
from twisted_multiserver.sessions.errors import StoreUnavailable
from twisted_multiserver.sessions.klein import (
    BrowserSession,
    RequestProcurer,
    TokenStore,
)
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.requestsession import Sessions

FORM = (b"content-type", b"application/x-www-form-urlencoded")


class BrowserTests(WebCase):
    """
    Cookies.
    """

    lane = CoreLane

    async def post(self, lane: Any, cookie: bytes, body: bytes) -> Reply:
        count = len(lane.replies())
        lane.ask(b"POST", b"/enter", [(b"cookie", cookie), FORM], body)
        return await self.whole(lane, count)

    async def test_login(self) -> None:
        """
        Klein's form is guarded against forgery, and its authorization finds what the session
        is adapted to: on another connection and Site, as of another child.
        """
        lane = self.connect(browserResource())
        form = await self.get(lane, b"/form")
        cookie = form.cookie
        token = re.search(rb'name="__csrf_protection__" [^>]*value="(\w+)"', form.body) or (
            re.search(rb'value="(\w{64})"', form.body)
        )
        assert token is not None, form.body
        lane = self.connect(browserResource())
        refused = await self.post(lane, cookie, b"name=bob&__csrf_protection__=0")
        self.assertNotIn(b"welcome", refused.body)
        self.assertEqual((await self.get(lane, b"/me", cookie)).status, 401)
        entered = await self.post(lane, cookie, b"name=bob&__csrf_protection__=" + token[1])
        self.assertEqual((entered.status, entered.body), (200, b"welcome"))
        self.assertNotEqual(entered.cookie, cookie)
        self.assertEqual((await self.get(lane, b"/me", cookie)).status, 401)
        self.assertEqual((await self.get(lane, b"/me", entered.cookie)).body, b"you are bob")

    async def procured(self, request: Any) -> Any:
        return await RequestProcurer().procureSession(request)

    async def test_session(self) -> None:
        """
        It is the request's own, and a GET begins one.
        """
        verifyObject(ISessionProcurer, RequestProcurer())
        lane, kept = self.keeping()
        self.ask(lane)
        request = await self.arrival(lane, kept)
        session = await self.procured(request)
        self.assertIs(await self.procured(request), session)
        self.assertIs(ISession(request), session)
        verifyObject(ISession, session)
        self.assertFalse(session.isConfidential)
        self.assertIs(session.authenticatedBy, SessionMechanism.Cookie)
        identifier = session.identifier
        request.finish()
        cookie = (await self.whole(lane)).cookie
        self.assertNotIn(identifier.encode(), cookie)
        self.ask(lane, b"/", cookie)
        await self.until(lane, lambda: len(kept) == 2)
        self.assertEqual((await self.procured(kept[1])).identifier, identifier)
        kept[1].finish()

    async def test_refused(self) -> None:
        """
        Behind the head none can begin; where there are none, there is none.
        """
        lane, kept = self.keeping(policy=SessionPolicy(optOut=("/static",)))
        self.ask(lane)
        request = await self.arrival(lane, kept)
        request.write(b"x")
        await self.assertFailure(RequestProcurer().procureSession(request), TooLateForCookies)
        request.finish()
        self.ask(lane, b"/static/a")
        await self.until(lane, lambda: len(kept) == 2)
        await self.assertFailure(RequestProcurer().procureSession(kept[1]), NoSuchSession)
        kept[1].finish()

    async def test_degraded(self) -> None:
        """
        Without the store there is an identifier, which leads nowhere.
        """
        cookie = self.stored(a=1)
        self.store.error = StoreUnavailable("down")
        lane, kept = self.keeping(policy=SessionPolicy(whenUnavailable="degrade"))
        self.ask(lane, b"/", cookie)
        session = await self.procured(await self.arrival(lane, kept))
        self.assertIsInstance(session, BrowserSession)
        self.assertTrue(session.identifier)
        kept[0].finish()
        self.assertEqual((await self.whole(lane)).status, 200)


class TokenTests(WebCase):
    """
    Tokens in a field, with Klein's own procurer.
    """

    lane = StockLane

    async def test_token(self) -> None:
        """
        A program gets a token, says who it is, and is known by it.
        """
        tokens = TokenStore(Sessions(self.store))
        verifyObject(ISessionStore, tokens)
        session = await tokens.newSession(False, SessionMechanism.Header)
        verifyObject(ISession, session)
        session.data["name"] = "robot"
        await session.data.commit()
        lane = self.connect(tokenResource(TokenStore(Sessions(self.store))))
        for token, status in ((session.identifier, 200), ("0" * 43, 500), ("nonsense", 500)):
            field = (b"x-insecure-auth-token", token.encode())
            reply = await self.get(lane, b"/me", b"", b"GET", field)
            self.assertEqual(reply.status, status)
            self.assertEqual(reply.field(b"set-cookie"), [])
        self.assertEqual(len(self.flushLoggedErrors(NoSuchSession)), 2)
        self.assertEqual(lane.replies()[0].body, b"you are robot")

    async def test_refused(self) -> None:
        """
        A store that doesn't answer isn't a token that there isn't.
        """
        session = await TokenStore(Sessions(self.store)).newSession(True, SessionMechanism.Header)
        self.store.error = StoreUnavailable("down")
        for whenUnavailable in ("refuse", "degrade"):
            tokens = TokenStore(
                Sessions(self.store, SessionPolicy(whenUnavailable=whenUnavailable))
            )
            loading = tokens.loadSession(session.identifier, True, SessionMechanism.Header)
            await self.assertFailure(loading, StoreUnavailable)
            await self.assertFailure(
                tokens.newSession(True, SessionMechanism.Header), StoreUnavailable
            )

    async def test_ownSession(self) -> None:
        """
        That Klein asks its store is no business of the request's own session.
        """

        def call(request: Request) -> bytes:
            TokenStore(Sessions(self.store)).sentInsecurely(["a"])
            return b"%d" % len(data(request))

        reply = await self.get(self.connect(call))
        self.assertEqual(reply.body, b"0")
