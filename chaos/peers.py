"""
Other servers, with as many workers, under their own supervision.

They run as their documentation tells for production; where a default would end the whole server
at the death of one worker, it is not used.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from twisted.internet.task import deferLater

from chaos.running import APPLICATION, CHILDREN, Server, freePort

# How long a reload is given, in seconds.
_RELOADING = 4.0


class Peer(Server):
    """
    One of them.

    @cvar module: that is run.
    @cvar words: of its command line, with C{{port}}.
    """

    module = ""
    words: tuple[str, ...] = ()

    @classmethod
    def isInstalled(cls) -> bool:
        """
        Whether it can be tried.
        """
        return find_spec(cls.module) is not None

    async def start(self, options: Sequence[str], variables: Mapping[str, str]) -> int:
        """
        See L{Server.start}.
        """
        port = freePort()
        words = [word.format(port=port) for word in self.words]
        self.spawn(
            self._reactor,
            self._folder,
            [sys.executable, "-m", self.module, *words, *options, APPLICATION],
            variables,
        )
        return await self.whenListening(port)

    async def reload(self) -> None:
        """
        See L{Server.reload}.  Nobody is told when it is over.
        """
        await super().reload()
        await deferLater(self._reactor, _RELOADING)


class Gunicorn(Peer):
    """
    gunicorn with threads.
    """

    module = "gunicorn"
    words = (
        *("--worker-class=gthread", "--threads=10", f"--workers={CHILDREN}"),
        *("--no-control-socket", "--bind=127.0.0.1:{port}", "--keep-alive=75"),
    )


class Uvicorn(Peer):
    """
    uvicorn.
    """

    module = "uvicorn"
    words = (
        *("--host=127.0.0.1", "--port={port}", f"--workers={CHILDREN}"),
        *("--timeout-keep-alive=75", "--no-access-log"),
    )


class Granian(Peer):
    """
    granian.
    """

    module = "granian"
    words = (
        *("--interface=asgi", "--host=127.0.0.1", "--port={port}", f"--workers={CHILDREN}"),
        "--respawn-failed-workers",
    )
