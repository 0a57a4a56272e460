"""
A Klein application.
"""

from __future__ import annotations

import json

from klein import Klein
from twisted.web.server import Request

app = Klein()


@app.route("/")
def root(request: Request) -> bytes:
    return b"klein"


@app.route("/view/<name>")
def view(request: Request, name: str) -> bytes:
    return json.dumps(
        {
            "client": request.getClientAddress().host,
            "secure": request.isSecure(),
            "url": request.prePathURL().decode(),
            "link": request.URLPath().click(b"/else").__str__(),
            "absolute": app_url(request),
        }
    ).encode()


def app_url(request: Request) -> str:
    from klein.interfaces import IKleinRequest

    return IKleinRequest(request).url_for("view", {"name": "other"}, force_external=True)


@app.route("/leave")
def leave(request: Request) -> bytes:
    request.redirect(request.prePathURL().replace(b"leave", b"view/x"))
    return b""


@app.route("/upload", methods=["POST"])
def upload(request: Request) -> bytes:
    return b"%d" % len(request.content.read())
