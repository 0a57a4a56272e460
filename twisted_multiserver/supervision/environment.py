"""
The environment of a child.

It is the master's own, without what is meant for the master: a child that saw its
C{NOTIFY_SOCKET} would speak to systemd, one that saw its C{WEB_CONCURRENCY} would
start so many workers each.
"""

from __future__ import annotations

from collections.abc import Mapping

_SCRUBBED = frozenset(
    {"NOTIFY_SOCKET", "PORT", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "WEB_CONCURRENCY"}
)
# The last is of a master whose child this one is.
_SCRUBBED_PREFIXES = ("LISTEN_", "WATCHDOG_", "MULTISERVER_", "TWISTED_MULTISERVER_")


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """
    Leave out what is the master's own.

    @param environ: the master's environment.
    @return: what a child inherits of it.
    """
    return {
        name: value
        for name, value in environ.items()
        if name not in _SCRUBBED and not name.startswith(_SCRUBBED_PREFIXES)
    }


def watchVariables(notifyPath: str, runBudget: float) -> dict[str, str]:
    """
    Tell a child of its notify socket and its watchdog (sd_notify(3),
    sd_watchdog_enabled(3)).

    @param notifyPath: the notify socket.
    @param runBudget: between two signs of life, in seconds.
    @return: variables.
    """
    return {
        "NOTIFY_SOCKET": notifyPath,
        "WATCHDOG_USEC": str(int(runBudget * 1_000_000)),
    }
