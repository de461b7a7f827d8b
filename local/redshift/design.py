"""What Redshift remembers of a table and PostgreSQL does not do: keys, distribution, sort order, encodings. SQL that records it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from local.redshift.plans import quote_text

KEYS, ENCODINGS = "esteira_gateway.informational_key", "esteira_gateway.column_encoding"
AUTO = "auto"
Key = tuple[str, list[str]]


@dataclass
class Design:
    """The recorded side of one CREATE TABLE: (kind, columns) of keys, column name to encoding."""

    keys: list[Key] = field(default_factory=list)
    encodings: dict[str, str] = field(default_factory=dict)

    def statements(self, table: str) -> list[str]:
        """SQL that records it, when this very transaction has made the table: IF NOT EXISTS may have found another one."""
        rows = [_key_insert(table, kind, columns) for kind, columns in self.keys]
        rows += [_encoding_insert(table, column, encoding) for column, encoding in self.encodings.items()]
        made = "EXISTS (SELECT FROM pg_class WHERE oid = {}::regclass AND xmin = pg_current_xact_id()::xid)"
        return [f"{row} WHERE {made.format(quote_text(table))} ON CONFLICT DO NOTHING" for row in rows]


def record_key(table: str, kind: str, columns: Sequence[str]) -> str:
    """SQL that adds a key to a table that exists."""
    return f"{_key_insert(table, kind, columns)} ON CONFLICT DO NOTHING"


def replace_key(table: str, kinds: Sequence[str], new: Key | None) -> tuple[str, ...]:
    """SQL that puts one key in the place of those of `kinds`."""
    listed = ", ".join(quote_text(kind) for kind in kinds)
    drop = f"DELETE FROM {KEYS} WHERE table_id = {quote_text(table)}::regclass AND kind IN ({listed})"
    return (drop, record_key(table, *new)) if new else (drop,)


def set_encoding(table: str, column: str, encoding: str) -> tuple[str, ...]:
    """SQL that gives a column another encoding; AUTO forgets it. A column that does not exist is an error."""
    drop = (
        f"DELETE FROM {ENCODINGS} WHERE table_id = {quote_text(table)}::regclass AND attnum = {_attnum(table, column)}"
    )
    return (drop,) if encoding == AUTO else (drop, _encoding_insert(table, column, encoding))


def rename_column(table: str, old: str, new: str) -> str:
    """SQL that keeps the recorded keys in step with RENAME COLUMN."""
    renamed = f"array_replace(columns, {quote_text(old)}, {quote_text(new)})"
    return f"UPDATE {KEYS} SET columns = {renamed} WHERE table_id = {quote_text(table)}::regclass"


def _key_insert(table: str, kind: str, columns: Sequence[str]) -> str:
    listed = ", ".join(quote_text(column) for column in columns)
    return f"INSERT INTO {KEYS} SELECT {quote_text(table)}::regclass::oid, {quote_text(kind)}, ARRAY[{listed}]::text[]"


def _encoding_insert(table: str, column: str, encoding: str) -> str:
    return f"INSERT INTO {ENCODINGS} SELECT {quote_text(table)}::regclass::oid, {_attnum(table, column)}, {quote_text(encoding)}"


def _attnum(table: str, column: str) -> str:
    return f"esteira_gateway.attnum({quote_text(table)}::regclass, {quote_text(column)})"
