"""
What kind of application an object is::

    resource    provides IResource, or has resource() (Klein)
    site        a twisted.web.server.Site
    asgi        a coroutine function or an object taking (scope, receive, send)
    wsgi        a callable with two required parameters (PEP 3333)
    factory     a callable with none, or with one, the reactor

Judged without importing Twisted: an object can only provide IResource if somebody
imported the module that defines it, and an ASGI child should not pay for it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import ModuleType

from twisted_multiserver.child.bootfailure import BootFailure

EXPECTED = (
    "expected a resource, a Site, an object with resource(), a WSGI or ASGI application, "
    "or a function that makes one"
)


class Kind(Enum):
    """
    The kinds of applications, by the names that C{--app-kind} takes.
    """

    resource = "resource"
    site = "site"
    wsgi = "wsgi"
    asgi = "asgi"
    factory = "factory"


@dataclass(frozen=True, slots=True)
class Parameters:
    """
    What a callable takes.

    @ivar required: how many positional arguments it must get.
    @ivar most: how many it can get.
    """

    required: int
    most: float

    def accepts(self, count: int) -> bool:
        """
        Tell whether it can be called with so many positional arguments.

        @param count: how many.
        """
        return self.required <= count <= self.most


def parameters(candidate: object) -> Parameters | None:
    """
    Look at what a callable takes.

    @param candidate: any object.
    @return: its parameters; L{None} if it can't be called with positional arguments
        alone, or does not tell.
    """
    if not callable(candidate):
        return None
    try:
        signature = inspect.signature(candidate)
    except (ValueError, TypeError):
        return None
    required, most = 0, 0.0
    for parameter in signature.parameters.values():
        optional = parameter.default is not parameter.empty
        if parameter.kind is parameter.VAR_POSITIONAL:
            most = float("inf")
        elif parameter.kind is parameter.KEYWORD_ONLY:
            if not optional:
                return None
        elif parameter.kind is not parameter.VAR_KEYWORD:
            most += 1
            required += not optional
    return Parameters(required, most)


def isResource(candidate: object) -> bool:
    """
    Tell whether an object provides IResource.

    @param candidate: any object.
    """
    module = sys.modules.get("twisted.web.resource")
    return module is not None and bool(module.IResource.providedBy(candidate))


def _isSite(candidate: object) -> bool:
    module = sys.modules.get("twisted.web.server")
    return module is not None and isinstance(candidate, module.Site)


def _hasResource(candidate: object) -> bool:
    if isinstance(candidate, type):
        return False
    method = parameters(getattr(candidate, "resource", None))
    return method is not None and method.accepts(0)


def _isCoroutineFunction(candidate: object) -> bool:
    return inspect.iscoroutinefunction(candidate) or inspect.iscoroutinefunction(
        getattr(candidate, "__call__", None)  # noqa: B004
    )


def classify(candidate: object) -> Kind | None:
    """
    Find out what kind of application an object is.

    @param candidate: any object.
    @return: its kind; L{None} if it is no application.
    """
    if isResource(candidate) or _hasResource(candidate):
        return Kind.resource
    if _isSite(candidate):
        return Kind.site
    takes = parameters(candidate)
    if takes is None:
        return None
    if isinstance(candidate, type):
        # Called, a class makes an object, and that is an answer only in these forms.
        forms = {2: Kind.wsgi, 3: Kind.asgi if hasattr(candidate, "__await__") else None}
    elif _isCoroutineFunction(candidate):
        if takes.accepts(3):
            return Kind.asgi
        forms = {}
    else:
        forms = {2: Kind.wsgi, 3: Kind.asgi}
    return {0: Kind.factory, 1: Kind.factory, **forms}.get(takes.required)


def judge(name: str, candidate: object, kind: str) -> Kind:
    """
    Decide how to serve an object.

    @param name: what the user called it.
    @param candidate: the object.
    @param kind: the kind that it must have, or C{"auto"}.
    @return: its kind; a factory where an ASGI application is demanded is still one, and
        what it makes is judged by L{judgeProduct}.
    @raise BootFailure: if it is no application, or not of that kind.
    """
    found = classify(candidate)
    if kind == "auto":
        if found is None:
            raise BootFailure(f"{name} is {describe(candidate)}, not an application; {EXPECTED}")
        return found
    demanded = Kind(kind)
    if _fits(demanded, found, candidate):
        return demanded
    if demanded is Kind.asgi and _fits(Kind.factory, found, candidate):
        return Kind.factory
    if found is None:
        raise BootFailure(f"{name} is {describe(candidate)}, not {_naming(demanded)}")
    raise BootFailure(
        f"{name} is {_naming(found)} ({describe(candidate)}), not {_naming(demanded)}; "
        f"use --app-kind={found.value} or leave it out"
    )


def judgeProduct(name: str, product: object, kind: str) -> Kind:
    """
    Decide how to serve what a factory made.

    @param name: what the user called the factory.
    @param product: what it returned.
    @param kind: the kind that was demanded, or C{"auto"}.
    @return: its kind, never a factory, and ASGI exactly if that was demanded.
    @raise BootFailure: if it is no application, or not of that kind.
    """
    found = classify(product)
    if kind == Kind.asgi.value:
        if found is not Kind.factory and _fits(Kind.asgi, found, product):
            return Kind.asgi
        raise BootFailure(f"{name} returned {describe(product)}, not {_naming(Kind.asgi)}")
    if found is Kind.asgi:
        # By now another reactor runs.
        raise BootFailure(f"{name} returned an ASGI application; use --app-kind=asgi")
    if found is None or found is Kind.factory:
        raise BootFailure(f"{name} returned {describe(product)}, not an application; {EXPECTED}")
    return found


def _fits(demanded: Kind, found: Kind | None, candidate: object) -> bool:
    takes = parameters(candidate)
    if demanded is found:
        return True
    if takes is None or isResource(candidate) or _isSite(candidate):
        return False
    # A word from the user settles what a signature such as (*args) leaves open.
    if demanded is Kind.wsgi:
        return takes.accepts(2) and not _isCoroutineFunction(candidate)
    if demanded is Kind.asgi:
        return takes.accepts(3)
    return demanded is Kind.factory and takes.required <= 1


def takesReactor(factory: Callable[..., object]) -> bool:
    """
    Tell whether a factory is to be given the reactor.

    @param factory: a callable that L{classify} called a factory.
    """
    takes = parameters(factory)
    return takes is not None and takes.required == 1


def _naming(kind: Kind) -> str:
    return {
        Kind.resource: "a resource",
        Kind.site: "a Site",
        Kind.wsgi: "a WSGI application",
        Kind.asgi: "an ASGI application",
        Kind.factory: "a factory",
    }[kind]


def describe(candidate: object) -> str:
    """
    Name what an object is, for people.

    @param candidate: any object.
    @return: as C{"a str"}, C{"the class myapp.App"}.
    """
    if candidate is None:
        return "None"
    if isinstance(candidate, ModuleType):
        return "a module"
    if isinstance(candidate, type):
        return f"the class {candidate.__module__}.{candidate.__qualname__}"
    if inspect.isroutine(candidate):
        what = "a coroutine function" if _isCoroutineFunction(candidate) else "a function"
        takes = parameters(candidate)
        return what if takes is None else f"{what} with {takes.required} required parameters"
    found = type(candidate)
    label = found.__name__ if found.__module__ == "builtins" else _qualified(found)
    return f"{'an' if label[0].lower() in 'aeiou' else 'a'} {label}"


def _qualified(found: type) -> str:
    return f"{found.__module__}.{found.__qualname__}"
