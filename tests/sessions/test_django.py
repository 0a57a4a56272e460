"""
C{request.session}, with the real Django, by WSGI and by ASGI.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured, SynchronousOnlyOperation
from django.test import override_settings
from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from tests.applications import sessiondjango
from tests.sessions.browser import ASGIBrowser, Browser, WSGIBrowser
from tests.sessions.faces import Memory
from twisted_multiserver.sessions.current import CURRENT
from twisted_multiserver.sessions.django import SessionStore
from twisted_multiserver.sessions.errors import SessionReadOnly, StoreUnavailable
from twisted_multiserver.sessions.requestsession import Sessions
from twisted_multiserver.sessions.settling import RequestSession

COOKIE = b"__Host-sid"


class WSGITests(SynchronousTestCase):
    """
    A Django project, by WSGI.
    """

    application: Any = staticmethod(sessiondjango.wsgi)
    makeBrowser: Callable[..., Browser] = WSGIBrowser

    def setUp(self) -> None:
        self.store = Memory()
        self.browser = self.makeBrowser(self.application, self.store)

    def state(self) -> Any:
        return self.browser.get("/state").json()

    def test_nothing(self) -> None:
        """
        A view that doesn't look at its session says nothing of it, whatever middlewares do.
        """
        reply = self.browser.get("/nothing")
        self.assertEqual((reply.text, reply.names, reply.vary), ("no session", [], []))
        self.browser.get("/count")
        self.assertEqual(self.browser.get("/nothing").vary, [])

    def test_count(self) -> None:
        """
        What one request puts into its session is there in the next one; there is one cookie,
        and it comes once.
        """
        for path in ("/count", "/acount"):
            self.browser.cookie = b""
            self.store.calls.clear()
            self.assertEqual(self.browser.get(path).names, [COOKIE])
            reply = self.browser.get(path)
            self.assertEqual((reply.text, reply.names, reply.vary), ("2", [], [b"Cookie"]))
            self.assertEqual(self.store.calls, ["commit", "load", "commit"])

    def test_nested(self) -> None:
        """
        A change inside a value needs no C{session.modified}.
        """
        for count in ("1", "2", "3"):
            self.assertEqual(self.browser.get("/nested").text, count)

    def test_login(self) -> None:
        """
        Logging in rotates the session and says whose it is; logging out ends it.
        """
        for login, logout in (("/login", "/logout"), ("/alogin", "/alogout")):
            self.browser.get("/count")
            before, key = self.browser.cookie, self.state()["key"]
            self.assertEqual(self.browser.get(login).names, [COOKIE])
            after = self.browser.cookie
            self.assertNotEqual(after, before)
            state = self.state()
            self.assertEqual(state["user"], "ann")
            self.assertEqual(state["data"], {"count": 1})
            self.assertEqual(state["principal"], "7")
            self.assertNotEqual(state["key"], key)
            self.assertEqual(len(self.store.records), 1)
            self.assertEqual(self.browser.get(logout).names, [COOKIE])
            self.assertEqual((self.browser.cookie, self.store.records), (b"", {}))
            self.browser.cookie = after
            state = self.state()
            self.assertEqual((state["user"], state["principal"], state["data"]), ("", "", {}))

    def test_messages(self) -> None:
        """
        Messages in the session are shown once.
        """
        self.browser.get("/login")
        self.assertEqual(self.state()["messages"], ["welcome"])
        self.assertEqual(self.state()["messages"], [])

    def test_save(self) -> None:
        """
        C{save} and its like store it at once, even without data, and there is a key then that
        stays and isn't what the cookie says.
        """
        for path in ("/save", "/asave"):
            self.browser.cookie = b""
            self.store.calls.clear()
            first = self.browser.get(path)
            self.assertEqual((first.status, first.names), (200, [COOKIE]))
            self.assertEqual(len(first.text), 64)
            self.assertEqual(self.browser.get(path).text, first.text)
            self.assertEqual(self.state()["key"], first.text)
            self.assertNotIn(first.text.encode(), self.browser.cookie)

    def test_broken(self) -> None:
        """
        A view that fails leaves the session as it was.
        """
        self.browser.get("/count")
        self.assertEqual(self.browser.get("/broken").status, 500)
        self.assertEqual(self.state()["data"], {"count": 1})

    def test_streaming(self) -> None:
        """
        What a stream changes is kept.
        """
        self.browser.get("/count")
        self.assertEqual(self.browser.get("/streaming").text, "begun done")
        self.assertEqual(self.state()["data"], {"count": 1, "late": True})

    def test_expiring(self) -> None:
        """
        A session ends when the application says.
        """
        self.browser.get("/count")
        self.browser.get("/expiring?seconds=3600")
        self.assertEqual(self.state()["data"], {"count": 1})
        self.browser.get("/expiring?seconds=0")
        self.assertEqual(self.state()["data"], {"count": 1})
        self.browser.get("/expiring?seconds=-1")
        self.assertEqual(self.state()["data"], {})
        self.assertEqual(self.store.records, {})

    def test_unavailable(self) -> None:
        """
        If the session can't be stored, the client isn't told that it is.
        """
        self.store.error = StoreUnavailable("down")
        reply = self.browser.get("/count")
        self.assertEqual((reply.status, reply.names), (503, []))

    def test_excepted(self) -> None:
        """
        Below a path without sessions there is nothing to read, and a change is refused.
        """
        rules = {"optOut": ("/nothing", "/count")}
        browser = self.makeBrowser(self.application, self.store, **rules)
        self.assertEqual(browser.get("/nothing").status, 200)
        self.assertEqual(browser.get("/count").status, 500)


class ASGITests(WSGITests):
    """
    The same project, by ASGI: views that aren't coroutines run in threads.
    """

    application = staticmethod(sessiondjango.asgi)
    makeBrowser = ASGIBrowser


class StoreTests(SynchronousTestCase):
    """
    What is between Django and the session.
    """

    def setUp(self) -> None:
        self.store = Memory()
        opened = Sessions(self.store).open([], True)
        assert isinstance(opened, RequestSession)
        self.session = opened
        token = CURRENT.set(opened)
        self.addCleanup(CURRENT.reset, token)
        self.django = SessionStore()

    def waits(self) -> None:
        """
        Answer C{commit} as in an ASGI application.
        """
        self.session.run = lambda call: call().asFuture(asyncio.get_running_loop())

    def run_(self, call: Callable[[], Awaitable[Any]]) -> Any:
        async def scenario() -> Any:
            return await call()

        return asyncio.run(scenario())

    def test_mapping(self) -> None:
        """
        It does what Django's sessions do, and hides what is only ours.
        """
        django = self.django
        django.update({"a": 1, "b": 2})
        self.assertEqual(django.pop("a"), 1)
        self.assertIsNone(django.pop("a", None))
        self.assertEqual(sorted(django.items()), [("b", 2)])
        self.assertTrue(django.has_key("b") and "b" in django)
        django.set_expiry(60)
        self.assertAlmostEqual(django.get_expiry_age(), 60)
        self.assertEqual(sorted(django.load()), ["_session_expiry", "b"])
        django.set_expiry(None)
        django.set_test_cookie()
        self.assertTrue(django.test_cookie_worked())
        django.delete_test_cookie()
        self.assertEqual(dict(self.session.data), {"b": 2})
        self.assertFalse(django.is_empty())
        django.clear()
        self.assertEqual(len(self.session.data), 0)
        self.assertTrue(django.is_empty())

    def test_asyncMapping(self) -> None:
        """
        So do the coroutines.
        """
        django = self.django
        self.waits()

        async def use() -> None:
            await django.aset("a", 1)
            self.assertEqual(await django.aget("a"), 1)
            self.assertEqual(await django.asetdefault("a", 2), 1)
            self.assertTrue(await django.ahas_key("a"))
            await django.aupdate({"b": 2})
            self.assertEqual(await django.apop("b"), 2)
            self.assertEqual(list(await django.akeys()), ["a"])
            await django.aset_expiry(60)
            await django.aset_expiry(None)
            await django.acycle_key()
            await django.asave()
            self.assertEqual(self.store.calls, ["commit"])
            await django.aflush()
            await django.asave()
            await django.adelete()
            await django.asave()

        self.run_(use)

    def test_asyncSave(self) -> None:
        """
        C{asave} waits for the store.
        """
        self.waits()
        self.store.hold()

        async def use() -> None:
            saving = asyncio.ensure_future(self.django.asave())
            for _ in range(10):
                await asyncio.sleep(0)
            self.assertEqual((self.store.calls, saving.done()), (["commit"], False))
            self.store.release()
            await saving

        self.run_(use)

    def test_principal(self) -> None:
        """
        The user who is logged in is the session's principal, until they aren't any more.
        """
        django = self.django
        for leave in (lambda: django.pop("_auth_user_id"), django.clear, django.flush):
            django["_auth_user_id"] = "7"
            self.assertEqual(django.data.principal, "7")
            leave()
            self.assertEqual(django.data.principal, "")

    def test_blocking(self) -> None:
        """
        Where waiting would block the loop, C{save} says what to use.
        """
        self.waits()

        async def use() -> None:
            self.django.save()

        self.assertRaises(SynchronousOnlyOperation, self.run_, use)
        self.assertEqual(self.store.calls, [])

    def test_delete(self) -> None:
        """
        C{delete} ends this session and can't reach others.
        """
        self.session.run = lambda call: succeed(call()) and None
        django = self.django
        django["a"] = 1
        self.assertIsNone(django.session_key)
        django.save()
        self.assertTrue(django.exists(django.session_key or ""))
        self.assertRaises(NotImplementedError, django.delete, "0" * 64)
        django.delete(django.session_key)
        self.assertTrue(django.is_empty())
        SessionStore.clear_expired()

    def test_outside(self) -> None:
        """
        Where no server of ours is, whoever uses it is told so.
        """
        import contextvars

        def use() -> None:
            outside = SessionStore("0" * 32)
            self.assertFalse(outside.accessed or outside.modified)
            for call in (lambda: outside.get("a"), outside.flush, outside.create):
                self.assertRaisesRegex(ImproperlyConfigured, "another SESSION_ENGINE", call)

        contextvars.Context().run(use)

    def test_excepted(self) -> None:
        """
        Below a path without sessions it can be read, and says why it can't be changed.
        """
        CURRENT.set(None)
        django = SessionStore()
        self.assertIsNone(django.get("a"))
        self.assertEqual(list(django.items()), [])
        self.assertTrue(django.is_empty())
        self.assertIsNone(django.session_key)
        for call in (lambda: django.update(a=1), lambda: django.update({"a": 1}), django.flush):
            self.assertRaises((SessionReadOnly, TypeError), call)
        self.assertRaises(KeyError, lambda: django.pop("a"))

    def test_saveEveryRequest(self) -> None:
        """
        A setting that would give Django a cookie of its own is refused.
        """
        with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
            self.assertRaisesRegex(ImproperlyConfigured, "SAVE_EVERY", SessionStore)
