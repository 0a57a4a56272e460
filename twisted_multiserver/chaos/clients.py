"""
Clients that ask at a steady pace, each over a connection of its own that it keeps.

Invariants: a client has one request open at a time; nothing is retried, so that every
failure is seen; a request that isn't answered within the patience counts as failed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, gatherResults
from twisted.internet.task import deferLater
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers

from twisted_multiserver.chaos.tally import Tally

# How long a client waits for an answer, in seconds.
PATIENCE = 60.0

_HEADERS = Headers({b"User-Agent": [b"twisted_multiserver chaos"]})


class Client:
    """
    One client.
    """

    def __init__(self, reactor: Any, url: bytes, tally: Tally) -> None:
        """
        @param reactor: the reactor.
        @param url: what it asks for.
        @param tally: counts.
        """
        self._reactor = reactor
        self._url = url
        self._tally = tally
        self._isOver = False
        self._pool = HTTPConnectionPool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = 1
        self._pool.retryAutomatically = False
        self._agent = Agent(reactor, pool=self._pool)

    async def run(self, first: float, interval: float) -> None:
        """
        Ask until told to stop.

        @param first: when to begin, in seconds from now.
        @param interval: from one request to the next, in seconds; longer if answers take
            longer.
        """
        await deferLater(self._reactor, first)
        while not self._isOver:
            started = self._reactor.seconds()
            await self._ask(started)
            rest = started + interval - self._reactor.seconds()
            if rest > 0:
                await deferLater(self._reactor, rest)
        await self._pool.closeCachedConnections()

    def stop(self) -> None:
        """
        Ask no more.
        """
        self._isOver = True

    async def _ask(self, started: float) -> None:
        try:
            asked: Deferred[Any] = Deferred.fromCoroutine(self._fetch())
            status = await asked.addTimeout(PATIENCE, self._reactor)
        except TimeoutError:
            self._tally.failed("no answer", PATIENCE)
        # Whatever it is, the client saw it.
        except Exception as error:
            self._tally.failed(_nameOf(error), self._reactor.seconds() - started)
        else:
            self._tally.answered(status, self._reactor.seconds() - started)

    async def _fetch(self) -> int:
        response = await self._agent.request(b"GET", self._url, _HEADERS)
        await readBody(response)
        return int(response.code)


def _nameOf(error: BaseException) -> str:
    # twisted.web wraps what happened to the connection.
    reasons = getattr(error, "reasons", None)
    inner = reasons[0].value if reasons else error
    return type(inner).__name__


class Clients:
    """
    All clients.
    """

    def __init__(
        self, reactor: Any, url: bytes, count: int, rate: float, random: Callable[[], float]
    ) -> None:
        """
        @param reactor: the reactor.
        @param url: what they ask for.
        @param count: how many they are.
        @param rate: requests per second, of all together.
        @param random: spreads their beginnings.
        """
        self.tally = Tally()
        self._interval = count / rate
        self._random = random
        self._clients = [Client(reactor, url, self.tally) for _ in range(count)]
        self._running: list[Deferred[None]] = []

    def start(self) -> None:
        """
        Let them ask.
        """
        for client in self._clients:
            first = self._random() * self._interval
            self._running.append(Deferred.fromCoroutine(client.run(first, self._interval)))

    def stop(self) -> Deferred[None]:
        """
        @return: fires when all have their last answer.
        """
        for client in self._clients:
            client.stop()
        return gatherResults(self._running).addCallback(lambda _: None)
