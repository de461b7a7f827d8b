"""What the gateway decides to do with one statement. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Write:
    """The table (as SQL) that a statement writes to; `is_append` for INSERT and COPY, which read nothing of it."""

    table: str
    is_append: bool


@dataclass(frozen=True)
class Forward:
    """PostgreSQL runs `sql`; `is_changed` is False when the client's own bytes may pass."""

    sql: str
    is_changed: bool = False
    write: Write | None = None


@dataclass(frozen=True)
class Script:
    """The gateway runs `statements` as one; the client sees `tag`."""

    statements: tuple[str, ...]
    tag: str
    is_forbidden_in_transaction: str = ""  # the error text, when Redshift refuses the statement in a transaction
    commits: bool = False
    changes_isolation: bool = False


@dataclass(frozen=True)
class Copy:
    """COPY table (columns) FROM manifest IAM_ROLE role FORMAT PARQUET MANIFEST."""

    table: str  # as SQL
    columns: tuple[str, ...]  # empty: all of the table's, in its order
    manifest: str
    role: str


@dataclass(frozen=True)
class Unload:
    """UNLOAD (query) TO target IAM_ROLE role FORMAT PARQUET; `switches` of ALLOWOVERWRITE, MANIFEST, SERIAL (PARALLEL OFF); `partitions` of PARTITION BY."""

    query: str
    target: str
    role: str
    switches: frozenset[str]
    partitions: tuple[str, ...] = ()


Plan = Forward | Script | Copy | Unload


def quote_name(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """Quote a string literal."""
    return "'" + text.replace("'", "''") + "'"
