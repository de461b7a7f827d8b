"""Whole-batch rules, in SQL on the staging table inside the load's transaction: they pass, warn or fail, nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from esteira.contract import Dataset, Reference, Unique
from esteira.findings import Finding, finding
from esteira.warehouse import ddl, trailing_rules
from esteira.warehouse.connection import Session
from esteira.warehouse.findings import SAMPLES, Broken, samples, settle
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.request import LoadRequest
from esteira.warehouse.staging import STAGING


def needs_staging(dataset: Dataset) -> bool:
    """Whether there is any rule that a batch must satisfy before its rows touch the table."""
    return bool(dataset.quality.unique or dataset.quality.references or dataset.quality.rules)


def check(session: Session, request: LoadRequest, schema: str, standing: LedgerEntry | None) -> tuple[Finding, ...]:
    """Run every whole-batch rule of the contract on a staged batch.

    Args:
        session: In the load's transaction, the batch staged.
        request: The batch.
        schema: Of the tables.
        standing: The ledger's entry of the generation that is in the table, or None.

    Returns:
        What warns.

    Raises:
        DataQualityError: A rule fails; it names all that do.
    """
    kept = f"; generation {standing.generation} stays in the table" if standing else ""
    return settle(_find(session, request, schema), lambda found: _is_spared(found, request, standing), kept)


def _is_spared(found: Finding, request: LoadRequest, standing: LedgerEntry | None) -> bool:
    """A rule that fails keeps a batch out of the table. Where its rows are in it already there is nothing to keep out, so the rule warns.

    Of a replay that is said of all but repetitions: rows that join may be what brings them, unless the standing generation had some.
    """
    if standing is None or request.seal.replayed is None:
        return standing is not None and request.is_standing
    return found.rule != "unique" or any(_is_alike(found, each) for each in standing.findings)


def _is_alike(found: Finding, other: Finding) -> bool:
    return (other.rule, other.facts.get("column")) == (found.rule, found.facts.get("column"))


def _find(session: Session, request: LoadRequest, schema: str) -> Iterator[Broken]:
    dataset = request.dataset
    quality = dataset.quality
    stated = (Unique(quality.unique),) if quality.unique else ()
    for unique in (*stated, *(rule for rule in quality.rules if isinstance(rule, Unique))):
        yield from _repeated(session, unique, dataset)
    for reference in quality.references:
        yield from _orphaned(session, reference, dataset, schema)
    yield from trailing_rules.find(session, request)


def _repeated(session: Session, unique: Unique, dataset: Dataset) -> Iterator[Broken]:
    names = ", ".join(f'"{name}"' for name in unique.columns)
    repeated = session.rows(
        f"SELECT {names} FROM {STAGING} GROUP BY {names} HAVING COUNT(*) > 1 ORDER BY {names} LIMIT {SAMPLES}"
    )
    if repeated:
        by_name = {column.name: column for column in dataset.columns}
        shown = samples(repeated, [by_name[name] for name in unique.columns])
        yield Broken(finding("unique", column=", ".join(unique.columns), values=shown), unique.otherwise)


def _orphaned(session: Session, reference: Reference, dataset: Dataset, schema: str) -> Iterator[Broken]:
    parent, column = reference.target
    named = {"column": reference.column, "target": reference.to}
    hint = f"Load {parent} first, or ask the portal's owner about the named values."
    if column not in ddl.live_columns(session, schema, parent):
        yield Broken(finding("no_target", **named), reference.otherwise, hint)
        return
    orphan = (
        f'FROM {STAGING} s LEFT JOIN (SELECT DISTINCT "{column}" AS parent_key FROM {ddl.table_name(schema, parent)}) p '
        f'ON p.parent_key = s."{reference.column}" WHERE s."{reference.column}" IS NOT NULL AND p.parent_key IS NULL'
    )
    count = session.count(f"SELECT COUNT(*) {orphan}")
    if count:
        values = session.rows(f'SELECT DISTINCT s."{reference.column}" {orphan} ORDER BY 1 LIMIT {SAMPLES}')
        shown = samples(values, [each for each in dataset.columns if each.name == reference.column])
        yield Broken(finding("reference", **named, rows=count, values=shown), reference.otherwise, hint)
