"""
One Django project with users, served by WSGI and by ASGI; its sessions are the server's.
"""

from __future__ import annotations

import asyncio

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

settings.configure(
    ALLOWED_HOSTS=["www.example.com"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",
    SESSION_ENGINE="twisted_multiserver.sessions.django",
    MESSAGE_STORAGE="django.contrib.messages.storage.session.SessionStorage",
    CSRF_USE_SESSIONS=True,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": ":memory:",
        }
    },
    USE_TZ=True,
)
django.setup()

from django.contrib import auth, messages  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.auth.signals import user_logged_in  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

# It would be written into a database.
user_logged_in.disconnect(dispatch_uid="update_last_login")


def user(name: str) -> User:
    """
    A user who is in no database.
    """
    return User(pk=7, username=name, password="hash", is_active=True)


class Backend:
    """
    Knows users without a database.
    """

    def authenticate(self, request: HttpRequest, username: str = "") -> User:
        return user(username)

    def get_user(self, number: str) -> User:
        return user("ann")

    async def aget_user(self, number: str) -> User:
        return user("ann")


settings.AUTHENTICATION_BACKENDS = [f"{__name__}.Backend"]


def state(request: HttpRequest) -> JsonResponse:
    session = request.session
    return JsonResponse(
        {
            "user": request.user.username,
            "data": {name: value for name, value in session.items() if name[0] != "_"},
            "key": session.session_key,
            "principal": session.data.principal,
            "messages": [str(message) for message in messages.get_messages(request)],
        }
    )


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse("no session")


def login(request: HttpRequest) -> HttpResponse:
    auth.login(request, user("ann"), f"{__name__}.Backend")
    messages.info(request, "welcome")
    return HttpResponse("in")


def logout(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return HttpResponse("out")


async def alogin(request: HttpRequest) -> HttpResponse:
    await auth.alogin(request, user("ann"), f"{__name__}.Backend")
    return HttpResponse("in")


async def alogout(request: HttpRequest) -> HttpResponse:
    await auth.alogout(request)
    return HttpResponse("out")


def count(request: HttpRequest) -> HttpResponse:
    request.session["count"] = request.session.get("count", 0) + 1
    return HttpResponse(str(request.session["count"]))


async def acount(request: HttpRequest) -> HttpResponse:
    number = await request.session.aget("count", 0) + 1
    await request.session.aset("count", number)
    return HttpResponse(str(number))


def nested(request: HttpRequest) -> HttpResponse:
    request.session.setdefault("cart", []).append("book")
    return HttpResponse(str(len(request.session["cart"])))


def save(request: HttpRequest) -> HttpResponse:
    if not request.session.session_key:
        request.session.save()
    return HttpResponse(request.session.session_key)


async def asave(request: HttpRequest) -> HttpResponse:
    if not request.session.session_key:
        await request.session.acreate()
    await request.session.aset("saved", True)
    await request.session.asave()
    return HttpResponse(request.session.session_key)


def broken(request: HttpRequest) -> HttpResponse:
    request.session["broken"] = True
    raise RuntimeError("broken on purpose")


def expiring(request: HttpRequest) -> HttpResponse:
    request.session.set_expiry(float(request.GET["seconds"]))
    return HttpResponse("soon")


def streaming(request: HttpRequest) -> StreamingHttpResponse:
    def pieces():
        yield "begun "
        request.session["late"] = True
        yield "done"

    async def apieces():
        yield "begun "
        await request.session.aset("late", True)
        await asyncio.sleep(0)
        yield "done"

    isASGI = hasattr(request, "scope")
    return StreamingHttpResponse(apieces() if isASGI else pieces())


def forget(request: HttpRequest) -> HttpResponse:
    del request.session["late"]
    return HttpResponse("forgotten")


urlpatterns = [
    path(view.__name__, view)
    for view in (
        state,
        nothing,
        login,
        logout,
        alogin,
        alogout,
        count,
        acount,
        nested,
        save,
        asave,
        broken,
        expiring,
        streaming,
        forget,
    )
]
wsgi = get_wsgi_application()
asgi = get_asgi_application()
