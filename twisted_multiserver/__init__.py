"""
An application server and load balancer for Python web programs, on Twisted.

One process, the I{master}, spawns, watches and replaces I{children} that run the
user's application, and distributes requests over them.  Three flows make the
house; each is a package or two, and imports go one way only, downwards::

    tap, service    twistd's options become a service
    master          joins the parts; the only wiring

    gateway         B{the request flow}: a client's request finds a backend, its
                    response the way back
    supervision     B{the child flow}, the master's side: spawn, ready, crash,
                    respawn, stop
    child           B{the child flow}, the child's side: load, serve, drain

    sessions        B{the session flow}: what children share, stored before the first byte
    balancing       who could take a request, and who takes it
    http1           HTTP/1.1 as pure decisions

    draining        a Site whose connections can be drained
    contract        the border between master and child
    config, errors  what the user may ask for, and how a refusal is said

    demo            the bundled application
    testing         doubles and contract suites for users' own parts

The names below are looked up when they are first used, so that importing the
package imports neither Twisted nor zope: a child must be able to choose its
reactor first.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # First, for pydoctor: it says there what provides ILoadBalancer.
    from twisted_multiserver.balancing import _iloadbalancer as _iloadbalancer
    from twisted_multiserver.balancing.affinity import Affinity as Affinity
    from twisted_multiserver.balancing.consistenthash import ConsistentHash as ConsistentHash
    from twisted_multiserver.balancing.leastconnections import LeastConnections as LeastConnections
    from twisted_multiserver.balancing.leastlag import LeastLag as LeastLag
    from twisted_multiserver.balancing.leastlatency import LeastLatency as LeastLatency
    from twisted_multiserver.balancing.outcomes import Outcome as Outcome
    from twisted_multiserver.balancing.poweroftwochoices import (
        PowerOfTwoChoices as PowerOfTwoChoices,
    )
    from twisted_multiserver.balancing.roundrobin import RoundRobin as RoundRobin
    from twisted_multiserver.balancing.stickysession import StickySession as StickySession
    from twisted_multiserver.balancing.weightedroundrobin import (
        WeightedRoundRobin as WeightedRoundRobin,
    )
    from twisted_multiserver.config import MasterConfig as MasterConfig
    from twisted_multiserver.errors import ConfigError as ConfigError
    from twisted_multiserver.errors import MultiserverError as MultiserverError
    from twisted_multiserver.master import Multiserver as Multiserver
    from twisted_multiserver.sessions.errors import NoSessionHere as NoSessionHere
    from twisted_multiserver.sessions.errors import NotSupported as NotSupported
    from twisted_multiserver.sessions.errors import SessionConflict as SessionConflict
    from twisted_multiserver.sessions.errors import SessionCorrupt as SessionCorrupt
    from twisted_multiserver.sessions.errors import SessionTooLarge as SessionTooLarge
    from twisted_multiserver.sessions.errors import StoreConfigError as StoreConfigError
    from twisted_multiserver.sessions.errors import StoreUnavailable as StoreUnavailable
    from twisted_multiserver.sessions.policy import SessionPolicy as SessionPolicy
    from twisted_multiserver.sessions.record import CommitResult as CommitResult
    from twisted_multiserver.sessions.record import SessionDelta as SessionDelta
    from twisted_multiserver.sessions.record import StoredSession as StoredSession
    from twisted_multiserver.sessions.site import SynchronizedSite as SynchronizedSite
    from twisted_multiserver.sessions.uri import synchronizerFromURI as synchronizerFromURI
    from twisted_multiserver.supervision.crash import BootFailed as BootFailed
    from twisted_multiserver.supervision.crash import Crash as Crash
    from twisted_multiserver.supervision.crash import CrashKind as CrashKind
    from twisted_multiserver.supervision.reloading import ReloadFailed as ReloadFailed

__version__ = "26.11.0"

_HOMES = {
    "Affinity": "balancing.affinity",
    "BootFailed": "supervision.crash",
    "CommitResult": "sessions.record",
    "ConfigError": "errors",
    "ConsistentHash": "balancing.consistenthash",
    "Crash": "supervision.crash",
    "CrashKind": "supervision.crash",
    "LeastConnections": "balancing.leastconnections",
    "LeastLag": "balancing.leastlag",
    "LeastLatency": "balancing.leastlatency",
    "MasterConfig": "config",
    "Multiserver": "master",
    "MultiserverError": "errors",
    "NoSessionHere": "sessions.errors",
    "NotSupported": "sessions.errors",
    "Outcome": "balancing.outcomes",
    "PowerOfTwoChoices": "balancing.poweroftwochoices",
    "ReloadFailed": "supervision.reloading",
    "RoundRobin": "balancing.roundrobin",
    "SessionConflict": "sessions.errors",
    "SessionCorrupt": "sessions.errors",
    "SessionDelta": "sessions.record",
    "SessionPolicy": "sessions.policy",
    "SessionTooLarge": "sessions.errors",
    "StickySession": "balancing.stickysession",
    "StoreConfigError": "sessions.errors",
    "StoreUnavailable": "sessions.errors",
    "StoredSession": "sessions.record",
    "SynchronizedSite": "sessions.site",
    "WeightedRoundRobin": "balancing.weightedroundrobin",
    "synchronizerFromURI": "sessions.uri",
}

__all__ = [
    "Affinity",
    "BootFailed",
    "CommitResult",
    "ConfigError",
    "ConsistentHash",
    "Crash",
    "CrashKind",
    "LeastConnections",
    "LeastLag",
    "LeastLatency",
    "MasterConfig",
    "Multiserver",
    "MultiserverError",
    "NoSessionHere",
    "NotSupported",
    "Outcome",
    "PowerOfTwoChoices",
    "ReloadFailed",
    "RoundRobin",
    "SessionConflict",
    "SessionCorrupt",
    "SessionDelta",
    "SessionPolicy",
    "SessionTooLarge",
    "StickySession",
    "StoreConfigError",
    "StoreUnavailable",
    "StoredSession",
    "SynchronizedSite",
    "WeightedRoundRobin",
    "synchronizerFromURI",
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


def __dir__() -> list[str]:
    """
    @return: the public names too.
    """
    return sorted({*globals(), *_HOMES})
