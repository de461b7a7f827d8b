"""How long to wait between tries: full jitter, or the portal's Retry-After."""

from __future__ import annotations

import random
from collections.abc import Mapping

from esteira.http.config import HttpConfig
from esteira.http.date import answered_at, read_date

ABSURD_SECONDS = 86_400
"""A Retry-After beyond a day is a mistake of the portal, not a wish: backoff takes over."""


def retry_wait(config: HttpConfig, retry: int, headers: Mapping[str, str]) -> float:
    """Seconds before the given retry, counted from 0.

    A usable Retry-After wins, up to the cap; a malformed, past or absurd one is ignored.
    """
    asked = retry_after(headers)
    if asked is not None:
        return min(asked, config.retry_after_cap_seconds)
    # full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    return random.uniform(0, min(config.backoff_cap_seconds, config.backoff_base_seconds * 2.0**retry))  # noqa: S311 - no secret


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of an answer's Retry-After; None where there is none, or where it is past or absurd."""
    asked = _retry_after(headers)
    return asked if asked is not None and 0 < asked < ABSURD_SECONDS else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of either form, https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3, or None."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    moment = read_date(value)
    return None if moment is None else (moment - answered_at(headers)).total_seconds()
