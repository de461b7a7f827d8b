"""Whole-batch rules, in SQL on the staging table inside the load's transaction: they pass, warn or fail, nothing else."""

from __future__ import annotations

from esteira.contract import Dataset, Reference
from esteira.errors import DataQualityError
from esteira.warehouse import ddl
from esteira.warehouse.connection import Session
from esteira.warehouse.staging import STAGING

SAMPLES = 5


def needs_staging(dataset: Dataset) -> bool:
    """Whether there is any rule that a batch must satisfy before its rows touch the table."""
    return bool(dataset.quality.unique or dataset.quality.references)


def check(session: Session, dataset: Dataset, schema: str) -> tuple[str, ...]:
    """Run every whole-batch rule of the contract.

    Returns:
        One sentence for each rule that warns.

    Raises:
        DataQualityError: A rule fails.
    """
    _check_unique(session, dataset)
    warnings = (_check_reference(session, reference, schema) for reference in dataset.quality.references)
    return tuple(warning for warning in warnings if warning)


def _check_unique(session: Session, dataset: Dataset) -> None:
    if not dataset.quality.unique:
        return
    names = ", ".join(f'"{name}"' for name in dataset.quality.unique)
    repeated = session.rows(
        f"SELECT {names} FROM {STAGING} GROUP BY {names} HAVING COUNT(*) > 1 ORDER BY {names} LIMIT {SAMPLES}"
    )
    if repeated:
        shown = ", ".join("/".join(map(str, row)) for row in repeated)
        raise DataQualityError(f"{', '.join(dataset.quality.unique)} must be unique in a batch and repeats: {shown}.")


def _check_reference(session: Session, reference: Reference, schema: str) -> str | None:
    parent, column = reference.target
    if column not in ddl.live_columns(session, schema, parent):
        return _orphans(reference, f"{reference.to} is not in the warehouse yet.")
    orphan = (
        f'FROM {STAGING} s LEFT JOIN (SELECT DISTINCT "{column}" AS parent_key FROM {ddl.table_name(schema, parent)}) p '
        f'ON p.parent_key = s."{reference.column}" WHERE s."{reference.column}" IS NOT NULL AND p.parent_key IS NULL'
    )
    count = session.count(f"SELECT COUNT(*) {orphan}")
    if not count:
        return None
    samples = session.rows(f'SELECT DISTINCT s."{reference.column}" {orphan} ORDER BY 1 LIMIT {SAMPLES}')
    return _orphans(
        reference,
        f"{count} rows name {reference.to} that do not exist: {', '.join(str(value) for (value,) in samples)}.",
    )


def _orphans(reference: Reference, finding: str) -> str:
    sentence = f"{reference.column}: {finding}"
    if reference.otherwise == "fail":
        raise DataQualityError(
            sentence, hint=f"Load {reference.target[0]} first, or ask the portal's owner about the named values."
        )
    return sentence
