"""The staging table: what a seal's parts hold, brought by COPY and counted, before any of it touches the dataset's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from esteira.contract import Column
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.errors import LoadError
from esteira.failpoints import failpoint
from esteira.lake import Seal
from esteira.warehouse.connection import Session
from esteira.warehouse.parts import check_parts
from esteira.warehouse.statements import LOAD_COLUMNS, names, staged_type

STAGING = "esteira_staging"
"""A temporary table; it ends with the session, or before the next batch of the same transaction."""


def stage(session: Session, columns: Sequence[Column], seal: Seal, manifest: str, role_arn: str) -> None:
    """COPY the parts of a seal into the staging table.

    Args:
        session: In the load's transaction.
        columns: The parts' columns, in their order.
        seal: A curated seal.
        manifest: Its COPY manifest.
        role_arn: Role that COPY reads with.

    Raises:
        LoadError: The parts hold other columns, or COPY brought another number of rows than was sealed.
    """
    check_parts(columns, seal)
    session.run(f"DROP TABLE IF EXISTS {STAGING}")
    session.run(staging_statement(columns, text_bytes((seal,)), names_batch=seal.names_batch))
    copy(session, STAGING, columns, seal, manifest, role_arn)
    _check_count(session.count(f"SELECT COUNT(*) FROM {STAGING}"), seal)


def copy_straight(
    session: Session, table: str, columns: Sequence[Column], seal: Seal, manifest: str, role_arn: str
) -> int:
    """COPY the parts of a seal that name their batch into the dataset's own table; returns how many rows. Args and raises: as `stage`.

    The batch has no rows there before. The table stamps each row with its time by a default:
    https://docs.aws.amazon.com/redshift/latest/dg/c_loading_default_values.html
    """
    check_parts(columns, seal)
    copy(session, table, columns, seal, manifest, role_arn)
    brought = session.count(f'SELECT COUNT(*) FROM {table} WHERE "{BATCH_COLUMN}" = %s', (seal.batch,))
    _check_count(brought, seal)
    return brought


def copy(session: Session, table: str, columns: Sequence[Column], seal: Seal, manifest: str, role_arn: str) -> None:
    """Run COPY, if there is anything to bring."""
    if seal.parts:
        session.run(copy_statement(table, columns, manifest, role_arn, names_batch=seal.names_batch))
    failpoint("load.copy")


def staging_statement(columns: Sequence[Column], longest: Mapping[str, int], *, names_batch: bool = False) -> str:
    """CREATE of the staging table, in the Parquet parts' column order."""
    lines = [f'"{column.name}" {staged_type(column, longest.get(column.name, 0))}' for column in columns]
    lines += [f'"{name}" {LOAD_COLUMNS[name]}' for name in _behind(names_batch=names_batch)]
    return f"CREATE TEMP TABLE {STAGING} ({', '.join(lines)})"


def copy_statement(
    table: str, columns: Sequence[Column], manifest: str, role_arn: str, *, names_batch: bool = False
) -> str:
    """COPY under a role; without one the session's keys would stand in the statement's text."""
    listed = names((*(column.name for column in columns), *_behind(names_batch=names_batch)))
    return f"COPY {table} ({listed}) FROM '{manifest}' IAM_ROLE '{role_arn}' FORMAT AS PARQUET MANIFEST"


def _behind(*, names_batch: bool) -> tuple[str, ...]:
    """What parts hold behind the contract's columns, in order."""
    return (POSITION_COLUMN, BATCH_COLUMN) if names_batch else (POSITION_COLUMN,)


def _check_count(brought: int, seal: Seal) -> None:
    if brought != seal.curated:
        raise LoadError(f"COPY brought {brought} rows; the seal says {seal.curated}.")


def text_bytes(seals: Sequence[Seal]) -> dict[str, int]:
    """Longest text of each column over all parts, in bytes."""
    longest: dict[str, int] = {}
    for part in (part for seal in seals for part in seal.parts):
        for name, size in part.text_bytes.items():
            longest[name] = max(size, longest.get(name, 0))
    return longest


def stored_columns(schema: pa.Schema) -> tuple[Column, ...]:
    """The columns of parts that were curated under an older contract, from the parts themselves; position and batch stand behind them."""
    fields = [field for field in schema if field.name not in {POSITION_COLUMN, BATCH_COLUMN}]
    return tuple(Column(field.name, field.type, None, is_nullable=True, description="") for field in fields)
