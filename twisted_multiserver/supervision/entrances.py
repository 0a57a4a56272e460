"""
Entrances: the ways in which a program is told where to listen.

::

    descriptor   a listening UNIX socket, passed as descriptor 3 (sd_listen_fds(3));
                 connections wait in it from the first moment on
    socket       a path at which the program binds a UNIX socket itself: {socket}
    port         a free port of 127.0.0.1, which PORT and {port} name

Invariants: only the one in use is passed; each incarnation has its own, so that what
answers there is that incarnation and nobody before it; a port can be taken by somebody
else before the program binds it, which the caller must look for.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
from typing import Protocol

from twisted_multiserver.contract import HTTP_FD
from twisted_multiserver.supervision.entrancekind import EntranceKind
from twisted_multiserver.supervision.folders import RuntimeFolder

LOOPBACK = "127.0.0.1"

# The kernel takes its own maximum for it (listen(2)).
_BACKLOG = 65535
_TRIES = 100


class Entrance(Protocol):
    """
    The way into one incarnation.

    @ivar address: canonical, C{"unix:path"} or C{"tcp:127.0.0.1:port"}.
    @ivar variables: what the program's environment says of it.
    @ivar descriptors: what is passed.
    """

    address: str
    variables: dict[str, str]
    descriptors: dict[int, int]

    def fill(self, word: str) -> str:
        """
        @param word: of the command line.
        @return: with the entrance in the place of its name.
        """

    def launched(self) -> None:
        """
        The process has its own copies of the descriptors.
        """

    def close(self) -> None:
        """
        Give everything back.
        """


class DescriptorEntrance:
    """
    See L{EntranceKind.descriptor}.
    """

    def __init__(self, folder: RuntimeFolder) -> None:
        """
        @param folder: where the socket is bound.
        @raise OSError: if it can't be.
        """
        self._path = folder.socketPath("c")
        # It blocks, as systemd's does: what the program wants else it sets by itself.
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._listener.bind(self._path)
            os.chmod(self._path, 0o600)
            self._listener.listen(_BACKLOG)
        except OSError:
            self.close()
            raise
        self.address = f"unix:{self._path}"
        self.variables = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}
        self.descriptors = {HTTP_FD: self._listener.fileno()}

    def fill(self, word: str) -> str:
        """
        See L{Entrance.fill}.
        """
        return word

    def launched(self) -> None:
        """
        See L{Entrance.launched}.
        """
        self._listener.close()

    def close(self) -> None:
        """
        See L{Entrance.close}.
        """
        self._listener.close()
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            pass


class SocketEntrance:
    """
    See L{EntranceKind.socket}.
    """

    def __init__(self, folder: RuntimeFolder, uid: int | None) -> None:
        """
        @param folder: where a folder for the socket is made.
        @param uid: the user that may bind it; L{None} for the master's.
        @raise OSError: if it can't be made.
        """
        self._folder = folder.socketPath("c")
        os.mkdir(self._folder, 0o700)
        if uid is not None:
            os.chown(self._folder, uid, -1)
        self._path = os.path.join(self._folder, "s")
        self.address = f"unix:{self._path}"
        self.variables: dict[str, str] = {}
        self.descriptors: dict[int, int] = {}

    def fill(self, word: str) -> str:
        """
        See L{Entrance.fill}.
        """
        return word.replace(EntranceKind.socket.value, self._path)

    def launched(self) -> None:
        """
        See L{Entrance.launched}.
        """

    def close(self) -> None:
        """
        See L{Entrance.close}.
        """
        shutil.rmtree(self._folder, ignore_errors=True)


class PortEntrance:
    """
    See L{EntranceKind.port}.
    """

    _taken: set[int] = set()

    def __init__(self) -> None:
        """
        @raise OSError: if there is no free port.
        """
        self.port = self._choose()
        self._taken.add(self.port)
        self.address = f"tcp:{LOOPBACK}:{self.port}"
        self.variables = {"PORT": str(self.port)}
        self.descriptors: dict[int, int] = {}

    def _choose(self) -> int:
        for _ in range(_TRIES):
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
                candidate.bind((LOOPBACK, 0))
                port: int = candidate.getsockname()[1]
            # Another child of ours may not have bound its own yet.
            if port not in self._taken:
                return port
        raise OSError(errno.EADDRINUSE, "no free port was found")

    def fill(self, word: str) -> str:
        """
        See L{Entrance.fill}.
        """
        return word.replace("{port}", str(self.port))

    def launched(self) -> None:
        """
        See L{Entrance.launched}.
        """

    def close(self) -> None:
        """
        See L{Entrance.close}.
        """
        self._taken.discard(self.port)


def openEntrance(kind: EntranceKind, folder: RuntimeFolder, uid: int | None) -> Entrance:
    """
    Make the entrance of one incarnation.

    @param kind: which.
    @param folder: for sockets.
    @param uid: the user that the program runs as; L{None} for the master's.
    @return: the entrance, open.
    @raise OSError: if there can be none.
    """
    match kind:
        case EntranceKind.descriptor:
            return DescriptorEntrance(folder)
        case EntranceKind.socket:
            return SocketEntrance(folder, uid)
        case EntranceKind.port:
            return PortEntrance()


def splitAddress(address: str) -> str | tuple[str, int]:
    """
    Read an entrance's address.

    @param address: canonical.
    @return: a socket's path, or host and port.
    """
    kind, _, rest = address.partition(":")
    if kind == "unix":
        return rest
    host, _, port = rest.rpartition(":")
    return host, int(port)
