"""
A synchronizer from a URI.

Strategy: the kind of store names the file that it is in, which is imported only then, and
so is the driver.  A store's class has C{uriOptions}, the options that its URIs may have, and
C{fromURI}.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from twisted_multiserver.sessions.errors import StoreConfigError
from twisted_multiserver.sessions.storeuri import StoreURI, parseURI

if TYPE_CHECKING:
    from twisted_multiserver.sessions._isynchronizer import ISessionSynchronizer

__all__ = ["STORES", "StoreHome", "parseURI", "storeClass", "synchronizerFromURI"]


class StoreClass(Protocol):
    """
    What a store's class has.

    @ivar uriOptions: the options that its URIs may have.
    """

    uriOptions: frozenset[str]

    def __call__(self, driverObject: object, reactor: object) -> ISessionSynchronizer:
        """
        @param driverObject: a connection, collection or client of the driver's.
        @param reactor: the reactor.
        @return: a synchronizer that uses it, and never closes it.
        @raise StoreConfigError: if it can't be used.
        """

    def fromURI(self, uri: StoreURI, reactor: object) -> ISessionSynchronizer:
        """
        @param uri: where the store is.
        @param reactor: the reactor.
        @return: a synchronizer that has yet to be started.
        @raise StoreConfigError: if the URI can't be right.
        """


@dataclass(frozen=True, slots=True)
class StoreHome:
    """
    Where a kind of store is.

    @ivar module: in this package.
    @ivar name: of the class.
    @ivar driver: the package that it needs; empty for none.
    @ivar extra: that installs the driver.
    @ivar besides: packages that come with the driver.
    """

    module: str
    name: str
    driver: str = ""
    extra: str = ""
    besides: tuple[str, ...] = ()


_REDIS = StoreHome("redis", "RedisSynchronizer", "txredisapi", "redis")

STORES = {
    "memcached": StoreHome("memcached", "MemcachedSynchronizer", "pymemcache", "memcached"),
    "mongodb": StoreHome(
        "mongodb", "MongoDBSynchronizer", "txmongo", "mongodb", ("pymongo", "bson")
    ),
    "redis": _REDIS,
    "rediss": _REDIS,
    "sqlite": StoreHome("sqlite", "SQLiteSynchronizer"),
}


def storeClass(home: StoreHome) -> StoreClass:
    """
    @param home: where a kind of store is.
    @return: its class.
    @raise StoreConfigError: if its driver is missing.
    """
    try:
        module = import_module(f"twisted_multiserver.sessions.{home.module}")
    except ModuleNotFoundError as error:
        # Some other module that is missing is a fault, and no user's.
        if (error.name or "").partition(".")[0] not in (home.driver or None, *home.besides):
            raise
        raise StoreConfigError(
            f"{home.module} needs {home.driver}: pip install 'twisted_multiserver[{home.extra}]'"
        ) from error
    return cast(StoreClass, getattr(module, home.name))


def synchronizerFromURI(uri: str, reactor: object = None) -> ISessionSynchronizer:
    """
    Make a synchronizer; it connects when it is started.

    @param uri: such as C{redis://localhost/0} or C{sqlite:///path}.
    @param reactor: the reactor; L{None} for the global one.
    @return: a synchronizer.
    @raise StoreConfigError: if the URI can't be right, or a driver is missing.
    """
    parsed = parseURI(uri)
    found = storeClass(STORES[parsed.scheme])
    parsed.checkOptions(found.uriOptions)
    if reactor is None:
        from twisted.internet import reactor
    return found.fromURI(parsed, reactor)
