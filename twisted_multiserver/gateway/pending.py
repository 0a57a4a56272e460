"""
What comes later: as much of Twisted's Deferred as an exchange needs.

It is recognised by its shape, so that the modules of the request path do not import Twisted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, runtime_checkable

Result = TypeVar("Result", covariant=True)


@runtime_checkable
class Pending(Protocol[Result]):
    """
    Something that is not there yet: a L{Deferred<twisted.internet.defer.Deferred>}.
    """

    def addCallback(self, callback: Callable[[Any], Any]) -> Pending[Any]:
        """
        Go on when it is there.

        @param callback: makes something else of it.
        @return: that.
        """

    def addCallbacks(self, callback: Callable[[Any], Any], errback: Callable[[Any], Any]) -> object:
        """
        Hear of it.

        @param callback: gets it when it is there.
        @param errback: gets a L{Failure<twisted.python.failure.Failure>} if it will never be.
        """

    def cancel(self) -> None:
        """
        It isn't wanted any more.
        """
