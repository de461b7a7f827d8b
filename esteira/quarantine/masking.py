"""What of a refused row may be shown: an allow-list. Whatever does not lead to a known column that is not personal is masked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from esteira.contract import Dataset
from esteira.portal.exact import EXACT
from esteira.quality.wire import WireColumn, value_at, wire_of
from esteira.quarantine.refused import Kept, Reason, Refused
from esteira.quarantine.sentences import sentence
from esteira.redaction import MASK, printable

OTHERS = "(others)"
"""Stands for all keys of a record that are not shown, names included: a portal may use persons as keys."""
MAX_CHARACTERS = 200
_ROW = "*"
_ASTRAY: Any = object()


class Mask:
    """Shows the refused rows of one dataset.

    Args:
        dataset: The contract.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        known = {column.name: column for column in dataset.columns}
        self._open = {name for name, column in known.items() if not column.is_pii}
        ours = dataset.source.rename
        wire = [column for column in wire_of(dataset) if ours.get(column.name, column.name) in known]
        hidden = [column.keys for column in wire if ours.get(column.name, column.name) not in self._open]
        # A nested value that is kept whole is personal where a part of it is.
        self._shown = tuple(
            column
            for column in wire
            if ours.get(column.name, column.name) in self._open
            and not any(keys[: len(column.keys)] == column.keys or column.keys[: len(keys)] == keys for keys in hidden)
        )
        self._by_name = {ours.get(column.name, column.name): column for column in self._shown}

    def refused(self, row: Refused) -> Refused:
        """The same row, fit to be shown."""
        decoded = _decoded(row.record)
        reasons = tuple(self._reason(each, decoded) for each in row.reasons)
        return replace(row, reasons=reasons, record=msgspec.json.encode(self._record(decoded)).decode())

    def kept(self, found: Kept) -> Kept:
        """The same rules and samples, fit to be shown; an example is told by the row that it comes from."""
        first = {row.position: _decoded(row.record) for row in found.samples}
        rules = tuple(
            replace(each, example=self._value(each.column, each.example, first.get(each.first))) for each in found.rules
        )
        return replace(found, rules=rules, samples=tuple(self.refused(row) for row in found.samples))

    def _reason(self, reason: Reason, record: Any) -> Reason:
        value = self._value(reason.column, reason.value, record)
        return replace(reason, value=value, sentence=sentence(self._dataset, reason.column, reason.rule, value))

    def _value(self, column: str, value: str, record: Any) -> str:
        """A value of an unknown column, of a personal one, or of one that holds an object where a plain value belongs, is masked."""
        if column == _ROW and not value:
            return ""
        if column not in self._open:
            return MASK
        if column in self._dataset.derived:
            return printable(value, limit=MAX_CHARACTERS)
        wired = self._by_name.get(column)
        if wired is None or _is_hidden(wired, _at(record, wired)):
            return MASK
        return printable(value, limit=MAX_CHARACTERS)

    def _record(self, record: Any) -> dict[str, Any]:
        shown = dict(self._pairs(record))
        is_all = isinstance(record, dict) and set(record) <= {c.keys[0] for c in self._shown if len(c.keys) == 1}
        return shown if is_all else shown | {OTHERS: MASK}

    def _pairs(self, record: Any) -> Iterator[tuple[str, Any]]:
        for column in self._shown:
            value = _at(record, column)
            if _is_hidden(column, value):
                yield column.name, MASK
            else:
                yield column.name, printable(value, limit=MAX_CHARACTERS) if isinstance(value, str) else value


def _decoded(record: str) -> Any:
    try:
        return EXACT.decode(record)
    except msgspec.DecodeError:
        return None


def _at(record: Any, column: WireColumn) -> Any:
    """What the keys lead to; `_ASTRAY` where they lead through something that is no object: that is another value than the column's."""
    try:
        return value_at(record, column.keys)
    except TypeError:
        return _ASTRAY


def _is_hidden(column: WireColumn, value: Any) -> bool:
    return value is _ASTRAY or (isinstance(value, dict | list) and not column.is_whole)
