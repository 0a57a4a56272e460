"""
A Flask application.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator

from flask import Flask, Response, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

app = Flask(__name__)
together = threading.Barrier(3, timeout=30)


@app.route("/view")
def view() -> Response:
    return jsonify(
        client=request.remote_addr,
        scheme=request.scheme,
        url=request.url,
        root=request.script_root,
        path=request.path,
        link=url_for("view", _external=True),
        port=request.environ["SERVER_PORT"],
        multiprocess=request.environ["wsgi.multiprocess"],
        multithread=request.environ["wsgi.multithread"],
    )


@app.route("/leave")
def leave() -> WerkzeugResponse:
    return redirect(url_for("view", _external=True))


@app.route("/slash/")
def slash() -> str:
    return "slash"


@app.route("/upload", methods=["POST"])
def upload() -> str:
    return str(len(request.get_data()))


@app.route("/together")
def meet() -> str:
    together.wait()
    return threading.current_thread().name


@app.route("/endless")
def endless() -> Response:
    def parts() -> Iterator[str]:
        try:
            while True:
                yield "tick\n"
                time.sleep(0.005)
        finally:
            print("generator closed", file=sys.stderr)

    return Response(parts())


@app.route("/broken")
def broken() -> str:
    raise RuntimeError("broken on purpose")


def create_app() -> Flask:
    return app
