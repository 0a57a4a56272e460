"""
From the URI of a MongoDB to a pool of txmongo's.

Strategy: what txmongo ignores in a URI is done here or refused: C{tls=true}, without which it
would speak in clear text, and credentials, which it ignores without a database.  Whoever
names no database is looked up in C{admin}, as MongoDB's own URIs have it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pymongo.errors import PyMongoError
from twisted.internet.defer import Deferred
from txmongo.connection import ConnectionPool

from twisted_multiserver.sessions.errors import StoreConfigError
from twisted_multiserver.sessions.mongodbknock import knock
from twisted_multiserver.sessions.mongodbtls import ServerNames
from twisted_multiserver.sessions.storeuri import StoreURI

DATABASE = "multiserver"
COLLECTION = "sessions"
URI_OPTIONS = frozenset({"authSource", "ca", "collection", "replicaSet", "tls"})

_USERS = "admin"
_PORT = 27017
_CONNECTIONS = 4
# Also how long a handshake may take, in seconds: shorter, and slow servers never get ready.
_RETRY_DELAY = 1.0


class Opening:
    """
    A collection that is yet to be opened.
    """

    def __init__(self, uri: StoreURI) -> None:
        """
        @param uri: where it is.
        @raise StoreConfigError: if it can't be there.
        """
        if uri.user is not None and not uri.password:
            raise StoreConfigError(f"{uri.place}: a user needs a password")
        self._uri = replace(uri, hosts=uri.hosts or (("localhost", _PORT),))
        self._names = _tls(self._uri)

    def open(self) -> tuple[ConnectionPool, str, str]:
        """
        Begin to connect.

        @return: the pool, and the names of the database and of the collection.
        @raise StoreConfigError: if the driver doesn't accept it.
        """
        try:
            pool = ConnectionPool(
                driverURI(self._uri),
                pool_size=_CONNECTIONS,
                ssl_context_factory=self._names,
                retry_delay=_RETRY_DELAY,
                max_delay=_RETRY_DELAY,
            )
        except PyMongoError as error:
            raise StoreConfigError(f"{self._uri.place}: the driver says: {error}") from error
        return pool, self._uri.path or DATABASE, self._uri.options.get("collection", COLLECTION)

    def knock(self, reactor: Any) -> Deferred[None]:
        """
        @param reactor: the reactor.
        @return: see L{knock}.
        """
        return knock(reactor, self._uri, self._names)


def driverURI(uri: StoreURI) -> str:
    """
    @param uri: as the user means it.
    @return: as txmongo understands it.
    """
    hosts = ",".join(
        f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in uri.hosts
    )
    options = {"w": "majority", "journal": "true"}
    who = ""
    if uri.user is not None:
        who = f"{quote(uri.user, safe='')}:{quote(uri.password or '', safe='')}@"
        options["authSource"] = uri.options.get("authSource") or uri.path or _USERS
    if "replicaSet" in uri.options:
        options["replicaSet"] = uri.options["replicaSet"]
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
    return f"mongodb://{who}{hosts}/{quote(uri.path or DATABASE, safe='')}?{query}"


def _tls(uri: StoreURI) -> ServerNames | None:
    """
    @param uri: as the user means it.
    @return: how to connect by TLS; L{None} for clear text.
    @raise StoreConfigError: if that can't be.
    """
    tls = uri.options.get("tls", "false")
    if tls not in ("true", "false"):
        raise StoreConfigError(f"{uri.place}: option 'tls' must be true or false")
    if tls == "false":
        if "ca" in uri.options:
            raise StoreConfigError(f"{uri.place}: option 'ca' needs tls=true")
        return None
    names = ServerNames(uri.options.get("ca"))
    for host, _ in uri.hosts:
        names.options(host)
    return names
