"""
C{python -m twisted_multiserver COMMAND}.
"""

from __future__ import annotations

import sys

_USAGE = "usage: python -m twisted_multiserver chaos [options]\n"


def main(arguments: list[str]) -> None:
    """
    Run a command.

    @param arguments: its name, and what it is told.
    @raise SystemExit: always.
    """
    if arguments[:1] == ["chaos"]:
        # Only this command pays for what it needs.
        from twisted_multiserver.chaos.command import main as chaos

        chaos(arguments[1:])
    isHelp = arguments[:1] in (["--help"], ["-h"])
    (sys.stdout if isHelp else sys.stderr).write(_USAGE)
    raise SystemExit(0 if isHelp else 2)


if __name__ == "__main__":
    main(sys.argv[1:])
