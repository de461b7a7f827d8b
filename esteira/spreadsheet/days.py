"""Days and moments as a country prints them, and as a workbook counts them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract.spreadsheet import Midnight
from esteira.spreadsheet.buffers import as_matrix, from_matrix

_WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_ISO, _ISO_DAY = "Y-m-d H:M:S", "Y-m-d"
_TIME_AT = len("2017-05-19")
_Matrix: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
_DAYS_1900 = 25_569
"""From serial 0 of the 1900 epoch to 1970; only from serial 61 on, since that epoch has a 29 February 1900."""
_DAYS_1904 = 24_107
_FIRST_SERIAL = 61
_LAST_SERIAL = 2_958_465
"""31 December 9999."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a source prints days.

    Attributes:
        patterns: Tried in order.
        months: The months' names.
        midnight: What `24:00` does.
        timezone: The zone of moments that name an offset of their own, when they are written without it.
    """

    patterns: tuple[str, ...]
    months: tuple[str, ...] = ()
    midnight: Midnight = "refuse"
    timezone: str = "UTC"


def parse_moments(texts: pa.StringArray, calendar: Calendar, *, is_day: bool = False) -> pa.Array:
    """Printed days and moments, as moments of the printing clock; null where a text is neither.

    Args:
        texts: Without outer blanks, no empty ones.
        calendar: How they are printed.
        is_day: Whether they may come as days where all of them are.
    """
    found = None
    given = texts.drop_null() if texts.null_count else texts
    for pattern in calendar.patterns:
        found = _by_width(given, pattern, is_day=is_day)
        if found is not None:
            break
    if found is None:
        return _by_text(texts, calendar)
    return _spread(found, texts) if texts.null_count else found


def serial_moments(numbers: pa.DoubleArray, *, is_1904: bool) -> pa.TimestampArray:
    """A workbook's count of days as moments, to the second; null where it counts no day that both a calendar and its epoch have."""
    values = numbers.to_numpy(zero_copy_only=False).astype(np.float64)
    first = 0 if is_1904 else _FIRST_SERIAL
    is_good = (values >= first) & (values < _LAST_SERIAL + 1)
    seconds = np.round(np.where(is_good, values, first) * 86_400).astype(np.int64)
    moved = seconds - (_DAYS_1904 if is_1904 else _DAYS_1900) * 86_400
    return pa.array(moved * 10**6, pa.int64(), mask=~is_good).cast(pa.timestamp("us"))


def as_days(moments: pa.Array) -> pa.Array:
    """Moments as days; null where one is not at midnight."""
    if pa.types.is_date32(moments.type):
        return moments
    days = moments.cast(pa.date32(), safe=False)
    midnights = days.cast(pa.timestamp("us"))
    if midnights.equals(moments):
        return days
    return pc.if_else(pc.equal(midnights, moments), days, pa.scalar(None, pa.date32()))


def in_utc(moments: pa.TimestampArray, timezone: str) -> pa.Array:
    """Moments of a zone's clock; null where the clock shows one never or twice, as when summer time begins or ends."""
    if timezone == "UTC":
        return moments.view(pa.timestamp("us", "UTC"))
    try:
        return pc.assume_timezone(moments, timezone).cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        early, late = (
            pc.assume_timezone(moments, timezone, ambiguous=which, nonexistent=which)
            for which in ("earliest", "latest")
        )
        found = pc.if_else(pc.equal(early, late), early, pa.scalar(None, early.type))
        return found.cast(pa.timestamp("us", "UTC"))


def _by_width(texts: pa.StringArray, pattern: str, *, is_day: bool) -> pa.Array | None:
    """All at once, where every text is as wide as the pattern prints and only digits have to change places."""
    place = _places(pattern)
    letters = None if place is None else as_matrix(texts, place.width)
    if place is None or letters is None or any((letters[:, at] != sign).any() for at, sign in place.signs):
        return None
    spelt = texts if place.is_iso else from_matrix(place.moved(letters))
    try:
        return spelt.cast(pa.date32() if is_day and len(place.iso) == _TIME_AT else pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the digits of a pattern stand.

    Attributes:
        width: Of what it prints.
        signs: Places of what is not a digit.
        iso: For each letter of the ISO text the place to take it from, or the negated letter; of a pattern of days, for those of the day.
        is_iso: Whether every letter stands where ISO has it.
    """

    width: int
    signs: tuple[tuple[int, int], ...]
    iso: tuple[int, ...]
    is_iso: bool

    def moved(self, letters: _Matrix) -> _Matrix:
        """The printed letters as ISO orders them."""
        made = np.empty((len(letters), len(self.iso)), np.uint8)
        for to, source in enumerate(self.iso):
            made[:, to] = letters[:, source] if source >= 0 else -source
        return made


@lru_cache(maxsize=64)
def _places(pattern: str) -> _Places | None:
    starts, signs, at = dict[str, int](), list[tuple[int, int]](), 0
    for part, sign in re.findall(r"%(.)|(.)", pattern):
        if (part and part not in _WIDTHS) or (sign and not sign.isascii()):
            return None
        if part:
            starts[part] = at
            at += _WIDTHS[part]
        else:
            signs.append((at, ord(sign)))
            at += 1
    if not {"Y", "m"} <= set(starts):
        return None
    iso = tuple(_sources(starts))
    return _Places(at, tuple(signs), iso, _is_iso(at, signs, iso))


def _is_iso(width: int, signs: Iterable[tuple[int, int]], iso: tuple[int, ...]) -> bool:
    """A `T` may take the place of the blank: Arrow reads both."""
    printed = [*range(width)]
    for at, sign in signs:
        printed[at] = -ord(" ") if sign == ord("T") and at == _TIME_AT else -sign
    return printed == [*iso]


def _sources(starts: Mapping[str, int]) -> Iterator[int]:
    for letter in _ISO if set(starts) & set("HMS") else _ISO_DAY:
        if letter not in _WIDTHS:
            yield -ord(letter)
        elif letter in starts:
            yield from range(starts[letter], starts[letter] + _WIDTHS[letter])
        else:
            yield from (-ord(each) for each in {"d": "01"}.get(letter, "00"))


def _spread(found: pa.Array, texts: pa.StringArray) -> pa.Array:
    """Back to the rows that had a text."""
    is_there = pc.is_valid(texts).to_numpy(zero_copy_only=False)
    places = np.cumsum(is_there) - 1
    return found.take(pa.array(places, pa.int64(), mask=~is_there))


def _by_text(texts: pa.StringArray, calendar: Calendar) -> pa.TimestampArray:
    """Each different text once."""
    coded = texts.dictionary_encode()
    moments = [_moment(text, calendar) for text in coded.dictionary.to_pylist()]
    return pa.array(moments, pa.timestamp("us")).take(coded.indices)


def _moment(text: str, calendar: Calendar) -> datetime | None:
    plain = _plain(text)
    for pattern in calendar.patterns:
        found = _pattern(pattern, calendar.months).fullmatch(plain)
        if found is not None:
            try:
                return _made(found.groupdict(), calendar)
            except (ValueError, OverflowError):
                return None
    return None


def _plain(text: str) -> str:
    """Without accents and in lower case, so that `Março` and `MARCO` are one."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(each for each in parts if not unicodedata.combining(each)).split())


@lru_cache(maxsize=256)
def _pattern(pattern: str, months: tuple[str, ...]) -> re.Pattern[str]:
    names = [_plain(name) for name in months]
    parts = {
        "d": r"(?P<d>[0-9]{1,2})", "m": r"(?P<m>[0-9]{1,2})", "Y": r"(?P<Y>[0-9]{4})", "y": r"(?P<y>[0-9]{2})",
        "H": r"(?P<H>[0-9]{1,2})", "M": r"(?P<M>[0-9]{2})", "S": r"(?P<S>[0-9]{2})", "f": r"(?P<f>[0-9]{1,6})",
        "z": r"(?P<z>z|[+-][0-9]{2}:?[0-9]{2})",
        "b": "(?P<b>" + "|".join(name[:3] for name in names) + r")\.?", "B": "(?P<b>" + "|".join(names) + ")",
    }  # fmt: skip
    pieces = re.findall(r"%(.)|([^%]+)", pattern)
    return re.compile("".join(parts[part] if part else re.escape(_plain_sign(sign)) for part, sign in pieces))


def _plain_sign(sign: str) -> str:
    return re.sub(r"\s+", " ", sign.casefold())


def _made(given: dict[str, str | None], calendar: Calendar) -> datetime:
    names = [_plain(name)[:3] for name in calendar.months]
    month = names.index(str(given["b"])[:3]) + 1 if given.get("b") else int(given["m"] or 0)
    year = int(given["Y"] or 0) if given.get("Y") else _century(int(given["y"] or 0))
    hour, minute, second = (int(given.get(part) or 0) for part in "HMS")
    is_next = (hour, minute, second) == (24, 0, 0) and calendar.midnight == "next_day"
    fraction = int((given.get("f") or "0").ljust(6, "0"))
    moment = datetime(year, month, int(given.get("d") or 1), 0 if is_next else hour, minute, second, fraction)  # noqa: DTZ001 - of the printing clock
    if given.get("z"):
        offset = datetime.fromisoformat(f"2000-01-01T00:00:00{str(given['z']).upper()}").tzinfo
        return moment.replace(tzinfo=offset or UTC).astimezone(ZoneInfo(calendar.timezone)).replace(tzinfo=None)
    return moment + timedelta(days=1) if is_next else moment


def _century(year: int) -> int:
    """As POSIX reads two digits: 69 to 99 are of the last century."""
    return year + (1900 if year >= 69 else 2000)
