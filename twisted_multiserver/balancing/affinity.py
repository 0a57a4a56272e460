"""
A choice that binds the client.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_multiserver.balancing.backend import Backend


@dataclass(frozen=True, slots=True)
class Affinity:
    """
    A choice that binds the client to a backend by a cookie.

    @ivar backend: the choice.
    @ivar cookie: the whole value of a Set-Cookie field; it is sent by whoever
        writes the response's head.
    """

    backend: Backend
    cookie: bytes
