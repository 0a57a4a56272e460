"""
The ways in, on real sockets.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.supervision.entrancekind import EntranceKind
from twisted_multiserver.supervision.entrances import Entrance, openEntrance, splitAddress
from twisted_multiserver.supervision.folders import RuntimeFolder


class EntranceTests(SynchronousTestCase):
    """
    L{openEntrance}.
    """

    def setUp(self) -> None:
        """
        Have a runtime folder, with a short name.
        """
        parent = tempfile.mkdtemp(prefix="ms-")
        self.addCleanup(shutil.rmtree, parent, ignore_errors=True)
        self.runtime = RuntimeFolder({"RUNTIME_DIRECTORY": parent})

    def open(self, kind: EntranceKind) -> Entrance:
        """
        @return: an entrance, closed at the end.
        """
        entrance = openEntrance(kind, self.runtime, None)
        self.addCleanup(entrance.close)
        return entrance

    def left(self) -> list[str]:
        """
        @return: what is in the runtime folder.
        """
        return os.listdir(self.runtime.path)

    def test_descriptor(self) -> None:
        """
        Connections wait in it from the first moment on; nobody else may come in.
        """
        entrance = self.open(EntranceKind.descriptor)
        path = splitAddress(entrance.address)
        assert isinstance(path, str)
        self.assertEqual(entrance.variables, {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"})
        self.assertEqual(list(entrance.descriptors), [3])
        self.assertTrue(os.get_blocking(entrance.descriptors[3]))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(entrance.fill("{socket} {port}"), "{socket} {port}")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
        entrance.launched()
        with socket.socket(socket.AF_UNIX) as client:
            self.assertRaises(ConnectionRefusedError, client.connect, path)
        entrance.close()
        self.assertEqual(self.left(), [])

    def test_socket(self) -> None:
        """
        A place where the program, and nobody else, can bind one.
        """
        entrance = self.open(EntranceKind.socket)
        path = splitAddress(entrance.address)
        assert isinstance(path, str)
        self.assertEqual((entrance.variables, entrance.descriptors), ({}, {}))
        self.assertEqual(entrance.fill("--uds={socket}:{port}"), f"--uds={path}:{{port}}")
        self.assertEqual(stat.S_IMODE(Path(path).parent.stat().st_mode), 0o700)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
        entrance.launched()
        entrance.close()
        self.assertEqual(self.left(), [])

    def test_port(self) -> None:
        """
        One that is free, and nobody else's of ours.
        """
        entrances = [self.open(EntranceKind.port) for _ in range(30)]
        ports = set()
        for entrance in entrances:
            address = splitAddress(entrance.address)
            assert isinstance(address, tuple)
            self.assertEqual(address[0], "127.0.0.1")
            self.assertEqual(entrance.variables, {"PORT": str(address[1])})
            self.assertEqual(entrance.fill("a{port}b"), f"a{address[1]}b")
            with socket.create_server(address):
                ports.add(address[1])
            entrance.launched()
        self.assertEqual(len(ports), 30)

    def test_noRoom(self) -> None:
        """
        If there can be no socket nothing is left of the try.
        """
        os.rmdir(self.runtime.path)
        for kind in (EntranceKind.descriptor, EntranceKind.socket):
            self.assertRaises(OSError, openEntrance, kind, self.runtime, None)

    def test_addresses(self) -> None:
        self.assertEqual(splitAddress("unix:/run/a:b"), "/run/a:b")
        self.assertEqual(splitAddress("tcp:127.0.0.1:80"), ("127.0.0.1", 80))
