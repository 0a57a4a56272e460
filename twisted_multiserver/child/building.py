"""
Making what is served from what the name led to: calling factories.

A factory is called with the reactor running, so it may return a Deferred or be a
coroutine function.  If it raises, the child has crashed at boot: another try may find
the database up.  If it returns something that is no application, no other try will help.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred

from twisted_multiserver.child.application import (
    EXPECTED,
    Kind,
    describe,
    isResource,
    judgeProduct,
    takesReactor,
)
from twisted_multiserver.child.bootfailure import EXIT_CRASHED, BootFailure
from twisted_multiserver.child.reactors import IChildReactor


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a name led to.

    @ivar name: the name, for people.
    @ivar demanded: the kind that the user demands, or C{"auto"}.
    @ivar kind: what it is.
    @ivar application: the object.
    """

    name: str
    demanded: str
    kind: Kind
    application: Any


async def build(found: Found, reactor: IChildReactor) -> Found:
    """
    Call a factory, if it is one.

    @param found: what the name led to.
    @param reactor: running; for factories that want it.
    @return: an application that can be served, never a factory.
    @raise BootFailure: if the factory raised, or made no application.
    """
    if found.kind is Kind.factory:
        product = await _call(found, reactor)
        kind = judgeProduct(found.name, product, found.demanded)
        found = Found(found.name, found.demanded, kind, product)
    if found.kind is Kind.resource and not isResource(found.application):
        return Found(found.name, found.demanded, found.kind, _resourceOf(found))
    return found


async def _call(found: Found, reactor: IChildReactor) -> object:
    factory = found.application
    try:
        product = factory(reactor) if takesReactor(factory) else factory()
        if isinstance(product, Deferred):
            product = await product
        elif inspect.isawaitable(product):
            product = await _awaiting(product, found.demanded)
    # SystemExit too: it is how some applications say that their configuration is bad.
    except (Exception, SystemExit) as error:
        raise BootFailure.raisedBy(f"{found.name} raised", error, EXIT_CRASHED) from error
    return product


def _awaiting(product: Awaitable[object], demanded: str) -> Awaitable[object]:
    if demanded != Kind.asgi.value:
        return product
    # An ASGI application's factory awaits asyncio's things, not Twisted's.
    return Deferred.fromFuture(asyncio.ensure_future(product))


def _resourceOf(found: Found) -> object:
    try:
        resource = found.application.resource()
    except Exception as error:
        raise BootFailure.raisedBy(
            f"{found.name}.resource() raised", error, EXIT_CRASHED
        ) from error
    if not isResource(resource):
        raise BootFailure(f"{found.name}.resource() returned {describe(resource)}; {EXPECTED}")
    return resource
