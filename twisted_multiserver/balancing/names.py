"""
C{--balancer}: a policy by its name.

A short name stands for one of ours; anything with a dot or a colon is looked up
as Python and must be a provider of L{ILoadBalancer}, or something that gives one
when it is called without arguments.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from twisted_multiserver.balancing._iloadbalancer import ILoadBalancer
from twisted_multiserver.balancing.consistenthash import ConsistentHash
from twisted_multiserver.balancing.cookiekey import readCookieKey
from twisted_multiserver.balancing.leastconnections import LeastConnections
from twisted_multiserver.balancing.leastlag import LeastLag
from twisted_multiserver.balancing.leastlatency import LeastLatency
from twisted_multiserver.balancing.policy import Policy
from twisted_multiserver.balancing.poweroftwochoices import PowerOfTwoChoices
from twisted_multiserver.balancing.roundrobin import RoundRobin
from twisted_multiserver.balancing.stickysession import StickySession
from twisted_multiserver.balancing.weightedroundrobin import WeightedRoundRobin
from twisted_multiserver.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BalancerOptions:
    """
    What options say of policies.

    @ivar hashKey: what decides where a request goes, under consistent-hash.
    @ivar cookieKeyFile: the file with the key of cookies, under sticky; L{None} for
        a key of its own.
    """

    hashKey: str = "address"
    cookieKeyFile: str | None = None


def _sticky(options: BalancerOptions) -> Policy:
    path = options.cookieKeyFile
    return StickySession(key=None if path is None else readCookieKey(path))


BALANCERS: dict[str, Callable[[BalancerOptions], Policy]] = {
    "round-robin": lambda _: RoundRobin(),
    "weighted-round-robin": lambda _: WeightedRoundRobin(),
    "least-connections": lambda _: LeastConnections(),
    "power-of-two": lambda _: PowerOfTwoChoices(),
    "least-latency": lambda _: LeastLatency(),
    "least-lag": lambda _: LeastLag(),
    "consistent-hash": lambda options: ConsistentHash(options.hashKey),
    "sticky": _sticky,
}


def balancerNamed(name: str, options: BalancerOptions | None = None) -> Policy:
    """
    Find a policy.

    @param name: one of L{BALANCERS}, C{pkg.mod.attr} or C{pkg.mod:attr}.
    @param options: for those that take any.
    @return: a policy, not used by anybody else if it was made from a class.
    @raise ConfigError: if there is none by that name, it is no policy, or its options
        are wrong.
    """
    if name in BALANCERS:
        return BALANCERS[name](options or BalancerOptions())
    if "." not in name and ":" not in name:
        near = difflib.get_close_matches(name, BALANCERS, 1)
        hint = f"did you mean {near[0]}?" if near else f"give one of {', '.join(BALANCERS)}"
        raise ConfigError(f"there is no balancer {name!r}, and it is no dotted name; {hint}")
    found = _lookUp(name)
    if isinstance(found, type) or (callable(found) and not ILoadBalancer.providedBy(found)):
        try:
            found = found()
        except (Exception, SystemExit) as error:  # whatever the user's own code raises
            raise ConfigError(f"the balancer {name} can't be made: {_shown(error)}") from error
    try:
        verifyObject(ILoadBalancer, found)
    except Invalid as error:
        kind = type(found).__name__
        raise ConfigError(
            f"the balancer {name} is a {kind} that doesn't provide ILoadBalancer: {_shown(error)}"
        ) from error
    return cast(Policy, found)


def _lookUp(name: str) -> object:
    moduleName, _, path = name.partition(":")
    if not path:
        moduleName, _, path = name.rpartition(".")
    try:
        found: object = import_module(moduleName)
    except (Exception, SystemExit) as error:  # whatever the user's own module raises
        raise ConfigError(
            f"the balancer {name}: {moduleName} can't be imported: {_shown(error)}"
        ) from error
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError as error:
            raise ConfigError(f"the balancer {name}: {_shown(error)}") from error
    return found


def _shown(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
