"""
The demo page: C{page.html} with its placeholders filled in.

Style and script stand in the page itself, so the Content-Security-Policy names them by
their hash and allows nothing else.  That is why no placeholder may stand inside either.
"""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from html import escape
from importlib.resources import files

from twisted_multiserver.demo.status import Previous, Status

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def duration(seconds: float) -> str:
    """
    Write a duration as the page's script does.

    @param seconds: how long, in seconds.
    @return: such as C{"0.4 s"}, C{"4 min 10 s"} or C{"2 h 3 min"}.
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _hashOf(element: str, html: str) -> str:
    content = re.search(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    assert content is not None, f"page.html has no <{element}>"
    digest = hashlib.sha256(content[1].encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _event(status: Status, previous: Previous | None) -> str:
    if previous is None:
        return '      <li class="none">Nothing yet: no child has crashed.</li>'
    at = datetime.fromtimestamp(previous.at, UTC)
    key = f"{status.slot}/{status.generation}/{status.incarnation}/{status.pid}"
    story = (
        f"child {status.slot} crashed ({previous.description}), "
        f"back after {duration(previous.backAfter)}"
    )
    return (
        f'      <li data-key="{escape(key)}">'
        f'<time datetime="{at:%Y-%m-%dT%H:%M:%S.%f}Z">{at:%H:%M:%S} UTC</time>'
        f"<span>{escape(story)}</span></li>"
    )


def _shown(value: int | None) -> str:
    return "-" if value is None else str(value)


class Page:
    """
    The page, read once.

    @ivar contentSecurityPolicy: the value of the field that must go with it.
    """

    def __init__(self) -> None:
        self._html = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        self.contentSecurityPolicy = "; ".join(
            [
                "default-src 'none'",
                f"script-src {_hashOf('script', self._html)}",
                f"style-src {_hashOf('style', self._html)}",
                "connect-src 'self'",
                "img-src data:",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ]
        )

    def render(self, status: Status, base: str) -> bytes:
        """
        Fill the page in.

        @param status: the facts to show.
        @param base: the path under which the demo is mounted, with a slash at its end.
        @return: the HTML document.
        """
        values = {
            "base": escape(base),
            "slot": _shown(status.slot),
            "pid": str(status.pid),
            "generation": _shown(status.generation),
            "uptime": duration(status.uptime),
            "visits": str(status.visits),
            "events": _event(status, status.previous),
        }
        return _PLACEHOLDER.sub(lambda found: values[found[1]], self._html).encode("utf-8")
