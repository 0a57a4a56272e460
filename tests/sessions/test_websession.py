"""
C{request.getSession()}: what applications of twisted.web know, on a session from a store.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import ILogObserver, globalLogPublisher
from twisted.python.components import registerAdapter
from twisted.web.server import Request, Session
from zope.interface import Attribute, Interface, implementer
from zope.interface.verify import verifyObject

from tests.sessions.webcase import WebCase, data
from tests.sessions.weblanes import StockLane
from twisted_multiserver.sessions._isessiondata import ISessionData
from twisted_multiserver.sessions.data import SessionData


class ICart(Interface):
    """
    What somebody wants to buy.
    """

    things: list[str] = Attribute("Their names.")


@implementer(ICart)
class Cart:
    def __init__(self, session: Session) -> None:
        self._data: Any = ISessionData(session)

    @property
    def things(self) -> list[str]:
        things: list[str] = self._data.setdefault("things", [])
        return things


class IForgetful(Interface):
    """
    Something that keeps its own state.
    """


@implementer(IForgetful)
class Forgetful:
    def __init__(self, session: Session) -> None:
        self.session = session
        self.count = 0


class AlsoForgetful(Forgetful):
    """
    The same.
    """


class INothing(Interface):
    """
    What no session can be adapted to.
    """


registerAdapter(Cart, Session, ICart)
registerAdapter(Forgetful, Session, IForgetful)


class SessionTests(WebCase):
    lane = StockLane

    async def request(self, cookie: bytes = b"") -> tuple[Any, Any]:
        lane, kept = self.keeping()
        self.ask(lane, b"/", cookie)
        return lane, await self.arrival(lane, kept)

    async def test_one(self) -> None:
        """
        There is one for each request, a Session by all signs, with the mapping behind it.
        """
        lane, request = await self.request()
        self.assertIdentical(request.session, None)
        session = request.getSession()
        self.assertIsInstance(session, Session)
        self.assertIs(request.getSession(), session)
        self.assertIs(request.getSession(forceNotSecure=True), session)
        self.assertIs(request.session, session)
        mapping = ISessionData(session)
        self.assertIsInstance(mapping, SessionData)
        verifyObject(ISessionData, mapping)
        self.assertIs(request.getSession(ISessionData), mapping)
        self.assertIs(session.site, request.site)
        self.assertGreater(session.lastModified, 0)
        session.touch()
        session.startCheckingExpiration()
        request.finish()
        reply = await self.whole(lane)
        self.assertEqual(reply.field(b"set-cookie"), [])
        self.assertEqual(request.site.sessions, {})

    async def test_adapter(self) -> None:
        """
        An adapter that keeps its things in the mapping finds them again.
        """
        lane, request = await self.request()
        cart = request.getSession(ICart)
        self.assertIs(ICart(request.getSession()), cart)
        cart.things.append("a book")
        request.finish()
        cookie = (await self.whole(lane)).cookie
        lane, request = await self.request(cookie)
        self.assertEqual(request.getSession(ICart).things, ["a book"])
        self.assertIs(request.getSession().getComponent(INothing), None)
        request.finish()

    async def test_warning(self) -> None:
        """
        One that keeps them in itself is warned of, once; the others aren't.
        """
        warnings: list[str] = []

        @implementer(ILogObserver)
        def observe(event: Any) -> None:
            if "is made anew" in (event.get("log_format") or ""):
                warnings.append(f"{event['kind']} {event['names']}")

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        for _ in range(2):
            _, request = await self.request()
            request.getSession(ICart)
            request.getSession(IForgetful)
            request.getSession().setComponent(IForgetful, AlsoForgetful(request.getSession()))
            request.finish()
        names = [f"{__name__}.{name} count" for name in ("Forgetful", "AlsoForgetful")]
        self.assertEqual(warnings, names)

    async def test_expire(self) -> None:
        """
        It ends the session for all, and tells who asked here.
        """
        cookie = self.stored(a=1)
        lane, request = await self.request(cookie)
        told: list[str] = []
        request.getSession().notifyOnExpire(lambda: told.append("expired"))
        request.getSession().expire()
        self.assertEqual(told, ["expired"])
        request.getSession().expire()
        self.assertEqual(told, ["expired"])
        request.finish()
        self.assertEqual((await self.whole(lane)).cookie, b"sid=")
        self.assertEqual(self.store.memory.records, {})

    async def test_uid(self) -> None:
        """
        The same for all requests of a session, also the one that begins it, and it is neither
        the cookie nor what the store knows; what depends on it depends on the cookie.
        """
        lane, request = await self.request()
        uid = request.getSession().uid
        self.assertIsInstance(uid, bytes)
        request.getSession(ISessionData)["a"] = 1
        request.finish()
        cookie = (await self.whole(lane)).cookie
        lane, request = await self.request(cookie)
        self.assertEqual(request.getSession().uid, uid)
        self.assertNotIn(uid, cookie)
        self.assertNotIn(uid.decode(), [key.hex() for key in self.store.memory.records])
        request.finish()
        self.assertEqual((await self.whole(lane)).field(b"vary"), [b"Cookie"])
        _, request = await self.request(self.stored(a=1))
        self.assertNotEqual(request.getSession().uid, uid)
        request.finish()

    async def test_afterwards(self) -> None:
        """
        Whoever asks when the response is out finds a session, and can't begin one.
        """
        lane, request = await self.request()
        request.finish()
        await self.whole(lane)
        self.assertEqual(dict(data(request)), {})

    async def test_secure(self) -> None:
        """
        The cookie of a client that came by TLS is another.
        """

        def call(request: Request) -> bytes:
            request.setHost(b"h", 443, True)
            data(request)["a"] = 1
            return b""

        lane = self.connect(call)
        reply = await self.get(lane)
        (line,) = reply.field(b"set-cookie")
        self.assertTrue(line.startswith(b"__Host-sid="))
        self.assertIn(b"; Secure", line)
