"""The dictionary's page as the template reads it: every dataset and column with what the contract says of it, in both languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from esteira.contract import Dataset
from esteira.export.dictionary import ColumnEntry, DatasetEntry, entries_of
from esteira.report.amounts import count
from esteira.report.bilingual import Text
from esteira.report.foreign import shown
from esteira.report.words import say

LONG = 500
"""Characters of a description; a contract is not foreign, but a page must not be bent by it either."""


@dataclass(frozen=True, slots=True)
class DictionaryColumn:
    """A column."""

    name: str
    title: Text
    type: str
    unit: str
    description: str
    is_key: bool
    is_nullable: bool
    is_personal: bool
    values: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class DictionaryCard:
    """A dataset."""

    name: str
    title: Text
    description: str
    owner: str
    source: str
    write: str
    cadence: Text
    freshness: Text
    rules: tuple[str, ...]
    exports: tuple[str, ...]
    columns: tuple[DictionaryColumn, ...]


@dataclass(frozen=True, slots=True)
class DictionaryPage:
    """Everything that the template shows."""

    cards: tuple[DictionaryCard, ...]
    datasets: Text
    columns: Text


def dictionary_page(datasets: Iterable[Dataset]) -> DictionaryPage:
    """Make the model of the page, by name."""
    cards = tuple(map(_card, entries_of(datasets)))
    return DictionaryPage(cards, count(len(cards)), count(sum(len(card.columns) for card in cards)))


def _card(entry: DatasetEntry) -> DictionaryCard:
    return DictionaryCard(
        name=entry.name,
        title=Text(shown(entry.titles["pt"]), shown(entry.titles["en"])),
        description=shown(entry.description, limit=LONG),
        owner=shown(entry.owner),
        source=shown(entry.source, limit=LONG),
        write=entry.write,
        cadence=say(f"cadence_{entry.cadence}"),
        freshness=Text(entry.freshness("pt"), entry.freshness("en")),
        rules=tuple(shown(rule, limit=LONG) for rule in entry.rules),
        exports=entry.exports,
        columns=tuple(map(_column, entry.columns)),
    )


def _column(entry: ColumnEntry) -> DictionaryColumn:
    values = zip(entry.values["pt"], entry.values["en"], strict=True)
    return DictionaryColumn(
        name=entry.name,
        title=Text(shown(entry.titles["pt"]), shown(entry.titles["en"])),
        type=entry.type,
        unit=shown(entry.unit),
        description=shown(entry.description, limit=LONG),
        is_key=entry.is_key,
        is_nullable=entry.is_nullable,
        is_personal=entry.is_personal,
        values=tuple(Text(shown(pt, limit=LONG), shown(en, limit=LONG)) for pt, en in values),
    )
