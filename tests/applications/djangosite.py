"""
One Django project, served by WSGI and by ASGI.
"""

from __future__ import annotations

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path, reverse

settings.configure(
    ALLOWED_HOSTS=["www.example.com"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)
django.setup()


def view(request: HttpRequest) -> JsonResponse:
    return JsonResponse(
        {
            "client": request.META["REMOTE_ADDR"],
            "scheme": request.scheme,
            "port": request.get_port(),
            "url": request.build_absolute_uri(),
            "link": request.build_absolute_uri(reverse("view")),
        }
    )


def leave(request: HttpRequest) -> HttpResponseRedirect:
    return HttpResponseRedirect(request.build_absolute_uri(reverse("view")))


def upload(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


urlpatterns = [
    path("view/", view, name="view"),
    path("leave/", leave),
    path("upload/", upload),
]
wsgi = get_wsgi_application()
asgi = get_asgi_application()
