"""The rows that name a table's columns: where they stand, and which column of the file is which of the contract."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from esteira.contract import Dataset, HeaderRows, SpreadsheetSource
from esteira.spreadsheet.failure import address, failed
from esteira.spreadsheet.names import Fill, Rows, joined_names, key_of, nameless, numbered, plain_name


@dataclass(frozen=True, slots=True)
class Heading:
    """What the columns of a file are.

    Attributes:
        first: First row of data, from 0.
        names: What each column of the file is called, the second of a name `Valor (2)`; empty where it is not.
        places: The contract's columns and inputs, and where they stand.
        melted: The columns that become rows: where each stands, and what its name says.
        unknown: Names that the contract does not know.
    """

    first: int
    names: tuple[str, ...]
    places: Mapping[str, int]
    melted: tuple[tuple[int, Mapping[str, str]], ...] = ()
    unknown: tuple[str, ...] = ()


class Headings:
    """Finds the heading of each sheet of a file.

    Args:
        dataset: The contract.
        source: Its source.
        name: The file's name.
    """

    def __init__(self, dataset: Dataset, source: SpreadsheetSource, name: str) -> None:
        self._source, self._name = source, name
        made = {*dataset.derived, *source.lineage.columns}
        if source.melt is not None:
            made |= {source.melt.value, *source.melt.groups}
        self.wanted = tuple(each for each in (*dataset.column_names, *source.inputs) if each not in made)
        self._ours = {key_of(printed): ours for printed, ours in source.rename.items()}

    def find(self, rows: Rows, sheet: str, fill: Fill = lambda _row, _column: None) -> Heading:
        """The heading of a sheet.

        Args:
            rows: Its first rows.
            sheet: Its name; empty for delimited text.
            fill: The merged cell that a cell is part of: its value and its first column; or None.

        Raises:
            SpreadsheetError: A column of the contract is named nowhere, or twice.
        """
        header = self._source.header
        if header is None:
            return self._in_order(rows, sheet)
        if header.skip is not None:
            return self._settled(rows, header.skip, header, sheet, fill)
        last = min(len(rows), header.search)
        tried = [joined_names(rows, first, header, fill) for first in range(last)]
        for first, names in enumerate(tried):
            if not self._missing(names):
                return self._made(names, first + header.rows, sheet)
        raise self._not_found(tried, sheet)

    def first_rows(self) -> int:
        """How many rows it wants to see."""
        header = self._source.header
        return 1 if header is None else header.rows + (header.search if header.skip is None else header.skip)

    def _settled(self, rows: Rows, skip: int, header: HeaderRows, sheet: str, fill: Fill) -> Heading:
        names = joined_names(rows, skip, header, fill) if skip < len(rows) else ()
        missing = self._missing(names)
        if missing:
            raise failed(
                self._name, f"{self._row(sheet, skip)} does not name {_listed(missing)}; it names {_listed(filter(None, names))}.",
                "Correct header= or columns= in the contract, or the names in the file.",
            )  # fmt: skip
        return self._made(names, skip + header.rows, sheet)

    def column_of(self, name: str) -> str | None:
        """The contract's column or input that a printed name means; None for a stranger."""
        renamed = self._ours.get(key_of(name))
        ours = renamed or plain_name(name)
        is_meant = renamed is not None or ours not in self._ours.values()
        return ours if ours in self.wanted and is_meant else None

    def _claims(self, names: Sequence[str]) -> dict[str, list[int]]:
        """A repeated name means its own column only if the contract names that one; otherwise it means what the first one does."""
        found: dict[str, list[int]] = {}
        for column, (printed_name, numbered_name) in enumerate(zip(names, numbered(names), strict=True)):
            if printed_name:
                ours = self.column_of(numbered_name) or self.column_of(printed_name)
            else:
                ours = self._ours.get(key_of(nameless(column)))
            if ours in self.wanted:
                found.setdefault(ours, []).append(column)
        return found

    def _melted(self, names: Sequence[str]) -> tuple[tuple[int, Mapping[str, str]], ...]:
        melt = self._source.melt
        if melt is None:
            return ()
        pattern, tried = re.compile(melt.like), enumerate(names)
        matches = ((column, pattern.fullmatch(name)) for column, name in tried if name)
        return tuple((column, match.groupdict(default="")) for column, match in matches if match)

    def _missing(self, names: Sequence[str]) -> list[str]:
        printed_names = {ours: theirs for theirs, ours in self._source.rename.items()}
        claims = self._claims(names)
        missing = [printed_names.get(each, each) for each in self.wanted if each not in claims]
        if self._source.melt is not None and not self._melted(names):
            missing.append(f"columns like {self._source.melt.like}")
        return missing

    def _made(self, names: tuple[str, ...], first: int, sheet: str) -> Heading:
        claims, melted = self._claims(names), self._melted(names)
        for columns in claims.values():
            if len(columns) > 1:
                where = " and ".join(address(sheet, first, column) for column in columns[:3])
                raise failed(
                    self._name,
                    f"two columns are called {names[columns[0]]!r}: {where}.",
                    f"Name the others in columns={{{numbered(names)[columns[1]]!r}: ...}}, or join more header rows: HeaderRows(rows=2).",
                )
        known, called = {columns[0] for columns in claims.values()} | {column for column, _ in melted}, numbered(names)
        unknown = tuple(name for column, name in enumerate(called) if name and column not in known)
        return Heading(first, called, {ours: columns[0] for ours, columns in claims.items()}, melted, unknown)

    def _in_order(self, rows: Rows, sheet: str) -> Heading:
        names = tuple(self._source.columns)
        width = max(map(len, rows), default=0)
        if width < len(names):
            raise failed(
                self._name,
                f"{self._row(sheet, 0)} has {width} columns, and the contract names {len(names)}.",
                "Correct columns= in the contract, or the file.",
            )
        places = {name: place for place, name in enumerate(names) if name in self.wanted}
        missing = [each for each in self.wanted if each not in places]
        if missing:
            raise failed(
                self._name,
                f"columns= does not name {_listed(missing)}.",
                "Name every column of the schema in columns=, in the file's order.",
            )
        unknown = tuple(name for name in names if name and name not in places)
        return Heading(0, names, places, (), unknown)

    def _row(self, sheet: str, row: int) -> str:
        return f"row {row + 1} of sheet {sheet!r}" if sheet else f"row {row + 1}"

    def _not_found(self, tried: Sequence[tuple[str, ...]], sheet: str) -> Exception:
        closest = min(range(len(tried)), key=lambda first: len(self._missing(tried[first])), default=0)
        names = tried[closest] if tried else ()
        where = f"sheet {sheet!r}" if sheet else "the file"
        return failed(
            self._name, f"none of the first {len(tried)} rows of {where} names every column of the contract. "
            f"{self._row(sheet, closest)} comes closest and lacks {_listed(self._missing(names))}; it names {_listed(filter(None, names))}.",
            "Correct the names in the file, or columns= and header= in the contract.",
        )  # fmt: skip


def _listed(names: Any) -> str:
    found = [repr(each) for each in names]
    return (", ".join(found[:12]) + (", …" if len(found) > 12 else "")) or "nothing"
