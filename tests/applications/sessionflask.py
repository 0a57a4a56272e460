"""
A Flask application whose sessions are the server's.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import (
    Flask,
    Response,
    flash,
    get_flashed_messages,
    jsonify,
    session,
    stream_with_context,
)

from twisted_multiserver.sessions.flask import MultiserverSessionInterface

app = Flask(__name__)
app.session_interface = MultiserverSessionInterface()


@app.route("/state")
def state() -> Response:
    return jsonify(
        data={name: value for name, value in session.items() if name[0] != "_"},
        messages=get_flashed_messages(),
        principal=session.principal,
        new=session.new,
        permanent=session.permanent,
    )


@app.route("/nothing")
def nothing() -> str:
    return "no session"


@app.route("/login")
def login() -> str:
    session.permanent = True
    session["user"] = "ann"
    session.principal = "7"
    session.rotate()
    flash("welcome")
    return "in"


@app.route("/logout")
def logout() -> str:
    session.destroy()
    return "out"


@app.route("/count")
def count() -> str:
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])


@app.route("/nested")
def nested() -> str:
    session.setdefault("cart", []).append("book")
    return str(len(session["cart"]))


@app.route("/save")
def save() -> str:
    session["saved"] = True
    session.commit()
    return "saved"


@app.route("/guarded")
def guarded() -> str:
    session.guard("cart")
    session["cart"] = ["mine"]
    return "mine"


@app.route("/clear")
def clear() -> str:
    session.clear()
    return "clear"


@app.route("/broken")
def broken() -> str:
    session["broken"] = True
    raise RuntimeError("broken on purpose")


@app.route("/forget")
def forget() -> str:
    session.pop("late")
    return "forgotten"


@app.route("/streaming")
def streaming() -> Response:
    def pieces() -> Iterator[str]:
        yield "begun "
        session["late"] = True
        yield "done"

    return Response(stream_with_context(pieces()))
