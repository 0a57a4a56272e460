"""
An exchange of a client that speaks HTTP/1.1 like its backend: a whole response, which most are,
is passed on as it came.
"""

from __future__ import annotations

from typing import Protocol

from twisted_multiserver.gateway.exchange import Exchange
from twisted_multiserver.gateway.receiving import Downstream
from twisted_multiserver.http1.wholeresponses import WholeResponse


class Relaying(Downstream, Protocol):
    """
    A client's side that can do so.
    """

    def responseRelayed(self, whole: WholeResponse) -> None:
        """
        All of the response; nothing else is told of it.

        @param whole: the response, to which nothing is to be added but what always is.
        """


class RelayedExchange(Exchange):
    """
    See L{Exchange}.
    """

    __slots__ = ()

    _downstream: Relaying

    def wholeReceived(self, whole: WholeResponse) -> None:
        """
        See L{Exchange.wholeReceived}.
        """
        if self._cookie is not None:
            super().wholeReceived(whole)
            return
        self._finishWhole(whole)
        self._downstream.responseRelayed(whole)
        distribution = self._distribution
        if distribution.open > 1:
            distribution.open -= 1
        else:
            distribution.ended()
