"""The staging table: what a seal's parts hold, brought by COPY and counted, before any of it touches the dataset's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from esteira.contract import Column
from esteira.contract.columns import POSITION_COLUMN
from esteira.errors import LoadError
from esteira.failpoints import failpoint
from esteira.lake import Seal
from esteira.warehouse.connection import Session
from esteira.warehouse.parts import check_parts
from esteira.warehouse.statements import names, staged_type

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
    session.run(staging_statement(columns, text_bytes((seal,))))
    if seal.parts:
        session.run(copy_statement(columns, manifest, role_arn))
    failpoint("load.copy")
    staged = session.count(f"SELECT COUNT(*) FROM {STAGING}")
    if staged != seal.curated:
        raise LoadError(f"COPY brought {staged} rows; the seal says {seal.curated}.")


def staging_statement(columns: Sequence[Column], longest: Mapping[str, int]) -> str:
    """CREATE of the staging table, in the Parquet parts' column order."""
    lines = [f'"{column.name}" {staged_type(column, longest.get(column.name, 0))}' for column in columns]
    return f'CREATE TEMP TABLE {STAGING} ({", ".join(lines)}, "{POSITION_COLUMN}" BIGINT)'


def copy_statement(columns: Sequence[Column], manifest: str, role_arn: str) -> str:
    """COPY under a role; without one the session's keys would stand in the statement's text."""
    listed = names((*(column.name for column in columns), POSITION_COLUMN))
    return f"COPY {STAGING} ({listed}) FROM '{manifest}' IAM_ROLE '{role_arn}' FORMAT AS PARQUET MANIFEST"


def text_bytes(seals: Sequence[Seal]) -> dict[str, int]:
    """Longest text of each column over all parts, in bytes."""
    longest: dict[str, int] = {}
    for part in (part for seal in seals for part in seal.parts):
        for name, size in part.text_bytes.items():
            longest[name] = max(size, longest.get(name, 0))
    return longest


def stored_columns(schema: pa.Schema) -> tuple[Column, ...]:
    """The columns of parts that were curated under an older contract, from the parts themselves; the position comes last."""
    fields = [field for field in schema if field.name != POSITION_COLUMN]
    return tuple(Column(field.name, field.type, None, is_nullable=True, description="") for field in fields)
