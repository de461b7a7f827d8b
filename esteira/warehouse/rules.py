"""Whole-batch rules, in SQL on the staging table inside the load's transaction: they pass, warn or fail, nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from esteira.contract import Dataset, Reference, Unique
from esteira.warehouse import ddl, trailing_rules
from esteira.warehouse.connection import Session
from esteira.warehouse.findings import SAMPLES, Finding, samples, settle
from esteira.warehouse.request import LoadRequest
from esteira.warehouse.staging import STAGING


def needs_staging(dataset: Dataset) -> bool:
    """Whether there is any rule that a batch must satisfy before its rows touch the table."""
    return bool(dataset.quality.unique or dataset.quality.references or dataset.quality.rules)


def check(session: Session, request: LoadRequest, schema: str) -> tuple[str, ...]:
    """Run every whole-batch rule of the contract on a staged batch.

    Returns:
        One sentence for each rule that warns.

    Raises:
        DataQualityError: A rule fails; it names all that do.
    """
    return settle(_find(session, request, schema))


def _find(session: Session, request: LoadRequest, schema: str) -> Iterator[Finding]:
    dataset = request.dataset
    quality = dataset.quality
    stated = (Unique(quality.unique),) if quality.unique else ()
    for unique in (*stated, *(rule for rule in quality.rules if isinstance(rule, Unique))):
        yield from _repeated(session, unique, dataset)
    for reference in quality.references:
        yield from _orphaned(session, reference, dataset, schema)
    yield from trailing_rules.find(session, request)


def _repeated(session: Session, unique: Unique, dataset: Dataset) -> Iterator[Finding]:
    names = ", ".join(f'"{name}"' for name in unique.columns)
    repeated = session.rows(
        f"SELECT {names} FROM {STAGING} GROUP BY {names} HAVING COUNT(*) > 1 ORDER BY {names} LIMIT {SAMPLES}"
    )
    if repeated:
        by_name = {column.name: column for column in dataset.columns}
        shown = samples(repeated, [by_name[name] for name in unique.columns])
        sentence = f"{', '.join(unique.columns)} must be unique in a batch and repeats: {shown}."
        yield Finding(sentence, unique.otherwise)


def _orphaned(session: Session, reference: Reference, dataset: Dataset, schema: str) -> Iterator[Finding]:
    parent, column = reference.target
    hint = f"Load {parent} first, or ask the portal's owner about the named values."
    if column not in ddl.live_columns(session, schema, parent):
        yield Finding(f"{reference.column}: {reference.to} is not in the warehouse yet.", reference.otherwise, hint)
        return
    orphan = (
        f'FROM {STAGING} s LEFT JOIN (SELECT DISTINCT "{column}" AS parent_key FROM {ddl.table_name(schema, parent)}) p '
        f'ON p.parent_key = s."{reference.column}" WHERE s."{reference.column}" IS NOT NULL AND p.parent_key IS NULL'
    )
    count = session.count(f"SELECT COUNT(*) {orphan}")
    if count:
        named = session.rows(f'SELECT DISTINCT s."{reference.column}" {orphan} ORDER BY 1 LIMIT {SAMPLES}')
        shown = samples(named, [each for each in dataset.columns if each.name == reference.column])
        sentence = f"{reference.column}: {count} rows name {reference.to} that do not exist: {shown}."
        yield Finding(sentence, reference.otherwise, hint)
