"""
The log as the request path sees it: as much of C{twisted.logger.Logger} as it needs,
handed in, so that its modules do not import Twisted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from twisted.python.failure import Failure


class Journal(Protocol):
    """
    Where the gateway's events go.
    """

    def debug(self, format: str, **fields: Any) -> None:
        """
        @param format: the sentence, with C{{names}} of fields.
        @param fields: what it is about.
        """

    def info(self, format: str, **fields: Any) -> None:
        """
        See L{debug}.
        """

    def warn(self, format: str, **fields: Any) -> None:
        """
        See L{debug}.
        """

    def failure(self, format: str, failure: Failure | None = None, **fields: Any) -> None:
        """
        See L{debug}.

        @param failure: what failed; L{None} for the exception that is being handled.
        """
