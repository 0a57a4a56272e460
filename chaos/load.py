"""
Many clients at a steady pace.

The pace is that of each client: it asks, waits for the answer, and asks again when its time has
come.  So a server that answers late is asked less.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater

from chaos.clients import Asked, Client
from chaos.pages import VISIT, Page, somePages
from chaos.seen import Exchange

# Of all requests.
_POSTS = 0.2
# Sizes of what is posted, in bytes; one of them is longer than what is kept for a second try.
_POSTED = (20, 500, 5_000, 100_000)


class Load:
    """
    The clients.

    @ivar exchanges: what came of their requests.
    """

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamClientEndpoint,
        seed: int,
        clients: int,
        rate: float,
    ) -> None:
        """
        @param reactor: the reactor.
        @param endpoint: of the server.
        @param seed: of all chance.
        @param clients: how many they are.
        @param rate: requests per second, of all together.
        """
        self._reactor = reactor
        self._chance = random.Random(seed)
        self._pages = somePages(self._chance)
        self._interval = clients / rate
        self._clients = [Client(reactor, endpoint) for _ in range(clients)]
        self._isOver = False
        self._visits = 0.0
        self._running: list[Deferred[None]] = []
        self._count = 0
        self.exchanges: list[Exchange] = []

    def start(self, visits: float = 0.0) -> None:
        """
        Let them ask.

        @param visits: the share of requests that use a session.
        """
        self._visits = visits
        for client in self._clients:
            first = self._chance.random() * self._interval
            self._running.append(Deferred.fromCoroutine(self._run(client, first)))

    def stop(self) -> Deferred[None]:
        """
        @return: fires when all have their last answer, and have left.
        """
        self._isOver = True
        ended = gatherResults(self._running, consumeErrors=True)
        return ended.addCallback(lambda _: None)

    def page(self, suits: Callable[[Page], bool]) -> Page:
        """
        @param suits: tells what is looked for.
        @return: a page that is asked for by many.
        """
        return self._chance.choice([page for page in self._pages if suits(page)])

    def identity(self) -> str:
        """
        @return: one that no other request has.
        """
        self._count += 1
        return f"r{self._count}"

    async def _run(self, client: Client, first: float) -> None:
        await deferLater(self._reactor, first)
        while not self._isOver:
            asked = self._next(client)
            got = await client.ask(asked)
            self.exchanges.append(Exchange(asked, got))
            rest = got.began + self._interval - got.ended
            await deferLater(self._reactor, max(rest, 0.0))
        client.leave()

    def _next(self, client: Client) -> Asked:
        identity, page = self.identity(), self._chance.choice(self._pages)
        if self._visits and self._chance.random() < self._visits:
            cookie = (("Cookie", client.cookie),) if client.cookie else ()
            return Asked("GET", VISIT, identity, fields=cookie)
        if self._chance.random() >= _POSTS:
            return Asked("GET", page.path, identity)
        size = self._chance.choice(_POSTED)
        body = f"{identity} ".encode() * (size // (len(identity) + 1))
        return Asked("POST", page.path, identity, body)
