"""Which rows are meant: values of contract columns, typed, compared, and never printed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Column, Dataset
from esteira.contract.columns import POSITION_COLUMN
from esteira.contract.paths import path_of
from esteira.errors import ConfigError


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One column of the key. `source` are the keys that lead to it at the portal; None when the transform makes it."""

    column: Column
    source: tuple[str, ...] | None
    text: str = field(repr=False)
    value: pa.Scalar = field(repr=False)

    def is_told_by(self, said: str) -> bool:
        """Whether a value as the portal wrote it is this one."""
        if said == self.text:
            return True
        if self.column.is_text:
            return False
        try:
            return bool(_typed(self.column, said).equals(self.value))
        except pa.ArrowInvalid:
            return self._is_same_number(said)

    def _is_same_number(self, said: str) -> bool:
        try:
            return Decimal(said) == Decimal(self.text)
        except InvalidOperation:
            return False


@dataclass(frozen=True, slots=True)
class Key:
    """What a row must hold to be erased: every one of these values. Its printed form has none of them."""

    dataset: str
    wanted: tuple[_Wanted, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(each.column.name for each in self.wanted)

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as they were given."""
        return tuple(each.text for each in self.wanted)

    @property
    def values(self) -> dict[str, Any]:
        """Column to typed value."""
        return {each.column.name: each.value.as_py() for each in self.wanted}

    def digest(self, request: str) -> str:
        """What the audit keeps: whoever has the values and the request's id can compute it again.

        The id makes the same person differ from request to request. It hides a value as far as the value cannot be guessed.
        """
        facts = [self.dataset, request, sorted(zip(self.columns, self.texts, strict=True))]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def positions(self, table: pa.Table) -> frozenset[int] | None:
        """Positions of the rows that hold the key; None when the table lacks a column of it, or has it in another type."""
        if not {*self.columns, POSITION_COLUMN} <= set(table.column_names):
            return None
        mask = pa.array([True] * table.num_rows, pa.bool_())
        try:
            for each in self.wanted:
                said = pc.equal(table.column(each.column.name).cast(each.column.arrow), each.value)
                mask = pc.and_(mask, pc.fill_null(said, fill_value=False))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        return frozenset(table.filter(mask).column(POSITION_COLUMN).to_pylist())

    def is_in(self, record: bytes | str) -> bool | None:
        """Whether a record as received holds the key; None when a column of it is made by the transform and nothing else differs."""
        pairs = json.loads(record, object_pairs_hook=list, parse_int=str, parse_float=str)
        found = [_says(each, pairs) for each in self.wanted]
        if False in found:
            return False
        return None if None in found else True


def read_key(dataset: Dataset, given: Sequence[str]) -> Key:
    """Read `COLUMN=VALUE` texts.

    Raises:
        ConfigError: A column is unknown, given twice or nested, or the value is not of its type. The message never has the value.
    """
    pairs = [text.partition("=") for text in given]
    names = [name for name, _, _ in pairs]
    if not names or len(set(names)) != len(names) or not all(sign for _, sign, _ in pairs):
        raise ConfigError(
            f"A key is COLUMN=VALUE, each column once; {len(given)} were given.",
            dataset=dataset.name,
            hint="Give --key COLUMN=VALUE, or --key - and such lines on the standard input.",
        )
    return Key(dataset.name, tuple(_wanted(dataset, name, value) for name, _, value in pairs))


def _wanted(dataset: Dataset, name: str, text: str) -> _Wanted:
    column = next((each for each in dataset.columns if each.name == name), None)
    if column is None or column.is_super:
        known = ", ".join(each.name for each in dataset.columns if not each.is_super)
        raise ConfigError(
            "The key names a column that the contract does not have, or a nested one.",
            dataset=dataset.name,
            hint=f"Name one of {known}.",
        )
    theirs = {ours: theirs for theirs, ours in dataset.source.rename.items()}.get(name)
    source = (name,) if theirs is None else path_of(theirs)
    try:
        value = _typed(column, text)
    except pa.ArrowInvalid:
        raise ConfigError(
            f"The value given for {name} is no {column.arrow}.",
            dataset=dataset.name,
            hint="Write it as it stands in the table; a moment in ISO form, with its offset.",
        ) from None
    return _Wanted(column, None if name in dataset.derived else source, text, value)


def _typed(column: Column, text: str) -> pa.Scalar:
    """A moment without an offset is UTC, as everywhere."""
    try:
        return pa.scalar(text).cast(column.arrow)
    except pa.ArrowInvalid:
        if getattr(column.arrow, "tz", None) is None:
            raise
        return pa.scalar(f"{text}Z").cast(column.arrow)


def _says(wanted: _Wanted, pairs: Iterable[tuple[str, Any]]) -> bool | None:
    """A name that stands twice tells both of its values."""
    if wanted.source is None:
        return None
    return any(wanted.is_told_by(text) for text in _texts(wanted.source, pairs))


def _texts(keys: tuple[str, ...], pairs: Iterable[Any]) -> Iterator[str]:
    for key, value in (pair for pair in pairs if isinstance(pair, tuple)):
        if key != keys[0] or value is None:
            continue
        if keys[1:]:
            yield from _texts(keys[1:], value) if isinstance(value, list) else ()
        else:
            yield str(value).lower() if isinstance(value, bool) else str(value)
