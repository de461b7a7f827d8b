"""`esteira dictionary`: what the contracts say, for who reads the tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from esteira.catalogue import find_dataset, load_catalogue
from esteira.export.beside import COLUMN_HEADER, column_line
from esteira.export.conventions import CONVENTIONS, Language, word
from esteira.export.dictionary import DatasetEntry, entries_of
from esteira.export.files import replacing
from esteira.export.workbook import Workbook
from esteira.report.facts import Stage
from esteira.report.pages import render_dictionary
from esteira.settings import contracts_folder

if TYPE_CHECKING:
    from esteira.contract import Dataset

LOCALES: dict[Language, str] = {"en": "en-US", "pt": "pt-BR"}
_FACTS = ("title", "dataset", "description", "owner", "cadence", "freshness", "source", "rules")


def run_dictionary(names: tuple[str, ...], html: Path | None, xlsx: Path | None, lang: Language | None) -> int:
    """Write what was asked for; returns the exit code."""
    folder = contracts_folder()
    datasets = [find_dataset(folder, name) for name in names] or list(load_catalogue(folder).values())
    if html is not None:
        moment = datetime.now(UTC)
        page = render_dictionary(datasets, Stage(moment, moment, "", ""))
        with replacing(html) as file:
            file.write(page)
    if xlsx is not None:
        with replacing(xlsx) as file:
            write_workbook(file, datasets, lang or "en")
    columns = sum(len(each.columns) for each in datasets)
    for path in (each for each in (html, xlsx) if each is not None):
        click.echo(f"Wrote {path}: {len(datasets)} datasets, {columns} columns.")
    return 0


def write_workbook(file: BinaryIO, datasets: Iterable[Dataset], language: Language) -> None:
    """A sheet of datasets and one of all columns, so that both can be filtered."""
    entries = entries_of(datasets)
    book = Workbook(file, CONVENTIONS[LOCALES[language]], word("dictionary", language))
    header = [word(key, language) for key in _FACTS]
    book.add_texts(word("datasets", language), header, [_dataset_line(entry, language) for entry in entries])
    lines = [
        [entry.name, *column_line(column, language), word("yes" if column.is_personal else "no", language)]
        for entry in entries
        for column in entry.columns
    ]
    book.add_texts(
        word("dictionary", language),
        [word(key, language) for key in ("dataset", *COLUMN_HEADER, "personal_column")],
        lines,
    )
    book.close()


def _dataset_line(entry: DatasetEntry, language: Language) -> list[str]:
    return [
        entry.titles[language], entry.name, entry.description, entry.owner, word(entry.cadence, language), entry.freshness(language),
        entry.source, "; ".join(entry.rules),
    ]  # fmt: skip
