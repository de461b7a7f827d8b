"""Small pictures as SVG: a few rectangles and paths, which the page stretches to their places.

Words stay out of them: they are HTML beside them, in both languages and readable by a screen reader. Colours are the page's own, light or dark.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from esteira.report.flow import Band

BINS = 24
SMALLEST_SCALE = 0.02
_SIDE = 100.0
"""Of each picture's own coordinates, both ways; y grows downwards."""
_LEAST_BARS = 6
"""Fewer leave room at the right, so that one batch is not one block."""
_BAR_SHARE = 0.82
"""Of its place that a bar takes."""


def bands(gap: Sequence[Band]) -> Markup:
    """The bands between two bars; the page stretches them to its width."""
    return _picture(_path(_between(band), band.key, opacity=0.28) for band in gap)


def histogram(quantiles: Sequence[float]) -> Markup:
    """How the values lie between the smallest and the largest, told from their deciles."""
    heights = densities(quantiles)
    step, top = _SIDE / len(heights), max(heights)
    stairs = "".join(f"V{_from_top(height / top)}H{_number((at + 1) * step)}" for at, height in enumerate(heights))
    return _picture([_path(f"M0 {_number(_SIDE)}{stairs}V{_number(_SIDE)}Z", "accent")])


def bars(values: Sequence[float], *, marked: Sequence[bool] = ()) -> Markup:
    """One bar for each batch, oldest first, the last in the accent colour; marked ones in that of a warning."""
    place, top = _SIDE / max(len(values), _LEAST_BARS), max(values, default=0) or 1
    last = len(values) - 1
    colours = ["warn" if marked and marked[at] else "accent" if at == last else "faint" for at in range(len(values))]
    return _picture(
        f'<rect x="{_number(place * (at + (1 - _BAR_SHARE) / 2))}" y="{_from_top(value / top)}" width="{_number(place * _BAR_SHARE)}" '
        f'height="{_number(_SIDE * value / top)}" fill="var(--{colour})"/>'
        for at, (value, colour) in enumerate(zip(values, colours, strict=True))
    )


def line(shares: Sequence[float]) -> Markup:
    """A share over the batches, oldest first. Its scale never ends below two per cent, so that hardly anything does not look like much."""
    if len(shares) < 2:
        return _picture(())
    step, top = _SIDE / (len(shares) - 1), max(1.1 * max(shares), SMALLEST_SCALE)
    drawn = "M" + "L".join(f"{_number(at * step)} {_from_top(share / top)}" for at, share in enumerate(shares))
    stroke = f'<path d="{drawn}" fill="none" stroke="var(--warn)" stroke-width="1.6"/>'
    return _picture([_path(f"{drawn}V{_number(_SIDE)}H0Z", "warn", opacity=0.14), stroke])


def densities(quantiles: Sequence[float], bins: int = BINS) -> list[float]:
    """Shares of the values in bins of one width; between two deciles they are taken as spread evenly, equal deciles stand on one value.

    Args:
        quantiles: p0 to p100 in even steps.
        bins: How many.
    """
    low, high = quantiles[0], quantiles[-1]
    if low == high:
        return [1.0 if at == bins // 2 else 0.0 for at in range(bins)]
    width = (high - low) / bins
    shares, mass = [0.0] * bins, 1 / (len(quantiles) - 1)
    for start, end in itertools.pairwise(quantiles):
        first, last = (min(bins - 1, int((each - low) / width)) for each in (start, end))
        for at in range(first, last + 1):
            begin, stop = max(start, low + at * width), min(end, low + (at + 1) * width)
            shares[at] += mass if end == start or first == last else mass * (stop - begin) / (end - start)
    return shares


def _between(band: Band) -> str:
    """From the upper bar to the lower one, both edges as curves that leave and arrive upright."""
    (left, right), (low_left, low_right) = (
        tuple(_number(_SIDE * place) for place in ends) for ends in (band.upper, band.lower)
    )
    middle, bottom = _number(_SIDE / 2), _number(_SIDE)
    down = f"M{left} 0C{left} {middle} {low_left} {middle} {low_left} {bottom}"
    return f"{down}L{low_right} {bottom}C{low_right} {middle} {right} {middle} {right} 0Z"


def _path(steps: str, colour: str, *, opacity: float = 1.0) -> str:
    seen = "" if opacity == 1 else f' fill-opacity="{opacity}"'
    return f'<path d="{steps}" fill="var(--{colour})"{seen}/>'


def _picture(elements: Iterable[str]) -> Markup:
    """Of numbers and names of colours alone, so nothing in it needs to be escaped."""
    head = f'<svg viewBox="0 0 {_SIDE:g} {_SIDE:g}" preserveAspectRatio="none" aria-hidden="true" focusable="false">'
    return Markup(f"{head}{''.join(elements)}</svg>")  # noqa: S704 - see above


def _from_top(share: float) -> str:
    """How far below the upper edge a height ends."""
    return _number(_SIDE * (1 - share))


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
