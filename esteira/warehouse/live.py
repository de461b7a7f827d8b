"""The live table as Redshift's catalogue tells it: columns, comments, the informational key, and on request its physical design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from esteira.warehouse.connection import Session
from esteira.warehouse.statements import LOADED_COLUMN, TABLE

_TYPES = {
    "character varying": "VARCHAR", "numeric": "DECIMAL", "timestamp with time zone": "TIMESTAMPTZ",
    "timestamp without time zone": "TIMESTAMP",
}  # fmt: skip
_STYLES = {0: "EVEN", 1: "KEY", 8: "ALL", 10: "AUTO(ALL)", 11: "AUTO(EVEN)", 12: "AUTO(KEY)"}
"""https://docs.aws.amazon.com/redshift/latest/dg/r_PG_CLASS_INFO.html"""


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column as the catalogue tells it: `kind` in the contract's words, `size` the bytes of a text or (precision, scale)."""

    kind: str
    size: tuple[int, ...] = ()
    is_nullable: bool = True
    has_default: bool = False

    @property
    def type(self) -> str:
        """As DDL writes it."""
        return f"{self.kind}({','.join(map(str, self.size))})" if self.size else self.kind


@dataclass(frozen=True, slots=True)
class Design:
    """Physical design: encodings by column, the distribution key, the sort key in its order, and the distribution style.

    The style is one of `_STYLES`; None where the catalogue does not tell it, as of a table that is not ours.
    """

    encodings: Mapping[str, str]
    distkey: str | None
    sortkey: tuple[str, ...]
    diststyle: str | None = None


@dataclass(frozen=True, slots=True)
class PrimaryKey:
    """The informational key: its constraint's name, and its columns."""

    name: str
    columns: frozenset[str]


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table as it stands; without columns there is none. `design` is None when nobody asked for it."""

    columns: Mapping[str, LiveColumn] = field(default_factory=dict)
    comments: Mapping[str, str] = field(default_factory=dict)
    primary_key: PrimaryKey | None = None
    design: Design | None = None

    @property
    def stamps_rows(self) -> bool:
        """Whether a row gets its time of loading by itself; tables from before it did are left as they are, since no default can be added.

        https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html
        """
        found = self.columns.get(LOADED_COLUMN)
        return found is not None and found.has_default


def live_columns(session: Session, schema: str, table: str) -> dict[str, tuple[str, int | None]]:
    """Column name to (type name, length in bytes for text) of the live table; empty when there is none."""
    found = session.rows(
        "SELECT column_name, data_type, character_maximum_length FROM svv_columns WHERE table_schema = %s AND table_name = %s",
        (schema, table),
    )
    return {str(name): (str(kind), None if length is None else int(length)) for name, kind, length in found}


def read_live(session: Session, schema: str, table: str, *, with_design: bool = False) -> LiveTable:
    """The live table; its physical design only when asked for, since a load does not need it."""
    columns = _columns(session, schema, table)
    if not columns:
        return LiveTable()
    return LiveTable(
        columns,
        _comments(session, schema, table),
        _primary_key(session, schema, table),
        _design(session, schema, table) if with_design else None,
    )


def _columns(session: Session, schema: str, table: str) -> dict[str, LiveColumn]:
    found = session.rows(
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable, column_default "
        "FROM svv_columns WHERE table_schema = %s AND table_name = %s",
        (schema, table),
    )
    return {str(row[0]): _column(*row[1:]) for row in found}


def _column(
    kind: str, length: int | None, precision: int | None, scale: int | None, nullable: str, default: str | None
) -> LiveColumn:
    known = _TYPES.get(str(kind), str(kind).upper())
    sizes = {"VARCHAR": (length,), "DECIMAL": (precision, scale)}.get(known, ())
    size = tuple(int(size) for size in sizes if size is not None)
    return LiveColumn(known, size, str(nullable).upper() != "NO", default is not None)


def _comments(session: Session, schema: str, table: str) -> dict[str, str]:
    """From where https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html says; SVV_REDSHIFT_COLUMNS cuts remarks at 256 bytes."""
    found = session.rows(
        "SELECT a.attname, d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid "
        "AND d.objsubid > 0 WHERE n.nspname = %s AND c.relname = %s",
        (schema, table),
    )
    return {str(column or TABLE): str(text) for column, text in found}


def _primary_key(session: Session, schema: str, table: str) -> PrimaryKey | None:
    """Of a table of ours: the view shows the owner's tables. https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html."""
    found = session.rows(
        "SELECT t.constraint_name, k.column_name FROM information_schema.table_constraints t "
        "JOIN information_schema.key_column_usage k ON k.constraint_schema = t.constraint_schema "
        "AND k.constraint_name = t.constraint_name AND k.table_name = t.table_name "
        "WHERE t.constraint_type = 'PRIMARY KEY' AND t.table_schema = %s AND t.table_name = %s",
        (schema, table),
    )
    return PrimaryKey(str(found[0][0]), frozenset(str(column) for _, column in found)) if found else None


def _design(session: Session, schema: str, table: str) -> Design:
    """Uncompressed is `none`, and positions in an interleaved sort key may be negative.

    https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_COLUMNS.html
    """
    found = session.rows(
        "SELECT column_name, encoding, distkey, sortkey FROM svv_redshift_columns "
        "WHERE database_name = current_database() AND schema_name = %s AND table_name = %s",
        (schema, table),
    )
    order = sorted((abs(int(position)), str(name)) for name, _, _, position in found if position)
    return Design(
        {str(name): "raw" if encoding in {"none", None} else str(encoding) for name, encoding, _, _ in found},
        next((str(name) for name, _, is_distkey, _ in found if is_distkey), None),
        tuple(name for _, name in order),
        _diststyle(session, schema, table),
    )


def _diststyle(session: Session, schema: str, table: str) -> str | None:
    """From here, since SVV_TABLE_INFO leaves out empty tables."""
    found = session.rows(
        "SELECT i.releffectivediststyle FROM pg_class_info i JOIN pg_namespace n ON n.oid = i.relnamespace "
        "WHERE n.nspname = %s AND i.relname = %s",
        (schema, table),
    )
    return _STYLES.get(int(found[0][0])) if found else None
