"""
From a name to the object it names::

    pkg.mod:attr.sub    the module is what stands before the colon
    pkg.mod.attr        the longest prefix that is a module, then attributes

A name that leads nowhere is the user's slip and gets one line.  An exception that the
application's own code raises on the way is the application's fault and keeps its
traceback.  The two are told apart by asking the import system whether there is such a
module before importing it: an ImportError afterwards was raised inside it.

No Twisted is imported here: the reactor may not be chosen yet.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from types import ModuleType

from twisted_multiserver.child.bootfailure import BootFailure
from twisted_multiserver.contract import EXIT_NOT_AN_APPLICATION


def load(name: str) -> object:
    """
    Find the object that a name names.

    @param name: C{pkg.mod.attr} or C{pkg.mod:attr}.
    @return: the object.
    @raise BootFailure: if there is none, or the application's code raised.
    """
    moduleName, colon, attributes = name.partition(":")
    parts = moduleName.split(".")
    if not all(parts) or (colon and not all(attributes.split("."))):
        raise BootFailure(f"{name!r} is not a name: expected pkg.mod.attr or pkg.mod:attr")
    module, rest = _longestModule(name, parts, bool(colon))
    if colon:
        if rest:
            raise BootFailure(f"{name}: no module named {moduleName!r}{_where()}")
        rest = attributes.split(".")
    return _follow(name, module, rest)


def _longestModule(name: str, parts: list[str], moduleMeant: bool) -> tuple[ModuleType, list[str]]:
    """
    Import the longest prefix of a dotted name that is a module.

    @param name: the whole name, for people.
    @param parts: the dotted name's parts.
    @param moduleMeant: whether all of it has to be a module.
    @return: the module, and the parts that are left.
    """
    if not _exists(name, parts[0]):
        raise BootFailure(f"{name}: no module named {parts[0]!r}{_where()}")
    found = _import(name, parts[0])
    for count in range(1, len(parts)):
        moduleName = ".".join(parts[: count + 1])
        content = vars(found).get(parts[count])
        # "from .app import app" in a package hides the module behind its content.
        hidden = content is not None and not isinstance(content, ModuleType)
        if hidden and not moduleMeant and count == len(parts) - 1:
            return found, parts[count:]
        if "__path__" not in vars(found) or not _exists(name, moduleName):
            return found, parts[count:]
        found = _import(name, moduleName)
    return found, []


def _exists(name: str, moduleName: str) -> bool:
    if moduleName in sys.modules:
        return True
    try:
        return importlib.util.find_spec(moduleName) is not None
    except (ImportError, ValueError) as error:
        raise BootFailure.raisedBy(
            f"{name}: looking for {moduleName} failed", error, EXIT_NOT_AN_APPLICATION
        ) from error


def _import(name: str, moduleName: str) -> ModuleType:
    try:
        return importlib.import_module(moduleName)
    # Whatever it is, SystemExit included, the application raised it.
    except BaseException as error:
        raise BootFailure.raisedBy(
            f"{name}: importing {moduleName} raised", error, EXIT_NOT_AN_APPLICATION
        ) from error


def _follow(name: str, module: ModuleType, attributes: list[str]) -> object:
    found: object = module
    path = module.__name__
    for attribute in attributes:
        try:
            following = getattr(found, attribute)
        except AttributeError:
            raise BootFailure(
                f"{name}: {_origin(found, path)} has no attribute {attribute!r}"
                f"{_guess(attribute, found)}"
            ) from None
        # A module's __getattr__ or a property is the application's code too.
        except BaseException as error:
            raise BootFailure.raisedBy(
                f"{name}: getting {attribute!r} raised", error, EXIT_NOT_AN_APPLICATION
            ) from error
        found, path = following, f"{path}.{attribute}"
    return found


def _origin(found: object, path: str) -> str:
    if not isinstance(found, ModuleType):
        return f"object {path!r}"
    # The file tells a user whose module is hidden by one of the same name.
    origin = getattr(found, "__file__", None)
    return f"module {path!r} ({origin})" if origin else f"module {path!r}"


def _guess(attribute: str, found: object) -> str:
    names = [name for name in dir(found) if not name.startswith("_")]
    near = difflib.get_close_matches(attribute, names, 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _where() -> str:
    # The usual slip: the master was started in another folder.
    return f" (looked in {os.getcwd()} first)"
