"""
A master for a while, in a process of its own.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

_TWISTD = "from twisted.scripts.twistd import run; run()"
_PATIENCE = 60.0


class Master:
    """
    Runs while its context does.
    """

    def __init__(self, options: list[str], folder: str, store: str) -> None:
        """
        @param options: of C{twistd multiserver}.
        @param folder: where the application is.
        @param store: told to the children as C{STORE}.
        """
        self._log = Path(folder, f"master-{os.getpid()}.log")
        words = ["-n", "--pidfile=", "multiserver", "--listen=tcp:0:interface=127.0.0.1", *options]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _TWISTD, *words, f"--chdir={folder}"],
                cwd=folder,
                env={**os.environ, "STORE": store},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

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
        self.__exit__(None, None, None)
        raise RuntimeError("the master did not get ready")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(_PATIENCE)
        self._log.unlink()
