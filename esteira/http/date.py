"""Moments in HTTP headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def read_date(text: str) -> datetime | None:
    """The moment of a header (https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7); None where it is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def answered_at(headers: Mapping[str, str]) -> datetime:
    """When an answer was given, by the portal's own clock: one that is off makes no token look expired, and becomes no wait."""
    return read_date(headers.get("date", "")) or datetime.now(UTC)
