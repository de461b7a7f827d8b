"""The newest deletion of each key, beside the table: what keeps a row that arrives later, and is older, from coming back.

Only for contracts with both `newest_by` and `deleted_when`. Without `newest_by` the window order decides, and the lake answers.
"""

from __future__ import annotations

from esteira.contract import Dataset, Scd2, Upsert
from esteira.contract.columns import BATCH_COLUMN, MAX_VARCHAR_BYTES, POSITION_COLUMN
from esteira.warehouse.connection import Session
from esteira.warehouse.rule import Rule
from esteira.warehouse.statements import column_type, table_name

GRAVE_SCHEMA = "esteira_deleted"


def grave_table(rule: Rule) -> str:
    """Quoted name of the dataset's table of deletions."""
    return table_name(GRAVE_SCHEMA, rule.dataset.name)


def grave_columns(rule: Rule) -> tuple[str, ...]:
    """What is remembered of a deletion: its key, its moment, and the row that told it."""
    return (*rule.key, str(rule.newest_by), BATCH_COLUMN, POSITION_COLUMN)


def ensure_graves(session: Session, dataset: Dataset, schema: str) -> None:
    """Make the table of deletions; idempotent, outside the load's transaction. Texts are as wide as can be: it is never widened."""
    if not isinstance(dataset.write, Upsert | Scd2) or not (rule := Rule(dataset, schema)).has_graves:
        return
    columns = {column.name: column for column in rule.dataset.columns}
    lines = [
        f'"{name}" {column_type(columns[name]) if not columns[name].is_text else f"VARCHAR({MAX_VARCHAR_BYTES})"}'
        for name in (*rule.key, str(rule.newest_by))
    ]
    session.run(f'CREATE SCHEMA IF NOT EXISTS "{GRAVE_SCHEMA}"')
    session.run(
        f"CREATE TABLE IF NOT EXISTS {grave_table(rule)} "
        f'({", ".join(lines)}, "{BATCH_COLUMN}" VARCHAR(128) NOT NULL, "{POSITION_COLUMN}" BIGINT NOT NULL)'
    )
