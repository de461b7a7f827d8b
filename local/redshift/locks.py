"""Write locks: Redshift lets one writer at a time into a table, and the lock comes before the transaction's snapshot.

https://docs.aws.amazon.com/redshift/latest/dg/c_write_readwrite.html and …/r_Serializable_isolation_example.html: under SNAPSHOT
only INSERT and COPY share the table; under SERIALIZABLE nobody does.
"""

from __future__ import annotations

import struct

from local.redshift.lexer import Statement
from local.redshift.plans import Write, quote_name
from local.redshift.wire import message

NAME, PORTAL = b"esteira_lock", b"esteira_lock_portal"
ANSWERS_PER_STATEMENT = 5
"""Two CloseComplete, ParseComplete, BindComplete, CommandComplete."""
OPEN_BLOCK = "SET esteira.locking = ''"
"""LOCK TABLE wants a transaction block; the second statement before a Sync is in one, the first is not."""


def read_write(statement: Statement) -> Write | None:
    """Return what an INSERT, UPDATE, DELETE or MERGE writes to; None for any other statement."""
    tokens = statement.tokens
    verb = tokens[0].word
    skipped = {"INSERT": {"INTO"}, "UPDATE": {"ONLY"}, "DELETE": {"FROM", "ONLY"}, "MERGE": {"INTO"}}.get(verb)
    if skipped is None:
        return None
    at, parts = 1, list[str]()
    while at < len(tokens) and tokens[at].word in skipped:
        at += 1
    while at < len(tokens) and tokens[at].kind in {"word", "quoted"}:
        parts.append(quote_name(tokens[at].name))
        if at + 1 >= len(tokens) or tokens[at + 1].text != ".":
            break
        at += 2
    return Write(".".join(parts), is_append=verb == "INSERT") if parts else None


def lock_statement(write: Write | None, *, is_serializable: bool) -> str:
    """SQL that takes the lock of a write, or nothing when it shares the table."""
    if write is None or (write.is_append and not is_serializable):
        return ""
    return f"LOCK TABLE {write.table} IN SHARE ROW EXCLUSIVE MODE"


def lock_messages(sql: str, status: bytes) -> tuple[bytes, int]:
    """Frame a lock for the extended protocol, to be sent before the client's messages; with the number of answers it brings."""
    statements = [sql] if status == b"T" else [OPEN_BLOCK, sql]
    return b"".join(map(_frame, statements)), len(statements) * ANSWERS_PER_STATEMENT


def _frame(sql: str) -> bytes:
    no_arguments = struct.pack("!HHH", 0, 0, 0)
    return (
        message(b"C", b"P" + PORTAL + b"\0")
        + message(b"C", b"S" + NAME + b"\0")
        + message(b"P", NAME + b"\0" + sql.encode() + b"\0" + struct.pack("!H", 0))
        + message(b"B", PORTAL + b"\0" + NAME + b"\0" + no_arguments)
        + message(b"E", PORTAL + b"\0" + struct.pack("!I", 0))
    )
