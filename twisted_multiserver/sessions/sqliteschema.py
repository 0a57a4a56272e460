"""
The database of L{twisted_multiserver.sessions.sqlite}: how it is made, opened and checked.

Strategy: one process, the master, makes and migrates it before there is any child.  WAL and
C{synchronous=NORMAL}: readers never wait for the writer, and a commit survives the death of
every process, though the last ones may be lost with the power.  Behind such a death the
first process to open the database recovers the log, and the others wait for it; they wait
too where SQLite doesn't do so by itself, while a database is turned to WAL.

Invariants: only its owner can read the file; a database of a later version, or one that is
none of ours, is refused and left as it is; a file that exists is never opened but by SQLite,
since closing it would give up the locks that other connections of this process have on it
(POSIX locks belong to the process).
"""

from __future__ import annotations

import errno
import os
import sqlite3
from time import monotonic, sleep

from twisted_multiserver.sessions.errors import StoreConfigError

VERSION = 1
# How long the making of a database waits for another one's, in seconds.
_PATIENCE = 10.0
_PAUSE = 0.005
# How long an opening waits for another process to recover the log, in seconds; less than
# an operation may take.
_OPENING_PATIENCE = 0.8

# Of "multiserver", so that nobody's address book is taken for sessions.
_APPLICATION_ID = 0x6D756C74

# WITHOUT ROWID: a row is found by its key in one tree instead of two.
_SCHEMA = """
CREATE TABLE s(
    id BLOB PRIMARY KEY, exp REAL NOT NULL, meta BLOB NOT NULL, principal TEXT NOT NULL,
    ops BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE f(
    id BLOB NOT NULL, k BLOB NOT NULL, v BLOB NOT NULL, PRIMARY KEY(id, k)
) WITHOUT ROWID;
CREATE INDEX s_exp ON s(exp);
CREATE INDEX s_principal ON s(principal) WHERE principal <> '';
"""


def prepareDatabase(path: str) -> None:
    """
    Make a database, or bring it up to date.

    @param path: of the file.
    @raise StoreConfigError: if that can't be done.
    """
    _makeFile(path)
    deadline = monotonic() + _PATIENCE
    while True:
        try:
            _makeTables(path)
            return
        except sqlite3.Error as error:
            if not isBusy(error) or monotonic() > deadline:
                raise StoreConfigError(f"sqlite: {path} can't be used: {error}") from error
        sleep(_PAUSE)


def openDatabase(path: str, patience: float = 0.0) -> sqlite3.Connection:
    """
    Open a database that was prepared.

    @param path: of the file.
    @param patience: how long its statements wait for another process, in seconds.
    @return: a connection for one thread, in autocommit mode.
    @raise StoreConfigError: if there is none that can be used.
    @raise sqlite3.OperationalError: if others keep it busy.
    """
    if not os.path.isfile(path):
        raise StoreConfigError(f"sqlite: {path} is no file any more; restart to make it anew")
    connection = _connect(path, _OPENING_PATIENCE)
    try:
        if _version(connection, path) != VERSION:
            raise StoreConfigError(f"sqlite: {path} has no tables for sessions; restart")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(f"PRAGMA busy_timeout={round(patience * 1000)}")
    except sqlite3.Error as error:
        connection.close()
        if isBusy(error):
            # It will be there; nobody has to mend anything.
            raise
        raise StoreConfigError(f"sqlite: {path} can't be used: {error}") from error
    except StoreConfigError:
        connection.close()
        raise
    return connection


def primaryCode(error: sqlite3.Error) -> int:
    """
    @param error: of SQLite.
    @return: its code without what that says of the circumstances; 0 if the module itself
        has raised it.
    """
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def isBusy(error: sqlite3.Error) -> bool:
    """
    @param error: of SQLite.
    @return: whether others use the database, so that trying again helps.
    """
    return primaryCode(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _makeFile(path: str) -> None:
    try:
        # As nobody else may read it, not even for a moment.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if os.path.isdir(path):
            reason = os.strerror(errno.EISDIR)
            raise StoreConfigError(f"sqlite: {path} can't be written: {reason}") from None
    except OSError as error:
        raise StoreConfigError(f"sqlite: {path} can't be written: {error.strerror}") from error
    try:
        os.chmod(path, 0o600)
    except OSError as error:
        raise StoreConfigError(f"sqlite: {path} can't be kept private: {error.strerror}") from error


def _makeTables(path: str) -> None:
    connection = _connect(path, _PATIENCE)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")
        version = _version(connection, path)
        if version == 0:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={VERSION}")
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
        connection.execute("COMMIT")
    finally:
        connection.close()


def _connect(path: str, timeout: float) -> sqlite3.Connection:
    try:
        return sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreConfigError(f"sqlite: {path} can't be opened: {error}") from error


def _version(connection: sqlite3.Connection, path: str) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if version > VERSION and application == _APPLICATION_ID:
        raise StoreConfigError(
            f"sqlite: {path} was made by a later version of this program; use that, or another file"
        )
    if application != _APPLICATION_ID and (version or tables):
        raise StoreConfigError(f"sqlite: {path} is a database of something else; use another file")
    return int(version)
