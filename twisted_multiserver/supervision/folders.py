"""
The two folders of a master.

The I{runtime folder} holds sockets and is gone after a stop; the I{state folder}
keeps what must survive one.

Invariants: a socket's path fits into sun_path (107 bytes, unix(7)); only a folder of
this run's own is ever removed; others may pass through it, since a child can run as
another user, but not list it, and its names can't be guessed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping

from twisted.logger import Logger

from twisted_multiserver.errors import ConfigError

_SUN_PATH = 107
# "/" and a name made by socketPath.
_NAME_LENGTH = 1 + 18


class RuntimeFolder:
    """
    The folder for this run's sockets, made when it is first used.
    """

    _log = Logger()

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """
        @param environ: where C{RUNTIME_DIRECTORY} and C{XDG_RUNTIME_DIR} are looked
            up; L{None} for the process's.
        """
        self._environ = os.environ if environ is None else environ
        self._path: str | None = None

    @property
    def path(self) -> str:
        """
        The folder.
        """
        if self._path is None:
            self._path = self._make()
        return self._path

    def socketPath(self, kind: str) -> str:
        """
        Make up a name for a socket.

        @param kind: at most three letters, for people.
        @return: a path that nobody uses.
        """
        return os.path.join(self.path, f"{kind}-{secrets.token_hex(7)}")

    def remove(self) -> None:
        """
        Remove the folder with all that is left in it.
        """
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None

    def _make(self) -> str:
        # Nobody else may pass through root's XDG_RUNTIME_DIR, and only root's children
        # can be of another user.
        session = () if os.geteuid() == 0 else ("XDG_RUNTIME_DIR",)
        for variable in ("RUNTIME_DIRECTORY", *session):
            # systemd gives several folders with colons between them.
            parent = self._environ.get(variable, "").partition(":")[0]
            if not parent:
                continue
            path = os.path.join(parent, f"multiserver-{secrets.token_hex(4)}")
            if len(os.fsencode(path)) + _NAME_LENGTH > _SUN_PATH:
                self._log.warn("{folder} is too long for sockets", folder=parent)
                continue
            try:
                os.mkdir(path, 0o700)
                # Whatever the umask is: twistd's is 077 when it daemonizes.
                os.chmod(path, 0o711)
                return path
            except OSError as error:
                self._log.warn("no runtime folder there: {error}", error=error)
        path = tempfile.mkdtemp(prefix="multiserver-")
        if len(os.fsencode(path)) + _NAME_LENGTH > _SUN_PATH:
            os.rmdir(path)
            path = tempfile.mkdtemp(prefix="multiserver-", dir="/tmp")
        os.chmod(path, 0o711)
        return path


def prepareStateFolder(path: str | None, environ: Mapping[str, str], cwd: str) -> str:
    """
    Find or make the state folder.

    @param path: what the user asked for; L{None} for C{$STATE_DIRECTORY}, else
        C{multiserver-state} in the current folder.
    @param environ: where C{STATE_DIRECTORY} is looked up.
    @param cwd: the current folder.
    @return: the folder's absolute path; others can't enter it.
    @raise ConfigError: if it can't be made or written to.
    """
    given = path or environ.get("STATE_DIRECTORY", "").partition(":")[0] or "multiserver-state"
    folder = os.path.join(cwd, given)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"the state folder {folder} can't be made: {error.strerror}; give another one"
            " by --state-dir"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"the state folder {folder} can't be written to; give another one by --state-dir"
        )
    return folder
