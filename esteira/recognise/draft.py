"""A contract as far as pages can tell it, with what was guessed, why, and what nobody but a person knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from esteira.paginate import Where
from esteira.recognise.columns import ColumnGuess, find_columns
from esteira.recognise.key import CursorGuess, KeyGuess, find_cursor, find_key
from esteira.recognise.paging import Candidate
from esteira.recognise.python import shown_call
from esteira.recognise.records import Records


@dataclass(frozen=True, slots=True)
class Place:
    """What the person said: the dataset's name, its portal and where it is asked for.

    Attributes:
        name: Of the dataset.
        portal: Of the portal block.
        path: Below the portal's base URL, without a query.
        params: The query.
        owner: Who is asked when the dataset fails.
    """

    name: str
    portal: str
    path: str
    params: Mapping[str, str | int]
    owner: str


@dataclass(frozen=True, slots=True)
class Paging:
    """How the pages follow each other, and what showed it."""

    candidate: Candidate
    evidence: str
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that the contract's file says."""

    place: Place
    records: Records
    paging: Paging
    total: tuple[Where, int] | None
    columns: tuple[ColumnGuess, ...]
    key: KeyGuess
    cursor: CursorGuess | None
    sampled: int
    is_whole: bool
    nameless: tuple[str, ...] = ()

    @property
    def params(self) -> dict[str, str | int]:
        """The query without what the paginator sets."""
        dropped = self.paging.candidate.drops
        return {name: value for name, value in self.place.params.items() if name not in dropped}

    @property
    def rename(self) -> dict[str, str]:
        """Portal's names that ours differ from; a dot in one of them leads nowhere, so it is quoted."""
        return {
            f'"{each.source}"' if "." in each.source else each.source: each.name
            for each in self.columns
            if each.source != each.name
        }


def make_draft(
    place: Place, records: Records, rows: Sequence[Mapping[str, Any]], paging: Paging, total: tuple[Where, int] | None
) -> Draft:
    """Put the guesses together.

    Args:
        place: What the person said.
        records: Where the records are.
        rows: The records of all sample pages.
        paging: How the pages follow each other.
        total: Place and value of the reported total.
    """
    is_whole = total[1] == len(rows) if total else paging.is_confirmed and paging.candidate.is_end
    found = find_columns(rows, is_whole=is_whole)
    columns = tuple(column for column in found if _is_nameable(column.source))
    nameless = tuple(column.source for column in found if not _is_nameable(column.source))
    key = find_key(place.name, columns, rows)
    columns = tuple(_keyed(column, key) for column in columns)
    return Draft(place, records, paging, total, columns, key, find_cursor(columns), len(rows), is_whole, nameless)


def guesses(draft: Draft) -> Iterator[tuple[str, str, str]]:
    """What was guessed: of what, the guess, and why."""
    candidate = draft.paging.candidate
    yield "records", draft.records.path or "(the page)", draft.records.why
    yield "paginator", shown_call(candidate.kind, candidate.arguments), f"{candidate.why}; {draft.paging.evidence}"
    if draft.total:
        yield "total", str(draft.total[0]), f"{draft.total[1]:,} here; it is compared with what arrives"
    yield "key", ", ".join(draft.key.columns) or "(none)", draft.key.why
    kinds = ", ".join(f"{column.name} {column.kind}" for column in draft.columns)
    yield "types", kinds, f"by all values of {draft.sampled:,} records"
    for column in draft.columns:
        for what, guess, why in _of_column(column):
            yield f"{what} of {column.name}", guess, why


def unknowns(draft: Draft) -> Iterator[str]:
    """What pages cannot tell, a sentence each."""
    yield "What the columns mean: write their descriptions; the ones given only repeat the portal's names."
    if not draft.place.owner:
        yield "Who is asked when it fails: write owner=."
    if not draft.paging.is_confirmed:
        yield f"Whether {draft.paging.candidate.kind} is right: nothing confirmed it. Compare the portal's documentation."
    if not draft.is_whole:
        yield f"Which columns are never null: {draft.sampled:,} records were seen, so all but the key may be null."
    if draft.cursor:
        yield (
            f"How to ask for a window: {draft.cursor.source} may be a cursor ({draft.cursor.why}), and a page does not tell the "
            f"parameters' names. With them: incremental=Incremental(cursor={draft.cursor.source!r}, start_param=…, end_param=…, initial=…)."
        )
    if draft.nameless:
        yield f"How to name {', '.join(draft.nameless)}: a key with both a dot and a quote cannot stand in rename=, so it is left out."
    if not draft.key.columns:
        yield "What identifies a row: without a key each batch replaces the table as a whole."
    yield "How many rows are too few, how large a share may be quarantined, and the ranges of values: see Quality and pa.Field(ge=, le=)."


def _is_nameable(source: str) -> bool:
    """Whether `rename` can lead to a key."""
    return bool(source) and not ('"' in source and ("." in source or source.startswith('"')))


def _keyed(column: ColumnGuess, key: KeyGuess) -> ColumnGuess:
    return replace(column, is_nullable=False) if column.name in key.columns else column


def _of_column(column: ColumnGuess) -> Iterator[tuple[str, str, str]]:
    if column.why:
        yield "type", column.kind, column.why
    if column.unit:
        yield "unit", column.unit, column.unit_why
    if column.pii_why:
        yield "privacy", "personal", column.pii_why
    if column.source != column.name:
        yield "name", column.name, f"the portal calls it {column.source}"
