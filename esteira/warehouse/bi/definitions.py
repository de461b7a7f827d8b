"""What should stand in the schema `bi`, from contracts alone: statements, rows of the dictionary, and a hash that tells whether they are new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from esteira.contract import Column, Dataset, Group
from esteira.contract.columns import BATCH_COLUMN
from esteira.contract.titles import LANGUAGES
from esteira.warehouse.bi.freshness import freshness_of, freshness_of_group, history_of
from esteira.warehouse.statements import LOADED_COLUMN, literal, table_columns, table_name

BI_SCHEMA = "bi"
COPY_PREFIX = "bi_data_"
DICTIONARY, DICTIONARY_NAME = '"bi"."dictionary"', "dictionary"
DICTIONARY_COLUMNS = {
    "dataset": "VARCHAR(63) NOT NULL", "position": "INTEGER NOT NULL", "column_name": "VARCHAR(127) NOT NULL", "title_en": "VARCHAR(127) NOT NULL",
    "title_pt": "VARCHAR(127) NOT NULL", "type": "VARCHAR(64) NOT NULL", "unit": "VARCHAR(256)", "description": "VARCHAR(4096) NOT NULL",
    "owner": "VARCHAR(256) NOT NULL", "is_nullable": "BOOLEAN NOT NULL", "is_key": "BOOLEAN NOT NULL", "is_personal": "BOOLEAN NOT NULL",
    "view_en": "VARCHAR(127) NOT NULL", "view_pt": "VARCHAR(127) NOT NULL",
}  # fmt: skip
OWN_COLUMNS = (BATCH_COLUMN, LOADED_COLUMN)
"""Every view has them under these names: which batch brought a row, and when it was loaded."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One thing that is published as a whole.

    Attributes:
        name: A dataset, `<group>.<dataset>`, or `<group>.` for what is said of a group as a whole.
        views: Quoted names of its views.
        statements: What makes them, once the old ones are gone.
        source: Schema and name of the table that they read, or None.
        columns: What the table must have: a late-binding view is made over nothing, and fails when it is read.
        rows: What the dictionary says of the dataset.
        part: Its row of the freshness, as a query; empty for a group's member.
    """

    name: str
    views: tuple[str, ...]
    statements: tuple[str, ...]
    source: tuple[str, str] | None = None
    columns: frozenset[str] = frozenset()
    rows: tuple[tuple[Any, ...], ...] = ()
    part: str = ""

    @property
    def hash(self) -> str:
        """Changes when anything of it does."""
        facts = [self.views, self.statements, self.rows, self.part, history_of(self.name)]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def schema_of(language: str, group: str | None = None) -> str:
    """Where the views of a language stand: `bi`, `bi_pt`, and of a group `bi_<group>`, `bi_<group>_pt`."""
    base = f"{BI_SCHEMA}_{group}" if group else BI_SCHEMA
    return base if language == LANGUAGES[0] else f"{base}_{language}"


def copy_schema(group: str) -> str:
    """Where a group's copies stand."""
    return COPY_PREFIX + group


def dataset_definition(dataset: Dataset, schema: str, groups: Sequence[str]) -> Definition:
    """A dataset's views over its table, and its rows of the dictionary.

    Args:
        dataset: The contract.
        schema: Of its table.
        groups: Database groups that may read.
    """
    views = {language: (schema_of(language), dataset.views[language]) for language in LANGUAGES}
    made = tuple(each for language in LANGUAGES for each in _view(dataset, language, schema, views[language], groups))
    names = tuple(table_name(*view) for view in views.values())
    source = (schema, dataset.name)
    rows, part = tuple(_rows(dataset, views)), freshness_of(dataset)
    return Definition(dataset.name, names, made, source, _columns(dataset), rows, part)


def copy_definition(group: str, dataset: Dataset, groups: Sequence[str]) -> Definition:
    """The views of a group's member over its copy."""
    views = {language: (schema_of(language, group), dataset.views[language]) for language in LANGUAGES}
    made = (
        each for language in LANGUAGES for each in _view(dataset, language, copy_schema(group), views[language], groups)
    )
    names, source = tuple(table_name(*view) for view in views.values()), (copy_schema(group), dataset.name)
    return Definition(f"{group}.{dataset.name}", names, tuple(made), source, _columns(dataset))


def group_definition(group: Group, members: Sequence[Dataset]) -> Definition:
    """What is said of a group."""
    return Definition(f"{group.name}.", (), (), part=freshness_of_group(group, members))


def grants(schema: str, view: str, groups: Sequence[str]) -> Iterator[str]:
    """What lets groups read a view: its owner's rights on the table count, not theirs.

    https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html
    """
    for group in groups:
        yield f'GRANT USAGE ON SCHEMA "{schema}" TO GROUP "{group}"'
        yield f'GRANT SELECT ON {table_name(schema, view)} TO GROUP "{group}"'


def _columns(dataset: Dataset) -> frozenset[str]:
    return frozenset((*(column.name for column in table_columns(dataset)), *OWN_COLUMNS))


def _view(dataset: Dataset, language: str, schema: str, view: tuple[str, str], groups: Sequence[str]) -> Iterator[str]:
    shown = [f'"{column.name}" AS "{column.titles[language]}"' for column in table_columns(dataset)]
    shown += [f'"{name}"' for name in OWN_COLUMNS]
    source = table_name(schema, dataset.name)
    yield f"CREATE VIEW {table_name(*view)} AS SELECT {', '.join(shown)} FROM {source} WITH NO SCHEMA BINDING"
    if dataset.description:
        yield f"COMMENT ON VIEW {table_name(*view)} IS {literal(dataset.description)}"
    yield from grants(*view, groups)


def _rows(dataset: Dataset, views: dict[str, tuple[str, str]]) -> Iterator[tuple[Any, ...]]:
    names = tuple(".".join(views[language]) for language in LANGUAGES)
    for position, column in enumerate(table_columns(dataset), 1):
        titles = tuple(column.titles[language] for language in LANGUAGES)
        facts = (_type(column), column.unit, column.description[:1000], dataset.owner[:64])
        flags = (column.is_nullable, column.name in dataset.key, column.is_pii)
        yield (dataset.name, position, column.name, *titles, *facts, *flags, *names)


def _type(column: Column) -> str:
    """Redshift's type; the length of a text follows the data and says nothing of them."""
    arrow: Any = column.arrow
    return f"DECIMAL({arrow.precision},{arrow.scale})" if column.redshift == "DECIMAL" else column.redshift
