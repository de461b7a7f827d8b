"""Which values of a record lead to known columns that are not personal; by the portal's keys, or by what a file prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from esteira.contract import Dataset, SpreadsheetSource
from esteira.quality.wire import WireColumn, value_at, wire_of
from esteira.spreadsheet.heading import Headings

HIDDEN: Any = object()
"""Stands for what is not the column's own value."""


class Allowed(Protocol):
    """The values of one dataset's records that may be shown."""

    def pairs(self, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Names as in the record, and values; `HIDDEN` where another value than the column's stands."""

    def is_all(self, record: Mapping[str, Any]) -> bool:
        """Whether nothing else is in the record."""

    def has(self, column: str, record: Any) -> bool:
        """Whether what the record says of a column is the column's own value."""


def allowed(dataset: Dataset, shown: frozenset[str]) -> Allowed:
    """The allow-list of a dataset's records.

    Args:
        dataset: The contract.
        shown: Its columns that are not personal.
    """
    return Printed(dataset, shown) if isinstance(dataset.source, SpreadsheetSource) else Keyed(dataset, shown)


class Keyed:
    """Records of a portal: objects, and what keys lead to."""

    def __init__(self, dataset: Dataset, shown: frozenset[str]) -> None:
        known, ours = set(dataset.column_names), dataset.source.rename
        wire = {name: each for each in wire_of(dataset) if (name := ours.get(each.name, each.name)) in known}
        hidden = [each.keys for name, each in wire.items() if name not in shown]
        # A nested value that is kept whole is personal where a part of it is, or where it is part of one.
        self._columns = {
            name: each
            for name, each in wire.items()
            if name in shown and not any(_overlap(each.keys, keys) for keys in hidden)
        }

    def pairs(self, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The known columns, by the portal's names."""
        for column in self._columns.values():
            yield column.name, HIDDEN if _is_astray(column, record) else value_at(record, column.keys)

    def is_all(self, record: Mapping[str, Any]) -> bool:
        """Whether every key leads to one of them."""
        return set(record) <= {each.keys[0] for each in self._columns.values() if len(each.keys) == 1}

    def has(self, column: str, record: Any) -> bool:
        """Whether its keys lead to a value that it may hold."""
        wired = self._columns.get(column)
        return wired is not None and not _is_astray(wired, record)


class Printed:
    """Rows of a file: printed names and cells, none of which is nested."""

    def __init__(self, dataset: Dataset, shown: frozenset[str]) -> None:
        assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - `allowed` sends no other
        self._headings, self._shown = Headings(dataset, dataset.source, ""), shown

    def pairs(self, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The known columns, by their printed names."""
        return ((name, value) for name, value in record.items() if self._is_shown(name))

    def is_all(self, record: Mapping[str, Any]) -> bool:
        """Whether every name is that of one of them."""
        return all(map(self._is_shown, record))

    def has(self, column: str, record: Any) -> bool:
        """A cell is nothing else than itself."""
        return column in self._shown

    def _is_shown(self, name: str) -> bool:
        return self._headings.column_of(name) in self._shown


def _is_astray(column: WireColumn, record: Any) -> bool:
    """Whether its keys lead through something that is no object, or to an object where a plain value belongs."""
    try:
        value = value_at(record, column.keys)
    except TypeError:
        return True
    return isinstance(value, dict | list) and not column.is_whole


def _overlap(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether what one leads to holds what the other leads to."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
