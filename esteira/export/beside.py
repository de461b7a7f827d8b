"""The sheets beside the data of a workbook: its dictionary, and where its rows come from and how fresh they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from esteira.contract import Column, Dataset
from esteira.export.conventions import Conventions, Language, word
from esteira.export.dictionary import ColumnEntry, column_entries, entry_of
from esteira.export.workbook import MAX_ROWS, Workbook

COLUMN_HEADER = ("title", "column", "type", "unit", "description", "key", "nullable", "values")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the rows of a file come from.

    Attributes:
        batch, seal_hash: The last batch that is in them, and the hash of its seal.
        loaded_up_to, committed_at: Of the dataset, and of that batch.
        made_at: When the rows were asked for.
        left_out: Personal columns that are not in the file.
        made_by: Version of Esteira.
    """

    batch: str
    seal_hash: str
    loaded_up_to: datetime | None
    committed_at: datetime | None
    made_at: datetime
    left_out: tuple[str, ...] = field(default=())
    made_by: str = ""


def add_dictionary(book: Workbook, dataset: Dataset, columns: Iterable[Column], language: Language) -> None:
    """Add the sheet with the dictionary: a line for each column."""
    header = [word(key, language) for key in COLUMN_HEADER]
    lines = [column_line(entry, language) for entry in column_entries(dataset, columns)]
    book.add_texts(word("dictionary", language), header, lines)


def column_line(entry: ColumnEntry, language: Language) -> list[str]:
    """A column under `COLUMN_HEADER`."""
    yes, no = word("yes", language), word("no", language)
    return [
        entry.titles[language], entry.name, entry.type, entry.unit, entry.description, yes if entry.is_key else no,
        yes if entry.is_nullable else no, "; ".join(entry.values[language]),
    ]  # fmt: skip


def add_about(book: Workbook, dataset: Dataset, provenance: Provenance, rows: int, conventions: Conventions) -> None:
    """Add the sheet about the file: a line for each fact of where its rows come from."""
    language = conventions.language
    lines = [[word(key, language), value] for key, value in _facts(dataset, provenance, rows, conventions)]
    lines += [[word("data", language), text] for text in _notes(book, rows, language)]
    book.add_texts(word("about", language), [word("fact", language), word("value", language)], lines)


def moment_text(moment: datetime | None, conventions: Conventions) -> str:
    """A moment as the locale writes it, with its zone."""
    return "—" if moment is None else f"{moment.strftime(conventions.moment)} UTC"


def _facts(dataset: Dataset, provenance: Provenance, rows: int, conventions: Conventions) -> Iterator[tuple[str, str]]:
    language, entry = conventions.language, entry_of(dataset)
    yield "dataset", f"{entry.titles[language]} ({entry.name})"
    yield "description", entry.description
    yield "rows", str(rows)
    yield "batch", provenance.batch
    yield "loaded_up_to", moment_text(provenance.loaded_up_to, conventions)
    yield "committed", moment_text(provenance.committed_at, conventions)
    yield "made", moment_text(provenance.made_at, conventions)
    yield "seal", provenance.seal_hash or "—"
    yield "cadence", word(entry.cadence, language)
    yield "freshness", entry.freshness(language)
    yield "owner", entry.owner or "—"
    yield "source", entry.source
    yield "zone", word("all_utc", language)
    left_out = provenance.left_out
    yield "left_out", word("personal", language, names=", ".join(left_out)) if left_out else word("nothing", language)
    yield "version", f"Esteira {provenance.made_by}"


def _notes(book: Workbook, rows: int, language: Language) -> Sequence[str]:
    notes = [word("cut", language, n=book.cut_texts)] if book.cut_texts else []
    sheets = -(-rows // (MAX_ROWS - 1))
    return [*notes, word("sheets", language, n=sheets)] if sheets > 1 else notes
