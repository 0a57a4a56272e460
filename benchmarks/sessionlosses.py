"""
Updates that are lost: 4 children, to each of which clients say to set fields of their own in
one session, through HTTP and the balancer; here, with Flask-Session on Redis, and with Django's
cached_db.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread

from benchmarks.sessionmaster import Master
from tests.integration.test_sessions_shared import Browser
from tests.stores.memcachedserver import MemcachedServer
from tests.stores.mongoserver import MongoServer
from tests.stores.redisserver import RedisServer
from twisted_multiserver.sessions.sqliteschema import prepareDatabase

CHILDREN = 4
COMMITS = 300

FLASK = """
import os, redis
from flask import Flask, request, session
from flask_session import Session

app = Flask(__name__)
connection = redis.Redis(unix_socket_path=os.environ["STORE"])
app.config.update(SESSION_TYPE="redis", SESSION_REDIS=connection)
Session(app)

@app.route("/set")
def set_():
    session[request.query_string.decode()] = 1
    return "ok"

@app.route("/count")
def count():
    return str(len([name for name in session if name.startswith("w")]))
"""

DJANGO = """
import os, django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x" * 50,
    SESSION_ENGINE="django.contrib.sessions.backends.cached_db",
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["STORE"] + ".db", "OPTIONS": {"timeout": 20}}},
    CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": "unix://" + os.environ["STORE"]}},
)
django.setup()

def set_(request):
    request.session[request.META["QUERY_STRING"]] = 1
    return HttpResponse("ok")

def count(request):
    return HttpResponse(str(len([name for name in request.session.keys() if name[0] == "w"])))

urlpatterns = [path("set", set_), path("count", count)]
application = get_wsgi_application()
"""

MIGRATE = """
import losing
from django.core.management import call_command

call_command("migrate", verbosity=0)
"""


def _race(port: int) -> tuple[int, int]:
    first = Browser(port)
    first.ask("/set?begun")

    def write(writer: int) -> int:
        browser = Browser(port, first.cookie)
        return sum(browser.ask(f"/set?w{writer}-{n}")[0] == 200 for n in range(COMMITS))

    with ThreadPoolExecutor(CHILDREN) as threads:
        acknowledged = sum(threads.map(write, range(CHILDREN)))
    count = int(first.ask("/count")[1])
    return acknowledged, count


def _measure(name: str, module: str, folder: str, store: str, extra: int) -> dict[str, int]:
    options = [f"--app={module}", f"--children={CHILDREN}", "--sessions=none"]
    with Master(options, folder, store) as port:
        acknowledged, count = _race(port)
    lost = acknowledged - (count - extra)
    print(f"{name:<28} {acknowledged:>12} {lost:>8}", flush=True)
    return {"acknowledged": acknowledged, "lost": lost}


async def losses(reactor: Any) -> dict[str, Any]:
    """
    @param reactor: running.
    @return: updates acknowledged and lost, by contender.
    """
    print(f"\n{CHILDREN} children, {CHILDREN} clients, {COMMITS} fields each, one session\n")
    print(f"{'':<28} {'acknowledged':>12} {'lost':>8}")
    found: dict[str, Any] = {}
    folder = tempfile.mkdtemp(prefix="losing-")
    root = str(Path(__file__).parents[1])
    ours = "tests.applications.sessionrace:site"
    try:
        database = f"{folder}/sessions"
        prepareDatabase(database)
        found["sqlite"] = await deferToThread(
            _measure, "ours, SQLite", ours, root, f"sqlite://{database}", 1
        )
        for kind in (RedisServer, MongoServer, MemcachedServer):
            server = kind()
            await server.start()
            name = f"ours, {kind.__name__.removesuffix('Server')}"
            try:
                found[name] = await deferToThread(_measure, name, ours, root, server.uri(), 1)
            finally:
                await server.stop()
        for name, text, attribute in (
            ("Flask-Session, Redis", FLASK, "app"),
            ("Django cached_db, Redis", DJANGO, "application"),
        ):
            redis = RedisServer()
            await redis.start()
            Path(folder, "losing.py").write_text(text)
            if text is DJANGO:
                environment = {**os.environ, "STORE": redis.path, "PYTHONPATH": folder}
                await deferToThread(_run, environment)
            try:
                found[name] = await deferToThread(
                    _measure, name, f"losing:{attribute}", folder, redis.path, 0
                )
            finally:
                await redis.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _run(environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-c", MIGRATE], env=environment, check=True)
