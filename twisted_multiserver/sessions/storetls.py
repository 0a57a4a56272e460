"""
TLS to a store: the certificate and the name in it are verified, against the system's
authorities or given ones.  What it needs is imported only by those who ask for TLS.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.python.failure import Failure

from twisted_multiserver.sessions.errors import SessionError, StoreConfigError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def tlsOptions(store: str, host: str, authority: str | None) -> Any:
    """
    @param store: the kind of store, for people.
    @param host: whose name the certificate must have.
    @param authority: the path of certificates to trust; L{None} for those of the system.
    @return: how to connect.
    @raise StoreConfigError: if that can't be.
    """
    try:
        from OpenSSL import SSL
        from twisted.internet import ssl
    except ImportError as error:
        raise StoreConfigError(f"{store}: TLS needs more: pip install 'Twisted[tls]'") from error
    if authority is None:
        return ssl.optionsForClientTLS(host)
    try:
        with open(authority, "rb") as file:
            certificates = [
                ssl.Certificate.loadPEM(text) for text in _CERTIFICATE.findall(file.read())
            ]
    except OSError as error:
        raise StoreConfigError(
            f"{store}: ca={authority} can't be read: {error.strerror}"
        ) from error
    except SSL.Error as error:
        raise StoreConfigError(f"{store}: ca={authority} is damaged") from error
    if not certificates:
        raise StoreConfigError(f"{store}: there is no certificate (PEM) in ca={authority}")
    return ssl.optionsForClientTLS(host, ssl.trustRootFromCertificates(certificates))


def tlsMeaning(store: str, why: Failure) -> SessionError | None:
    """
    @param store: the kind of store, for people.
    @param why: a connection was lost.
    @return: the reason, if TLS is it.
    """
    try:
        from OpenSSL.SSL import Error
        from service_identity import VerificationError
    except ImportError:
        # Then there was no TLS.
        return None
    error = why.value
    if isinstance(error, VerificationError):
        return StoreConfigError(
            f"{store}: the server's certificate is for another name; say the host's name as the"
            " certificate does"
        )
    if not isinstance(error, Error):
        return None
    reason = "; ".join(str(item[-1]) for item in error.args[0]) if error.args else "no reason"
    if "certificate verify failed" in reason:
        return StoreConfigError(
            f"{store}: the server's certificate isn't trusted; name the authority's with the"
            " option ca=PATH"
        )
    return StoreConfigError(f"{store}: TLS isn't possible with this server: {reason}")
