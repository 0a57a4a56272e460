"""
What a master asks of its children's sessions.

It is made from the options in the master, goes to the children in their spec, which is in
their environment (never on a command line), and becomes a policy there.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from twisted_multiserver.config import MasterConfig
from twisted_multiserver.errors import ConfigError
from twisted_multiserver.sessions.policy import DAY, SessionPolicy

DATABASE = "sessions.sqlite"
_KEY_SIZES = (32, 48, 64)
_FILE_LIMIT = 65536


@dataclass(frozen=True, slots=True)
class SessionSetup:
    """
    Where sessions are kept, and how.

    @ivar uri: of the store, with whatever secrets it needs.
    @ivar keys: for encryption, in hexadecimal; the first encrypts.
    @ivar optional: whether requests are served without sessions while the store can't be
        reached.
    @ivar cookie: the cookie's name; L{None} for the default.
    @ivar idle: a session ends when it isn't used for so long, in seconds.
    @ivar age: a session ends so long after it began, in seconds.
    @ivar exceptPaths: requests at and below these have no session.
    """

    uri: str
    keys: tuple[str, ...] = ()
    optional: bool = False
    cookie: str | None = None
    idle: float = 14 * DAY
    age: float = 90 * DAY
    exceptPaths: tuple[str, ...] = ()

    def toSpec(self) -> dict[str, Any]:
        """
        @return: what JSON can carry.
        """
        return asdict(self)

    @classmethod
    def fromSpec(cls, fields: Mapping[str, Any]) -> SessionSetup:
        """
        @param fields: as L{toSpec} made them, come by way of JSON.
        @return: the same setup.
        """
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in fields.items()
        }
        return cls(**given)

    def policy(self) -> SessionPolicy:
        """
        @return: the rules for sessions.
        @raise ConfigError: if they contradict each other.
        """
        return SessionPolicy(
            cookie=self.cookie,
            idle=self.idle,
            absolute=self.age,
            whenUnavailable="degrade" if self.optional else "refuse",
            optOut=self.exceptPaths,
        )


def setupOf(config: MasterConfig, stateFolder: str | None) -> SessionSetup | None:
    """
    Find out what is asked for.

    @param config: the configuration.
    @param stateFolder: what survives a restart is kept there; L{None} if there is none.
    @return: the setup; L{None} if there are to be no sessions.
    @raise ConfigError: if it can't be had.
    """
    uri = config.sessions
    if uri == "none":
        return None
    if config.sessionsFile is not None:
        uri = _lines(config.sessionsFile, "--sessions-file", "the URI of a store")[0]
    if uri is None:
        if stateFolder is None:
            return None
        uri = f"sqlite://{quote(os.path.abspath(os.path.join(stateFolder, DATABASE)))}"
    keys: tuple[str, ...] = ()
    if config.sessionsKeyFile is not None:
        keys = _keys(config.sessionsKeyFile)
    setup = SessionSetup(
        uri,
        keys,
        config.sessionsOptional,
        config.sessionCookie,
        config.sessionIdle,
        config.sessionAge,
        config.sessionExcept,
    )
    # Found wrong now, in one process, and not in each child.
    setup.policy()
    return setup


def _keys(path: str) -> tuple[str, ...]:
    keys = _lines(path, "--sessions-key-file", "a key in each line")
    for key in keys:
        try:
            isKey = len(key) in _KEY_SIZES and bool(bytes.fromhex(key))
        except ValueError:
            isKey = False
        if not isKey:
            raise ConfigError(
                f"--sessions-key-file: {path}: each line must be a key of 32 to 64 hexadecimal"
                " digits, as from `openssl rand -hex 32`"
            )
    return tuple(keys)


def _lines(path: str, option: str, expected: str) -> list[str]:
    """
    Read a file of secrets.

    @param path: of the file.
    @param option: that named it.
    @param expected: what should be in it.
    @return: its lines that aren't empty, at least one.
    @raise ConfigError: if it can't be read, others can read it too, or it is empty.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_FILE_LIMIT)
    except OSError as error:
        raise ConfigError(f"{option}: {path} can't be read: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"{option}: others can read {path}; chmod 600 it")
    try:
        lines = [line.strip() for line in data.decode("utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise ConfigError(f"{option}: {path} is no text; it must hold {expected}") from error
    lines = [line for line in lines if line]
    if not lines:
        raise ConfigError(f"{option}: {path} is empty; it must hold {expected}")
    return lines
