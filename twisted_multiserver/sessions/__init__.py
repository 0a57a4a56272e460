"""
The session flow: what the children of one application share.

A request's session is loaded before any code of the application runs; what the
application changes is noted as a delta; the store applies the delta atomically; only then
the first byte of the response leaves::

    identifier, cookies     who is asking
    _isynchronizer          what a store is; record: what goes there and comes back
    sqlite*, redis*, mongodb*, memcached*, nodes
                            the stores; uri, storeuri, adapters: how they are named
    operations, breaker     how every operation on a store runs
    policy, meta            the rules, and what a record says of itself
    data, state, fields, codec, sealing
                            the mapping that the application sees, and what it changes
    requestsession, settling, writes, ground
                            one request's way from load to commit
    site, sessionrequest, webexchange, gate, websession, klein
                            the same on twisted.web, before the first byte
    asgi*, wsgi*, waiting, current, django*, flask
                            the same for applications of other kinds
    responsefields, refusals
                            what is added to a response, or answered instead
    setup, upkeep           the master's part
"""

from __future__ import annotations

from importlib import import_module

_HOMES = {
    "ISessionData": "_isessiondata",
    "ISessionSynchronizer": "_isynchronizer",
    "SessionPolicy": "policy",
    "SynchronizedSite": "site",
    "synchronizerFromURI": "uri",
}


def __getattr__(name: str) -> object:
    """
    Look up a public name in the module that it lives in.

    @param name: of a part that users name.
    @return: what it stands for.
    @raise AttributeError: if there is none by that name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
