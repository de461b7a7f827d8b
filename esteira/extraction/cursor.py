"""The cursor's values in the records that arrive: the largest one, and whether it is plausible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import ApiSource, Incremental
from esteira.contract.incremental import Value
from esteira.contract.paths import path_of
from esteira.errors import PayloadError

MAX_TEXT = 1024
"""Bytes of a text that the ledger can hold."""
_EPOCHS = {"epoch": 1, "epoch_ms": 1_000}


class CursorWatch:
    """Remembers the largest value of a cursor that is no time, over the pages of a batch.

    Args:
        incremental: The contract's cursor.
        largest: The largest value of the pages before.
    """

    def __init__(self, incremental: Incremental, largest: Value | None = None) -> None:
        self._incremental, self.largest = incremental, largest
        self._values = _reader(incremental.cursor, type(incremental.initial))

    def see(self, body: bytes, records: Sequence[msgspec.Raw], number: int) -> None:
        """Take a page's records; one without a value, or with one of another type, moves nothing.

        Args:
            body: The page.
            records: As received.
            number: The page's number.

        Raises:
            PayloadError: A value is beyond what the contract holds for plausible.
        """
        found = _largest(list(self._values(records)))
        if found is None:
            return
        self._check(found, number)
        self.largest = found if self.largest is None else max(found, self.largest)

    def _check(self, found: Value, number: int) -> None:
        highest, name = self._incremental.highest, self._incremental.cursor
        if highest is not None and found > highest:  # type: ignore[operator] # of one type
            raise PayloadError(
                f"Page {number}: the cursor {name} stands at {found!r}, beyond highest={highest!r}.", hint=_FUTURE_HINT
            )
        if isinstance(found, str) and len(found.encode()) > MAX_TEXT:
            raise PayloadError(
                f"Page {number}: the cursor {name} is a text of {len(found.encode())} bytes; the ledger holds {MAX_TEXT}.",
                hint="Name a shorter column as the cursor.",
            )


class WindowWatch:
    """Checks a cursor of time: no row may lie far behind the end of the window that was asked for.

    What is no text that ISO 8601 or the parameters' format can read, and no number under an epoch format, is not looked at.

    Args:
        incremental: The contract's cursor.
        end: The window's end, UTC.
    """

    largest: Value | None = None

    def __init__(self, incremental: Incremental, end: datetime) -> None:
        self._incremental, self._end, self._limit = incremental, end, end + incremental.ahead
        self._values = _reader(incremental.cursor, str | int)
        self._spelling = re.compile(rb'"%s"\s*:\s*"([^"\\]*)"' % re.escape(path_of(incremental.cursor)[-1].encode()))

    def see(self, body: bytes, records: Sequence[msgspec.Raw], number: int) -> None:
        """Take a page's records.

        Args:
            body: The page.
            records: As received.
            number: The page's number.

        Raises:
            PayloadError: The latest one lies further behind the window's end than the contract allows.
        """
        if self._is_plainly_within(body):
            return
        latest = self._latest(list(self._values(records)))
        if latest is not None and latest >= self._limit:
            raise PayloadError(
                f"Page {number}: the cursor {self._incremental.cursor} stands at {latest.isoformat()}, and the window ends at "
                f"{self._end.isoformat()}; ahead={self._incremental.ahead} is allowed.",
                hint=_FUTURE_HINT,
            )

    def _is_plainly_within(self, body: bytes) -> bool:
        """Whether a search of the raw bytes proves that no value is too late. It costs half as much as reading the column."""
        largest = max(self._spelling.findall(body), default=b"")
        latest = self._read(largest.decode(errors="replace")) if largest else None
        return latest is not None and latest < self._limit

    def _latest(self, values: list[Any]) -> datetime | None:
        largest, per_second = _largest(values), _EPOCHS.get(self._incremental.format)
        if isinstance(largest, int):
            return _from_epoch(largest, per_second) if per_second else None
        return None if largest is None else self._read(largest) or self._read_by_format(values)

    def _read(self, text: str) -> datetime | None:
        """The moment of an ISO 8601 text. The caller takes the largest by text: offsets of one portal differ by less than `ahead` allows."""
        try:
            return self._in_utc(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            return None

    def _read_by_format(self, values: list[Any]) -> datetime | None:
        texts = pa.array([each for each in values if isinstance(each, str)], pa.string())
        moments = pc.strptime(texts, format=self._incremental.format, unit="s", error_is_null=True)
        latest = pc.max(moments).as_py()
        return None if latest is None else self._in_utc(latest)

    def _in_utc(self, moment: datetime) -> datetime:
        return (moment if moment.tzinfo else moment.replace(tzinfo=self._incremental.clock.zone)).astimezone(UTC)


class NoWatch:
    """For a source without a cursor."""

    largest: Value | None = None

    def see(self, body: bytes, records: Sequence[msgspec.Raw], number: int) -> None:
        """Let a page pass."""


Watch: TypeAlias = CursorWatch | WindowWatch | NoWatch


def watch_of(source: ApiSource, end: datetime, largest: Value | None) -> Watch:
    """What follows a source's cursor over the pages of a batch.

    Args:
        source: The contract's source.
        end: The window's end, UTC.
        largest: The largest value of the pages before, of a cursor that is no time.
    """
    if source.incremental is None:
        return NoWatch()
    if source.incremental.is_time:
        return WindowWatch(source.incremental, end)
    return CursorWatch(source.incremental, largest)


def _largest(values: list[Any]) -> Any:
    """The largest value, or None where there is none. Where a portal mixes texts and numbers, the texts count."""
    try:
        return max(values, default=None)
    except TypeError:
        texts = [each for each in values if isinstance(each, str)]
        return max(texts or [each for each in values if each is not None], default=None)


def _from_epoch(number: int, per_second: int) -> datetime:
    """The moment of an epoch; one beyond the calendar becomes its last day, so that it counts as too late."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / per_second)
    except OverflowError:
        return datetime.combine(date.max, datetime.min.time(), UTC)


def _value(depth: int, row: Any) -> Any:
    for _ in range(depth):
        row = None if row is None else row.value
    return row


def _reader(name: str, kind: Any) -> Callable[[Sequence[msgspec.Raw]], Iterable[Any]]:
    """A function that reads one column of many records at once, and record by record only where one of them cannot be read."""
    keys = path_of(name)
    row: Any = kind
    for key in reversed(keys):
        row = msgspec.defstruct("Row", [("value", row | None, None)], rename={"value": key})
    whole = msgspec.json.Decoder(list[row], strict=False)
    single = msgspec.json.Decoder(row, strict=False)
    value = attrgetter("value") if len(keys) == 1 else partial(_value, len(keys))

    def one(record: msgspec.Raw) -> Any:
        try:
            return value(single.decode(record))
        except msgspec.DecodeError:
            return None

    def read(records: Sequence[msgspec.Raw]) -> Iterable[Any]:
        try:
            return map(value, whole.decode(b"[" + b",".join(records) + b"]"))
        except msgspec.DecodeError:
            return map(one, records)

    return read


_FUTURE_HINT = "Nothing of this page was stored. Ask the portal's owner whether the row is right; if it is, raise the bound in the contract."
