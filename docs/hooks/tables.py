"""The tables that Esteira keeps for itself beside the datasets': the ledger, and what it remembers of attempts, states, profiles and erasures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from docs.hooks.text import attributes, code, page, table
from esteira.profile.column import ColumnProfile
from esteira.warehouse import attempts, erasures, ledger_tables, profiles, refreshes, states
from esteira.warehouse.bi import publication
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.own_table import OwnColumn

_LEAD = (
    "Beside the tables of the datasets. Each dataset has a ledger of its own, `esteira_ledger.<dataset>`, whose row is written in the transaction that changes the table; "
    "`esteira.batch` is the view over all of them, with `dataset` in front and `is_current` at the end (no later generation of the batch). Older ledgers are brought up to date by "
    "the next load: the shape that brought a column is in the table, and today's is {}."
)


@dataclass(frozen=True, slots=True)
class Own:
    """A table of Esteira's own.

    Attributes:
        name: As it is asked for.
        says: What it is for.
        shape: Its columns.
    """

    name: str
    says: str
    shape: Mapping[str, OwnColumn]


def make() -> str:
    """The page."""
    said = attributes(LedgerEntry)
    rows = [
        (code(name), code(column.kind), str(column.since), said.get(name, ""))
        for name, column in ledger_tables.SHAPE.items()
    ]
    ledger = table(["column", "type", "since shape", "is"], rows)
    return page("Ledger tables", _LEAD.format(ledger_tables.VERSION), "## `esteira.batch`", ledger, *_others())


def others() -> tuple[Own, ...]:
    """The other tables."""
    of_profile = attributes(ColumnProfile)
    renamed = {"column_name": "column", "null_count": "nulls", "distinct_count": "distinct"}
    said = {name: of_profile.get(renamed.get(name, name), "") for name in profiles.SHAPE} | {
        "batch_id": "The batch.", "generation": "Which loading of it.", "value_count": "Rows with a value: with `null_count` the rows of the batch.",
    }  # fmt: skip
    profile = {name: OwnColumn(kind, said[name]) for name, kind in profiles.SHAPE.items()}
    return (
        Own("esteira.attempt", "Sessions of loads that are under way, so that a successor can end those that hang. A row goes when its load ends.", attempts.SHAPE),
        Own("esteira.dataset_state", "What people decided about datasets. Rows are only ever added.", states.SHAPE),
        Own("esteira.publication", "What stands in the schemas `bi`, so that only what changed is made anew. Their own tables are in [The schema bi](bi.md).", publication.SHAPE),
        Own("esteira.refresh", "A row for each attempt to have a BI tool read the tables anew.", refreshes.SHAPE),
        Own("esteira.erasure", "Who asked for an erasure, and what it took: a row for each of its two steps.", erasures.SHAPE),
        Own("esteira.ledger_version", "The shape of each ledger; the largest version counts.", ledger_tables.VERSION_SHAPE),
        Own("esteira.profile", "A view over `esteira_profile.<dataset>`, with `dataset` in front: a row for each column of each batch.", profile),
    )  # fmt: skip


def _others() -> Iterator[str]:
    for own in others():
        rows = [(code(name), code(column.kind), column.says) for name, column in own.shape.items()]
        yield f"## `{own.name}`\n\n{own.says}\n\n{table(['column', 'type', 'is'], rows)}"
