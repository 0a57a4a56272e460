"""
What the application has executed: the identity of each POST, as often as it was.

Each process has an SQLite file of its own, so that one that is stopped in the middle of a
transaction can't stop the others.  What is committed survives C{kill -9}.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

_TABLE = "CREATE TABLE executed (identity TEXT NOT NULL, at REAL NOT NULL)"


class Record:
    """
    What this process has executed.
    """

    def __init__(self, folder: str) -> None:
        """
        @param folder: of the files.
        """
        # A pid may come again.
        name = f"{os.getpid()}-{os.urandom(4).hex()}.sqlite"
        self._database = sqlite3.connect(
            os.path.join(folder, name), isolation_level=None, check_same_thread=False
        )
        # Processes die here, machines don't.
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(_TABLE)

    def add(self, identity: str, at: float) -> None:
        """
        @param identity: of a request that is executed now.
        @param at: seconds of C{time.monotonic}.
        """
        self._database.execute("INSERT INTO executed VALUES (?, ?)", (identity, at))


def executed(folder: Path) -> dict[str, list[int]]:
    """
    @param folder: of the files.
    @return: the processes that have executed a request, by its identity.
    """
    found: dict[str, list[int]] = {}
    for path in folder.glob("*.sqlite"):
        pid = int(path.name.partition("-")[0])
        database = sqlite3.connect(path)
        try:
            for (identity,) in database.execute("SELECT identity FROM executed"):
                found.setdefault(identity, []).append(pid)
        except sqlite3.OperationalError:
            # It died before it had a table.
            pass
        finally:
            database.close()
    return found
