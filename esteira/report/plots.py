"""Small pictures as SVG text, drawn by matplotlib without its windows, fonts or styles.

matplotlib, since it is maintained, of a free licence (PSF), has wheels for every platform, and writes plain SVG of one or two kilobytes that needs no
script; altair's vl-convert brings a 30 MB JavaScript engine and plotly 4 MB of script in each page. Words stay out of the pictures: they are
HTML beside them, in both languages and readable by a screen reader. Colours are tokens that become the page's own, light or dark.

It is imported when the first picture is drawn (0.4 s), never by a load.
"""

from __future__ import annotations

import io
import itertools
import re
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from esteira.report.flow import Band

POINTS_PER_INCH = 72
BINS = 24
SMALLEST_SCALE = 0.02
_TOKENS = {
    "curated": "#010101", "quarantined": "#010102", "inserted": "#010103", "updated": "#010104", "unchanged": "#010105",
    "stale": "#010106", "duplicate": "#010107", "reported": "#010108", "extracted": "#010109", "erased": "#01010a",
    "accent": "#01010b", "warn": "#01010c", "faint": "#01010d",
}  # fmt: skip
_DRAWING = threading.Lock()
"""Axes are shared, and tasks may be threads."""
_NAMES = {colour: f"var(--{name})" for name, colour in _TOKENS.items()}
_COLOUR = re.compile("|".join(_NAMES))
_NOISE = re.compile(
    r"<style.*?</style>|<metadata.*?</metadata>|<defs>\s*</defs>| id=\"[^\"]*\"|(?<=\n)\s+|\sxmlns:xlink=\"[^\"]*\"",
    re.DOTALL,
)


def bands(gap: Sequence[Band]) -> Markup:
    """The bands between two bars; the page stretches them to its width."""
    return _drawn((10.0, 0.6), lambda axes: _add_bands(axes, gap))


def histogram(quantiles: Sequence[float]) -> Markup:
    """How the values lie between the smallest and the largest, told from their deciles."""
    heights, edges = densities(quantiles)

    def draw(axes: Any) -> None:
        axes.stairs(heights, edges, fill=True, color=_TOKENS["accent"], clip_on=False)
        axes.set_xlim(edges[0], edges[-1])

    return _drawn((2.2, 0.42), draw, top=max(heights))


def bars(values: Sequence[float], *, marked: Sequence[bool] = ()) -> Markup:
    """One bar for each batch, oldest first, the last in the accent colour; marked ones in that of a warning."""

    def draw(axes: Any) -> None:
        last = len(values) - 1
        colours = [
            "warn" if marked and marked[at] else "accent" if at == last else "faint" for at in range(len(values))
        ]
        axes.bar(range(len(values)), values, width=0.82, color=[_TOKENS[name] for name in colours], clip_on=False)
        axes.set_xlim(-0.5, max(len(values), 6) - 0.5)

    return _drawn((4.0, 0.9), draw, top=max(values, default=0) or 1)


def line(shares: Sequence[float], *, size: tuple[float, float] = (1.2, 0.3)) -> Markup:
    """A share over the batches, oldest first. Its scale never ends below two per cent, so that hardly anything does not look like much."""

    def draw(axes: Any) -> None:
        at = range(len(shares))
        axes.plot(at, shares, color=_TOKENS["warn"], linewidth=1.6, clip_on=False)
        axes.fill_between(at, shares, 0, color=_TOKENS["warn"], alpha=0.14, linewidth=0, clip_on=False)
        axes.set_xlim(0, max(len(shares) - 1, 1))

    return _drawn(size, draw, top=max(1.1 * max(shares, default=0), SMALLEST_SCALE))


def densities(quantiles: Sequence[float], bins: int = BINS) -> tuple[list[float], list[float]]:
    """Shares of the values in bins of one width; between two deciles they are taken as spread evenly, equal deciles stand on one value.

    Args:
        quantiles: p0 to p100 in even steps.
        bins: How many.
    """
    low, high = quantiles[0], quantiles[-1]
    if low == high:
        return [1.0 if at == bins // 2 else 0.0 for at in range(bins)], [low + at - bins // 2 for at in range(bins + 1)]
    width = (high - low) / bins
    shares, mass = [0.0] * bins, 1 / (len(quantiles) - 1)
    for start, end in itertools.pairwise(quantiles):
        first, last = (min(bins - 1, int((each - low) / width)) for each in (start, end))
        for at in range(first, last + 1):
            begin, stop = max(start, low + at * width), min(end, low + (at + 1) * width)
            shares[at] += mass if end == start or first == last else mass * (stop - begin) / (end - start)
    return shares, [low + at * width for at in range(bins + 1)]


def _add_bands(axes: Any, gap: Sequence[Band]) -> None:
    from matplotlib.patches import PathPatch  # noqa: PLC0415 - see the module
    from matplotlib.path import Path  # noqa: PLC0415

    for band in gap:
        (left, right), (low_left, low_right) = band.upper, band.lower
        points = [
            (left, 1), (left, 0.5), (low_left, 0.5), (low_left, 0), (low_right, 0), (low_right, 0.5), (right, 0.5), (right, 1), (left, 1),
        ]  # fmt: skip
        curve = Path.CURVE4
        codes = [Path.MOVETO, curve, curve, curve, Path.LINETO, curve, curve, curve, Path.CLOSEPOLY]
        axes.add_patch(
            PathPatch(Path(points, codes), facecolor=_TOKENS[band.key], alpha=0.28, linewidth=0, clip_on=False)
        )
    axes.set_xlim(0, 1)


def _drawn(size: tuple[float, float], draw: Callable[[Any], object], top: float = 1.0) -> Markup:
    """A picture of this size in inches: no frame, no ticks, no text."""
    with _DRAWING:
        axes = _axes(size)
        axes.set_ylim(0, top)
        draw(axes)
        out = io.StringIO()
        axes.figure.canvas.print_svg(out, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        for artist in (*axes.patches, *axes.lines, *axes.collections):
            artist.remove()
        axes.containers.clear()
    return _cleaned(out.getvalue())


@lru_cache(maxsize=8)
def _axes(size: tuple[float, float]) -> Any:
    """Made once for each size: making axes takes ten times as long as drawing on them."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - see the module
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=size, dpi=POINTS_PER_INCH)
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.axis("off")
    return axes


def _cleaned(document: str) -> Markup:
    """The element alone, without ids that would repeat in a page, in the page's colours."""
    element = document[document.index("<svg") :]
    plain = _NOISE.sub("", element).replace("\n", " ")
    plain = re.sub(
        r' width="[^"]*" height="[^"]*"',
        ' preserveAspectRatio="none" aria-hidden="true" focusable="false"',
        plain,
        count=1,
    )
    return Markup(_COLOUR.sub(lambda found: _NAMES[found.group()], plain))  # noqa: S704 - matplotlib's own, of numbers alone
