"""
Sessions by way of the store that C{STORE} names: /set?NAME sets a field, /get?NAME tells it.
"""

import os

from twisted.internet import reactor
from twisted.web.resource import Resource

from twisted_multiserver.interfaces import ISessionData
from twisted_multiserver.sessions.policy import SessionPolicy
from twisted_multiserver.sessions.site import SynchronizedSite
from twisted_multiserver.sessions.uri import synchronizerFromURI


class Fields(Resource):
    isLeaf = True

    def render_GET(self, request):
        session = ISessionData(request.getSession())
        name, _, value = request.uri.partition(b"?")[2].decode().partition("=")
        if request.path == b"/set":
            session[name] = value or 1
        elif request.path == b"/end":
            session.destroy()
        elif request.path == b"/take":
            session.guard(name)
            if name in session:
                request.setResponseCode(410)
            else:
                session[name] = 1
        elif request.path == b"/count":
            return b"%d" % len(session)
        return f"{os.getpid()} {session.get(name)}".encode()

    render_POST = render_GET


async def site():
    synchronizer = synchronizerFromURI(os.environ["STORE"], reactor)
    await synchronizer.start()
    policy = SessionPolicy(maxKeys=2000)
    return SynchronizedSite(Fields(), synchronizer, policy)
