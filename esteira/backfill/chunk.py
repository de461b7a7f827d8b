"""The chunk that a person asks a backfill for: how it is written, and where its windows end."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from esteira.batch import Stop, windows_of
from esteira.contract import Dataset
from esteira.contract.incremental import Chunk
from esteira.errors import ConfigError

ALLOWED_CHUNKS = "hours such as 12h, days such as 7d, weeks such as 2w, or a calendar month or year, 1mo or 1y"
_CHUNK = re.compile(r"(?P<number>[1-9]\d{0,4})(?P<unit>h|d|w|mo|y)")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_CALENDAR: dict[str, Chunk] = {"1mo": "month", "1y": "year"}
_LONGEST = {"month": timedelta(days=31), "year": timedelta(days=366)}


def read_chunk(text: str) -> Chunk:
    """The chunk that a person writes: `12h`, `7d`, `1mo`.

    Raises:
        ConfigError: It is none.
    """
    found = _CHUNK.fullmatch(text)
    if text in _CALENDAR:
        return _CALENDAR[text]
    if found is None or found["unit"] not in _UNITS:
        raise ConfigError(f"chunk {text!r} is no length of a window.", hint=f"Write {ALLOWED_CHUNKS}.")
    return int(found["number"]) * _UNITS[found["unit"]]


def stop_of(dataset: Dataset, chunk: Chunk | None) -> Stop:
    """Where windows end: after the chunk, but never behind the end of the contract's own window, such as a calendar month.

    Raises:
        ConfigError: It is longer than the contract's, or shorter than what the portal can be asked for.
    """
    own = windows_of(dataset)
    if chunk is None:
        return own.stop
    if _longest(chunk) > _longest(own.chunk):
        raise ConfigError(
            f"The chunk of {_said(chunk)} is longer than the contract's {_said(own.chunk)}, which is the longest window of one batch.",
            dataset=dataset.name,
            hint="Ask for a shorter chunk, or for none: the contract's.",
        )
    shorter = replace(own, chunk=chunk)
    return lambda start, end: min(own.stop(start, end), shorter.stop(start, end))


def _longest(chunk: Chunk) -> timedelta:
    return _LONGEST[chunk] if isinstance(chunk, str) else chunk


def _said(chunk: Chunk) -> str:
    return f"a {chunk}" if isinstance(chunk, str) else str(chunk).removesuffix(", 0:00:00")
