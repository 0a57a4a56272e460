"""
For tests of parts of your own: makers of what they are shown, and the contracts that ours
keep::

    LoadBalancerContract          for a policy; with makeBackend and makeRequest
    SessionSynchronizerContract   for a store of sessions; with MemorySynchronizer, one that
                                  keeps them in memory

The names are looked up when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_multiserver.testing.balancing import LoadBalancerContract as LoadBalancerContract
    from twisted_multiserver.testing.balancing import MadeExchange as MadeExchange
    from twisted_multiserver.testing.balancing import makeBackend as makeBackend
    from twisted_multiserver.testing.balancing import makeRequest as makeRequest
    from twisted_multiserver.testing.memory import MemorySynchronizer as MemorySynchronizer
    from twisted_multiserver.testing.sessions import (
        SessionSynchronizerContract as SessionSynchronizerContract,
    )

_HOMES = {
    "LoadBalancerContract": "balancing",
    "MadeExchange": "balancing",
    "MemorySynchronizer": "memory",
    "SessionSynchronizerContract": "sessions",
    "makeBackend": "balancing",
    "makeRequest": "balancing",
}

__all__ = [
    "LoadBalancerContract",
    "MadeExchange",
    "MemorySynchronizer",
    "SessionSynchronizerContract",
    "makeBackend",
    "makeRequest",
]


def __getattr__(name: str) -> object:
    """
    Look up a public name in the module that it lives in.

    @param name: one of C{__all__}.
    @return: what it stands for.
    @raise AttributeError: if there is none by that name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
