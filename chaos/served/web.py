"""
The application for twisted.web.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from chaos.served.orders import FIELDS, PAUSE, Answer, answerTo, end
from twisted_multiserver.interfaces import ISessionData

reactor: Any = _reactor


class Pages(Resource):
    """
    All of it.
    """

    isLeaf = True

    def render(self, request: Request) -> bytes | int:
        """
        @param request: of a client.
        @return: that the answer follows, or a page that says that there is none.
        """
        assert request.content is not None
        answer = answerTo(
            request.method.decode(),
            request.path.decode(),
            request.getHeader("x-id") or "",
            request.getHeader("x-fault") or "",
            request.content.read(),
            lambda: ISessionData(request.getSession()),
        )
        if answer is None:
            request.setResponseCode(404)
            return b"nothing here\n"
        for name, value in FIELDS:
            request.setHeader(name, value)
        if answer.length is not None:
            request.setHeader(b"content-length", b"%d" % answer.length)
        if answer.wait == 0 and not answer.ends:
            for piece in answer.pieces:
                request.write(piece)
            request.finish()
            return NOT_DONE_YET
        answering = Deferred.fromCoroutine(_give(request, answer))
        left = request.notifyFinish()
        left.addErrback(lambda _: answering.cancel())
        answering.addErrback(lambda failure: left.called or failure)
        return NOT_DONE_YET


async def _give(request: Request, answer: Answer) -> None:
    for piece in answer.pieces:
        await deferLater(reactor, answer.wait)
        request.write(piece)
    if answer.ends:
        await deferLater(reactor, PAUSE)
        end()
    request.finish()


resource = Pages()  # type: ignore[no-untyped-call]
