"""
A bar chart of medians, as SVG, readable on light and dark pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.rounds import Figures

_WIDTH, _BAR, _LABEL = 720, 22, 190

_HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
 font-family="sans-serif" font-size="13">
<style>text {{ fill: #222 }} rect {{ fill: #4878a8 }} .first {{ fill: #999 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #ddd }} }}</style>
"""


def chart(figures: Mapping[str, Sequence[Figures]]) -> str:
    """
    Draw the cost per request of each contender.

    @param figures: by situation.
    @return: an SVG document.
    """
    most = max(each.cost for group in figures.values() for each in group)
    parts, y = [], 10
    for situation, group in figures.items():
        y += _BAR
        parts.append(f'<text x="0" y="{y}" font-weight="bold">{escape(situation)} heads</text>')
        for place, each in enumerate(group):
            y += _BAR
            length = (_WIDTH - _LABEL - 130) * each.cost / most
            kind = ' class="first"' if place == 0 else ""
            parts.append(
                f'<text x="0" y="{y}">{escape(each.name)}</text>'
                f'<rect{kind} x="{_LABEL}" y="{y - 12}" width="{length:.1f}" height="15"/>'
                f'<text x="{_LABEL + length + 6:.1f}" y="{y}">{each.cost:.1f} us,'
                f" {each.ratio:.2f}</text>"
            )
        y += 8
    head = _HEAD.format(width=_WIDTH, height=y + 10)
    return head + "\n".join(parts) + "\n</svg>\n"
