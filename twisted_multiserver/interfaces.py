"""
Every public interface, in one place.

They live beside what they belong to; here they are looked up when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted_multiserver.balancing._iloadbalancer import IBackend as IBackend
    from twisted_multiserver.balancing._iloadbalancer import ILoadBalancer as ILoadBalancer
    from twisted_multiserver.balancing._iloadbalancer import IRequestInfo as IRequestInfo
    from twisted_multiserver.sessions._isessiondata import ISessionData as ISessionData
    from twisted_multiserver.sessions._isynchronizer import (
        ISessionSynchronizer as ISessionSynchronizer,
    )
    from twisted_multiserver.supervision._iobserver import ILifecycleObserver as ILifecycleObserver

_HOMES = {
    "IBackend": "balancing._iloadbalancer",
    "ILifecycleObserver": "supervision._iobserver",
    "ILoadBalancer": "balancing._iloadbalancer",
    "IRequestInfo": "balancing._iloadbalancer",
    "ISessionData": "sessions._isessiondata",
    "ISessionSynchronizer": "sessions._isynchronizer",
}

__all__ = [
    "IBackend",
    "ILifecycleObserver",
    "ILoadBalancer",
    "IRequestInfo",
    "ISessionData",
    "ISessionSynchronizer",
]


def __getattr__(name: str) -> object:
    """
    Look up an interface.

    @param name: one of C{__all__}.
    @return: the interface.
    @raise AttributeError: if there is none by that name.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"twisted_multiserver.{_HOMES[name]}"), name)
