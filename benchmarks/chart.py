"""
A bar chart of medians, as SVG, readable on light and dark pages.

One slow contender would leave nothing of the others, so bars end, with a gap in them, at
some times the first one's length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.rounds import Figures

_WIDTH, _BAR, _LABEL, _NUMBERS = 720, 22, 190, 170
# How many times the first one's cost can be drawn.
_MOST = 5

_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
 font-family="sans-serif" font-size="13">
<style>text {{ fill: #222 }} rect {{ fill: #4878a8 }} .first {{ fill: #999 }}
.failed {{ fill: #b03030 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} .failed {{ fill: #f08080 }} }}
</style>
"""


def chart(figures: Mapping[str, Sequence[Figures]]) -> str:
    """
    Draw the cost per request of each contender.

    @param figures: by title.
    @return: an SVG document.
    """
    costs = [each.cost for group in figures.values() for each in group]
    firsts = [group[0].cost for group in figures.values()]
    most = min(_greatest(costs), _MOST * _greatest(firsts))
    parts, y = [], 10
    for title, group in figures.items():
        y += _BAR
        parts.append(f'<text x="0" y="{y}" font-weight="bold">{escape(title)}</text>')
        for place, each in enumerate(group):
            y += _BAR
            parts.append(_bar(each, y, most, "first" if place == 0 else "other"))
        y += 8
    head = _HEAD.format(width=_WIDTH, height=y + 10)
    return head + "\n".join(parts) + "\n</svg>\n"


def _bar(figures: Figures, y: int, most: float, kind: str) -> str:
    room = _WIDTH - _LABEL - _NUMBERS
    lengths = [0.0] if math.isnan(figures.cost) else [room * figures.cost / most]
    if lengths[0] > room:
        lengths = [room - 16, 12]
    drawn, x = "", float(_LABEL)
    for length in lengths:
        drawn += f'<rect class="{kind}" x="{x:.1f}" y="{y - 12}" width="{length:.1f}" height="15"/>'
        x += length + 4
    failed = (
        f'<tspan class="failed">, {figures.failures} failed</tspan>' if figures.failures else ""
    )
    return (
        f'<text x="0" y="{y}">{escape(figures.name)}</text>{drawn}'
        f'<text x="{x + 2:.1f}" y="{y}">{figures.cost:.1f} us, {figures.ratio:.2f}{failed}</text>'
    )


def _greatest(costs: Sequence[float]) -> float:
    return max((cost for cost in costs if not math.isnan(cost)), default=1.0)
