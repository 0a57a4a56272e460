"""
The application for WSGI.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chaos.served.orders import FIELDS, PAUSE, Answer, answerTo, end

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment


def application(environ: WSGIEnvironment, startResponse: StartResponse) -> Iterable[bytes]:
    """
    @param environ: of a request.
    @param startResponse: takes the head of the answer.
    @return: the body of the answer.
    """
    answer = answerTo(
        environ["REQUEST_METHOD"],
        environ["PATH_INFO"],
        environ.get("HTTP_X_ID", ""),
        environ.get("HTTP_X_FAULT", ""),
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
        lambda: environ["multiserver.session"],
    )
    if answer is None:
        startResponse("404 Not Found", [("Content-Length", "0")])
        return []
    length = [] if answer.length is None else [("Content-Length", str(answer.length))]
    startResponse("200 OK", [*FIELDS, *length])
    return _pieces(answer)


def _pieces(answer: Answer) -> Iterator[bytes]:
    for piece in answer.pieces:
        time.sleep(answer.wait)
        yield piece
    if answer.ends:
        time.sleep(PAUSE)
        end()
