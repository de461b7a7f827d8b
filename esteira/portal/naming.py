"""Records that are arrays → objects, by the names of their values. The values stay as the portal wrote them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import msgspec

from esteira.contract.shapes import Columns, FirstRecord
from esteira.errors import PayloadError

_HINT = (
    "Correct ApiSource(columns=...) in the contract; where names stand in objects a JMESPath lifts them: columns[].name"
)


def named(rows: Sequence[msgspec.Raw], lookup: Callable[[str], Any], columns: Columns) -> list[msgspec.Raw]:
    """The records of a page as objects.

    Args:
        rows: As they stand there, the header among them where it is the first.
        lookup: Finds a JMESPath of the page.
        columns: Where the names stand.

    Raises:
        PayloadError: There are no names, one stands twice, or a record has more or fewer values.
    """
    names, first = (_first(rows), 1) if isinstance(columns, FirstRecord) else (_names(lookup, columns), 0)
    if len(rows) <= first:
        return []
    _check_names(names, columns)
    records = _arrays(rows[first:])
    _check_lengths(records, len(names), first)
    return list(map(msgspec.Raw, map(_ENCODER.encode, map(dict, map(zip, repeat(names), records)))))


def _first(rows: Sequence[msgspec.Raw]) -> Any:
    return msgspec.json.decode(rows[0]) if rows else []


def _arrays(rows: Sequence[msgspec.Raw]) -> list[list[msgspec.Raw]]:
    """Rows as lists, decoded in one call: a call for each would take longer than the decoding itself."""
    try:
        return _ARRAYS.decode(b"[" + b",".join(rows) + b"]")
    except msgspec.ValidationError:
        raise PayloadError(
            "the records are not all arrays", hint="Leave ApiSource(columns=...) out where records are objects."
        ) from None


def _names(lookup: Callable[[str], Any], columns: Columns) -> Any:
    return lookup(columns) if isinstance(columns, str) else list(columns) if isinstance(columns, tuple) else []


def _check_names(names: Any, columns: Columns) -> None:
    where = "the first record" if isinstance(columns, FirstRecord) else str(columns)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise PayloadError(f"there are no names of columns at {where}", hint=_HINT)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PayloadError(f"{where} names {', '.join(twice)} twice, so that one value would hide another", hint=_HINT)


def _check_lengths(records: list[list[msgspec.Raw]], wanted: int, first: int) -> None:
    lengths = list(map(len, records))
    if lengths.count(wanted) == len(lengths):
        return
    number = next(number for number, length in enumerate(lengths) if length != wanted)
    raise PayloadError(
        f"record {number + first + 1} of the page has {lengths[number]} values, and there are {wanted} names of columns",
        hint="Nothing tells which value is missing, so none is taken; report it to the portal.",
    )


_ARRAYS = msgspec.json.Decoder(list[list[msgspec.Raw]])
_ENCODER = msgspec.json.Encoder()
