"""
A master for a while, in a process of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

_TWISTD = "from twisted.scripts.twistd import run; run()"
_PATIENCE = 60.0


class Master:
    """
    Runs while its context does.

    @ivar pid: of its process.
    """

    def __init__(self, options: list[str], folder: str, store: str) -> None:
        """
        @param options: of C{twistd multiserver}.
        @param folder: where the application is.
        @param store: told to the children as C{STORE}.
        """
        self._state = tempfile.mkdtemp(prefix="master-")
        self._log = Path(self._state, "log")
        words = ["-n", "--pidfile=", "multiserver", "--listen=tcp:0:interface=127.0.0.1", *options]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _TWISTD, *words),
                    *(f"--chdir={folder}", f"--state-dir={self._state}"),
                ],
                cwd=folder,
                env={**os.environ, "STORE": store},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.pid = self._process.pid

    def __enter__(self) -> int:
        """
        @return: the port that it serves.
        """
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            found = re.search(r"ready: http://127\.0\.0\.1:(\d+)/", self._log.read_text())
            if found:
                return int(found[1])
            time.sleep(0.05)
        said = self._log.read_text()
        self.__exit__(None, None, None)
        raise RuntimeError(f"the master did not get ready:\n{said}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_PATIENCE)
        shutil.rmtree(self._state, ignore_errors=True)
