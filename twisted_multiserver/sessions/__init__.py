"""
The session flow: what the children of one application share.

A request's session is loaded before any code of the application runs; what the
application changes is noted as a delta; the store applies the delta atomically; only then
the first byte of the response leaves::

    identifier, cookies     who is asking
    synchronizer            the store: load, commit, rotate, touch, delete
    data                    the mapping that the application sees, and its delta
    requestsession          one request's way from load to commit
    gate, site              the same on twisted.web, before the first byte
    asgi, wsgi, klein       the same for applications of other kinds
"""
