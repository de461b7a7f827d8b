"""The contest as a picture: horizontal bars as SVG text, readable on a light and on a dark page."""

from __future__ import annotations

from html import escape
from typing import Any

GOALS = {
    "parse": "Fetched and parsed, nothing written",
    "parquet": "From pages to Parquet in S3",
    "warehouse": "From pages to committed rows",
}
_WIDTH, _LEFT, _BAR, _GAP, _TITLE = 760, 190, 22, 8, 34
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 } .ours { fill: #1f7a5c } .other { fill: #8b95a1 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .ours { fill: #3fb68b } .other { fill: #6e7681 } }
"""


def bars(measures: list[dict[str, Any]]) -> str:
    """An SVG document: one group of bars for each goal, the fastest first."""
    widest = max(one["rows_per_second"] for one in measures)
    y, pieces = 0, []
    for goal, title in GOALS.items():
        group = sorted((one for one in measures if one["goal"] == goal), key=lambda one: -one["rows_per_second"])
        if not group:
            continue
        pieces.append(f'<text class="title" x="0" y="{y + 20}">{escape(title)}</text>')
        y += _TITLE
        for one in group:
            pieces.append(_bar(one, y, widest))
            y += _BAR + _GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img" aria-label="Rows per second">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *pieces, "</svg>", ""])


def _bar(one: dict[str, Any], y: int, widest: float) -> str:
    length = max(2, round((_WIDTH - _LEFT - 150) * one["rows_per_second"] / widest))
    kind = "ours" if one["contestant"] == "esteira" else "other"
    middle = y + _BAR * 0.7
    return (
        f'<text x="{_LEFT - 8}" y="{middle:.0f}" text-anchor="end">{escape(one["label"])}</text>'
        f'<rect class="{kind}" x="{_LEFT}" y="{y}" width="{length}" height="{_BAR}" rx="2"/>'
        f'<text x="{_LEFT + length + 8}" y="{middle:.0f}">{one["rows_per_second"]:,} rows/s</text>'
    )
