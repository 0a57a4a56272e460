"""
Whether endpoints can listen, tried on real sockets.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from twisted_multiserver.endpoints import checkFree, serverEndpoint
from twisted_multiserver.errors import ConfigError


class FreeTests(SynchronousTestCase):
    """
    Whether an endpoint can listen, on real sockets.
    """

    def folder(self) -> Path:
        """
        @return: a folder with a path that is short enough for sockets.
        """
        folder = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, folder)
        return Path(folder)

    def listener(self) -> int:
        """
        @return: the port on 127.0.0.1 of somebody else.
        """
        other = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(other.close)
        port: int = other.getsockname()[1]
        return port

    def refused(self, *descriptions: str) -> str:
        """
        @param descriptions: of endpoints that can't listen.
        @return: why.
        """
        return str(self.assertRaises(ConfigError, checkFree, descriptions))

    def test_free(self) -> None:
        """
        Nothing is taken, and nothing left.
        """
        path = self.folder() / "s"
        descriptions = ("tcp:0", "tcp:0:interface=127.0.0.1", "tcp6:0", f"unix:{path}", "systemd:")
        checkFree(descriptions)
        self.assertFalse(path.exists())

    def test_portInUse(self) -> None:
        """
        At this address, or at all addresses.
        """
        port = self.listener()
        for description in (
            f"tcp:{port}:interface=127.0.0.1",
            f"tcp:{port}",
            f"tcp:port={port}:interface=0.0.0.0",
            f"tcp:{port}:127.0.0.1",
            f"ssl:{port}:privateKey=x",
            f"tls:certs:{port}:interface=127.0.0.1",
        ):
            self.assertEqual(
                self.refused(description), f"--listen: {description!r}: Address already in use"
            )

    def test_portInUseElsewhere(self) -> None:
        """
        At another address it is free.
        """
        checkFree([f"tcp:{self.listener()}:interface=127.0.0.2"])

    def test_justClosed(self) -> None:
        """
        A port of which connections linger in TIME_WAIT is free.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            address = other.getsockname()
            with socket.create_connection(address), other.accept()[0] as accepted:
                accepted.shutdown(socket.SHUT_WR)
        checkFree([f"tcp:{address[1]}:interface=127.0.0.1"])

    def test_releasedAgain(self) -> None:
        """
        The real listener can have the port at once.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
        description = f"tcp:{port}:interface=127.0.0.1"
        checkFree([description])
        listening = serverEndpoint(reactor, description).listen(Factory())
        result: IListeningPort = self.successResultOf(listening)
        result.stopListening()

    def test_inTheWayOfEachOther(self) -> None:
        """
        The same port twice.
        """
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
        line = self.refused(f"tcp:{port}:interface=127.0.0.1", f"tcp:{port}")
        self.assertEqual(line, f"--listen: 'tcp:{port}': Address already in use")

    def test_addressOfAnotherMachine(self) -> None:
        """
        It is not ours.
        """
        self.assertIn("Cannot assign requested address", self.refused("tcp:0:interface=192.0.2.1"))

    def test_unixInUse(self) -> None:
        """
        Somebody listens on it, with or without a lock.
        """
        path = self.folder() / "s"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            other.listen(0)
            self.assertIn("Address already in use", self.refused(f"unix:{path}"))
            os.symlink(str(os.getpid()), f"{path}.lock")
            self.assertIn("Address already in use", self.refused(f"unix:address={path}"))

    def test_unixLeft(self) -> None:
        """
        Nobody listens any more: with a lock beside it Twisted removes it, else
        the user has to.
        """
        path = self.folder() / "s"
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
        self.assertIn("nobody listens on this socket any more", self.refused(f"unix:{path}"))
        os.symlink("999999999", f"{path}.lock")
        checkFree([f"unix:{path}"])

    def test_unixFile(self) -> None:
        """
        A file that is no socket is not touched.
        """
        path = self.folder() / "s"
        path.write_text("precious")
        os.symlink("999999999", f"{path}.lock")
        self.assertIn("Address already in use", self.refused(f"unix:{path}"))
        self.assertEqual(path.read_text(), "precious")

    def test_unixFolderOfOthers(self) -> None:
        """
        A socket can't be made there.
        """
        folder = self.folder()
        folder.chmod(0o500)
        if os.access(folder, os.W_OK):
            raise SkipTest("root can write everywhere")
        self.assertIn("its folder can't be written to", self.refused(f"unix:{folder}/s"))
