"""Numbers, moments, ages and sizes as each language writes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from esteira.report.bilingual import Text

NOTHING = Text.same("—")
_SWAPPED = str.maketrans(",.", ".,")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HUGE, _TINY = 1e15, 1e-4
"""Outside of these a number is written with an exponent."""


def count(value: int | None) -> Text:
    """A whole number: 1.234 and 1,234."""
    return NOTHING if value is None else _swapped(f"{value:,}")


def decimal(value: float | None, digits: int = 4) -> Text:
    """A number with about so many significant digits, and never fewer than all before the point."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if isinstance(value, int):
        return count(value)
    size = abs(value)
    if size and not _TINY <= size < _HUGE:
        return _swapped(f"{value:.3g}")
    after = max(0, digits - 1 - (math.floor(math.log10(size)) if size else 0))
    text = f"{value:,.{after}f}"
    return _swapped(text.rstrip("0").rstrip(".") if "." in text else text)


def measure(value: float) -> Text:
    """A value of a column. Four digits are not grouped: a year is no amount."""
    text = decimal(value)
    if abs(value) >= 10_000:
        return text
    return Text(text.pt.replace(".", ""), text.en.replace(",", ""))


def share(part: float, whole: float) -> Text:
    """A share in per cent; what is not quite nothing or everything does not look so."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    if 0 < percent < 0.01:
        return _swapped("< 0.01 %")
    if percent < 100 < percent + 0.01:
        return _swapped("> 99.99 %")
    text = f"{percent:.2f}" if percent < 10 else f"{percent:.1f}"
    return _swapped(f"{text.rstrip('0').rstrip('.')} %")


def moment(value: datetime | None, *, with_time: bool = True) -> Text:
    """A moment in UTC: 02/01/2014 06:00 UTC and Jan 2, 2014, 06:00 UTC."""
    if value is None:
        return NOTHING
    at = value.astimezone(UTC)
    hour = f" {at:%H:%M} UTC" if with_time else ""
    return Text(f"{at:%d/%m/%Y}{hour}", f"{_MONTHS[at.month - 1]} {at.day}, {at.year}{',' if hour else ''}{hour}")


def window(start: datetime, end: datetime) -> Text:
    """A half-open window; whole days are written without the hour."""
    is_daily = all(each.astimezone(UTC).time().isoformat() == "00:00:00" for each in (start, end))
    first, last = moment(start, with_time=not is_daily), moment(end, with_time=not is_daily)
    return Text("{first} → {last}", "{first} → {last}").filled(first=first, last=last)


def age(value: timedelta | None) -> Text:
    """A duration in its two largest units."""
    if value is None:
        return NOTHING
    hours, minutes = divmod(max(0, round(value.total_seconds() / 60)), 60)
    days, hours_left = divmod(hours, 24)
    if days >= 3:
        rest = f" {hours_left} h" if hours_left and days < 10 else ""
        return Text(f"{_swapped(f'{days:,}').pt} d{rest}", f"{days:,} d{rest}")
    return Text.same(f"{hours} h {minutes:02d} min" if minutes else f"{hours} h")


def size(value_bytes: int) -> Text:
    """Bytes, in decimal units."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value_bytes >= factor:
            return suffixed(decimal(value_bytes / factor, 3), f" {unit}")
    return suffixed(count(value_bytes), " B")


def suffixed(text: Text, end: str) -> Text:
    """The text with the same end in both languages."""
    return _each(text, lambda plain: f"{plain}{end}")


def _each(text: Text, change: Callable[[str], str]) -> Text:
    return Text(change(text.pt), change(text.en))


def _swapped(english: str) -> Text:
    return Text(english.translate(_SWAPPED), english)
