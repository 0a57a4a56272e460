"""
Adaptation of what drivers make: C{ISessionSynchronizer(redisConnection)}.

Strategy: an object is known by the package that its class comes from, so that no driver
needs to be imported, nor to be there, for the others.  It is found before zope looks at
the object: txredisapi's connections claim to have any method that they are asked for,
C{__conform__} too, and fail when it is called.
"""

from __future__ import annotations

from twisted_multiserver.sessions.uri import STORES, storeClass

_HOMES = {home.driver: home for home in STORES.values() if home.driver}


def adapted(driverObject: object) -> object | None:
    """
    @param driverObject: anything.
    @return: a synchronizer; L{None} if that is no object of a driver's.
    @raise StoreConfigError: if it is one, but can't be used.
    """
    for base in type(driverObject).__mro__:
        home = _HOMES.get(base.__module__.partition(".")[0])
        if home is not None:
            from twisted.internet import reactor

            return storeClass(home)(driverObject, reactor)
    return None
