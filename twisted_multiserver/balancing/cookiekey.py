"""
The key of affinity cookies: C{--cookie-key-file}.

Masters that share servers share the file, so that each knows the others' cookies.
"""

from __future__ import annotations

import os
import secrets
import stat

from twisted_multiserver.errors import ConfigError

# Bytes.
_LEAST = 16
_MOST = 4096


def readCookieKey(path: str) -> bytes:
    """
    Read a key.

    @param path: a file of at least 16 bytes that nobody else can read.
    @return: the key.
    @raise ConfigError: if there is none, or others can read it.
    """
    advice = "make one by: head -c 32 /dev/urandom > FILE; chmod 600 FILE"
    try:
        # Not to wait for the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"the cookie key file {path} can't be read: {reason}; {advice}"
        ) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"the cookie key file {path} is no regular file; {advice}")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = stat.S_IMODE(status.st_mode)
            raise ConfigError(
                f"others can read the cookie key file {path} (mode {mode:03o});"
                f" make it yours by: chmod 600 {path}"
            )
        key = os.read(descriptor, _MOST).strip()
    finally:
        os.close(descriptor)
    if len(key) < _LEAST:
        raise ConfigError(
            f"the cookie key file {path} has {len(key)} bytes, a key has {_LEAST} or more; {advice}"
        )
    return key


def newCookieKey() -> bytes:
    """
    @return: a key that nobody else has.
    """
    return secrets.token_bytes(32)
