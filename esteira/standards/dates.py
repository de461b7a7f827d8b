"""Dates as texts, for columns that stay texts."""

from __future__ import annotations

import numpy as np

from esteira.standards.standard import Characters, Mask, Standard, weighted_sum

_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _is_iso_date(characters: Characters) -> Mask:
    year = weighted_sum(characters, (1000, 100, 10, 1))
    month = weighted_sum(characters[:, 5:], (10, 1))
    day = weighted_sum(characters[:, 8:], (10, 1))
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    is_month = (month >= 1) & (month <= 12)
    last = _DAYS[np.where(is_month, month, 0)] + (is_leap & (month == 2))
    found: Mask = is_month & (day >= 1) & (day <= last) & (year >= 1)
    return found


ISO_DATE = Standard(
    name="iso_date",
    words={"en": "a date written YYYY-MM-DD", "pt": "uma data no formato AAAA-MM-DD"},
    source="ISO 8601-1:2019, 5.2.2.1 calendar date, extended format, years 0001 to 9999.",
    bare=r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
    length=10,
    holds=_is_iso_date,
)
