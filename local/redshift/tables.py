"""CREATE TABLE and ALTER TABLE: physical design dropped, keys made informational, VARCHAR measured in bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from local.redshift.columns import NOT_EMULATED_TYPE, Column, bytes_check, read_column, read_type
from local.redshift.errors import GatewayError, Refused
from local.redshift.lexer import Statement, Token, matching, split_commas
from local.redshift.plans import Forward, Plan, Script, quote_name, quote_text

Write = Callable[[Statement, tuple[Token, ...] | list[Token]], str]
ALTER_TYPE_IN_TRANSACTION = "ALTER TABLE ALTER COLUMN cannot run inside a transaction block"
KEY_WORDS = {"PRIMARY", "UNIQUE", "FOREIGN", "CONSTRAINT"}


def plan_create(statement: Statement, write: Write) -> Plan | None:
    """Plan CREATE [TEMP] TABLE; None when the statement creates something else."""
    tokens = statement.tokens
    at = 1
    while at < len(tokens) and tokens[at].word in {"TEMP", "TEMPORARY", "LOCAL"}:
        at += 1
    if at >= len(tokens) or tokens[at].word != "TABLE":
        return None
    at += 1
    if [token.word for token in tokens[at : at + 3]] == ["IF", "NOT", "EXISTS"]:
        at += 3
    name, at = read_name(tokens, at)
    head = write(statement, tokens[:at])
    body = matching(tokens, at) if at < len(tokens) and tokens[at].text == "(" else at - 1
    attributes = Attributes(tokens, body + 1)
    if attributes.query:
        columns = write(statement, tokens[at : body + 1]) if body >= at else ""
        create = f"{head} {columns} {write(statement, attributes.query)}"
        return _with_keys(create, name, attributes.keys, "SELECT")
    if body < at:
        raise GatewayError("syntax error in CREATE TABLE: columns are missing", sqlstate="42601")
    definitions, keys = _definitions(statement, tokens[at + 1 : body], write)
    return _with_keys(f"{head} ({definitions})", name, keys + attributes.keys, "CREATE TABLE")


def plan_alter(statement: Statement, write: Write) -> Plan:
    """Plan ALTER TABLE."""
    tokens = statement.tokens
    name, at = read_name(tokens, 2)
    words = [token.word for token in tokens[at:]]
    if not words or words[0] == "APPEND":
        raise Refused("ALTER TABLE APPEND")
    if words[0] == "ADD" and "IF" in words[1:3]:
        raise Refused("ALTER TABLE … IF NOT EXISTS", "Redshift does not know it")
    if len(split_commas(tokens[at:])) > 1:
        raise Refused("ALTER TABLE with more than one action", "Redshift takes one per statement")
    if words[0] == "ADD":
        return _plan_add(statement, name, list(tokens[at + 1 :]), write)
    if words[0] == "ALTER":
        return _plan_alter_column(name, list(tokens[at + 1 :]))
    return Forward(write(statement, tokens), is_changed=True)


def read_name(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    """Read `[schema.]table` at `at`; return it quoted, with the position after it."""
    parts = []
    while at < len(tokens) and tokens[at].kind in {"word", "quoted"}:
        parts.append(quote_name(tokens[at].name))
        at += 1
        if at >= len(tokens) or tokens[at].text != ".":
            break
        at += 1
    if not parts:
        raise GatewayError("syntax error: a table name is missing", sqlstate="42601")
    return ".".join(parts), at


class Attributes:
    """What may follow a table's columns: BACKUP, DISTSTYLE, DISTKEY, SORTKEY, then AS SELECT."""

    def __init__(self, tokens: Sequence[Token], at: int) -> None:
        self.keys: list[tuple[str, list[str]]] = []
        self.query: list[Token] = []
        while at < len(tokens):
            at = self._read(tokens, at)

    def _read(self, tokens: Sequence[Token], at: int) -> int:
        word = tokens[at].word
        if word == "AS":
            self.query = list(tokens[at:])
            return len(tokens)
        if word in {"BACKUP", "DISTSTYLE"}:
            return at + 2
        if word in {"COMPOUND", "INTERLEAVED"}:
            return at + 1
        if word in {"DISTKEY", "SORTKEY"} and at + 1 < len(tokens):
            if tokens[at + 1].text != "(":
                return at + 2  # SORTKEY AUTO
            end = matching(tokens, at + 1)
            self.keys.append((word.lower(), names(tokens[at + 1 : end + 1])))
            return end + 1
        raise Refused(f"CREATE TABLE … {tokens[at].text}", "Redshift does not know it")


def names(tokens: Sequence[Token]) -> list[str]:
    """Return the identifiers of a parenthesised list."""
    return [token.name for token in tokens if token.kind in {"word", "quoted"}]


def _definitions(
    statement: Statement, tokens: Sequence[Token], write: Write
) -> tuple[str, list[tuple[str, list[str]]]]:
    columns: list[Column] = []
    likes: list[str] = []
    keys: list[tuple[str, list[str]]] = []
    for part in split_commas(tokens):
        if part[0].word == "LIKE":
            likes.append(f"{write(statement, part)} INCLUDING CONSTRAINTS")
        elif part[0].word in KEY_WORDS:
            keys.append(_table_key(part))
        else:
            column = read_column(statement, part, write)
            columns.append(column)
            keys += column.keys
    required = {name for kind, key in keys if kind == "primary key" for name in key}
    return ", ".join(likes + [column.sql(is_required=column.name in required) for column in columns]), keys


def _table_key(part: Sequence[Token]) -> tuple[str, list[str]]:
    start = 2 if part[0].word == "CONSTRAINT" else 0
    kinds = {"PRIMARY": "primary key", "UNIQUE": "unique", "FOREIGN": "foreign key"}
    opening = next((index for index, token in enumerate(part) if token.text == "("), None)
    if start >= len(part) or part[start].word not in kinds or opening is None:
        raise Refused(f"table constraint {part[start].text if start < len(part) else ''}", "Redshift does not know it")
    return kinds[part[start].word], names(part[opening : matching(part, opening) + 1])


def _with_keys(create: str, name: str, keys: list[tuple[str, list[str]]], tag: str) -> Plan:
    if not keys:
        return Forward(create, is_changed=True)
    return Script((create, *(_record_key(name, kind, columns) for kind, columns in keys)), tag)


def _record_key(name: str, kind: str, columns: list[str]) -> str:
    listed = ", ".join(quote_text(column) for column in columns)
    values = f"{quote_text(name)}::regclass::oid, {quote_text(kind)}, ARRAY[{listed}]::text[]"
    return f"INSERT INTO esteira_gateway.informational_key SELECT {values} ON CONFLICT DO NOTHING"


def _plan_add(statement: Statement, name: str, rest: list[Token], write: Write) -> Plan:
    if rest and rest[0].word in KEY_WORDS:
        kind, columns = _table_key(rest)
        return Script((_record_key(name, kind, columns),), "ALTER TABLE")
    if rest and rest[0].word == "COLUMN":
        rest = rest[1:]
    column = read_column(statement, rest, write)
    if column.keys:
        raise Refused("ALTER TABLE ADD COLUMN with a key", "Redshift does not allow it")
    return Forward(f"ALTER TABLE {name} ADD COLUMN {column.sql(is_required=False)}", is_changed=True)


def _plan_alter_column(name: str, rest: list[Token]) -> Plan:
    words = [token.word for token in rest]
    if words[0] in {"DISTKEY", "SORTKEY", "DISTSTYLE", "COMPOUND", "ENCODE"}:
        return Script((f"SELECT {quote_text(name)}::regclass",), "ALTER TABLE")
    if words[0] == "COLUMN":
        rest, words = rest[1:], words[1:]
    if len(words) > 1 and words[1] == "ENCODE":
        return Script((f"SELECT {quote_text(name)}::regclass",), "ALTER TABLE")
    if len(words) < 3 or words[1] != "TYPE":
        raise Refused("ALTER TABLE ALTER COLUMN other than TYPE or ENCODE", "Redshift does not know it")
    found = read_type(rest[2:])
    if not found.bytes_limit or found.used != len(rest) - 2:
        raise Refused("ALTER COLUMN TYPE to anything but VARCHAR(n)", NOT_EMULATED_TYPE)
    arguments = [f"{quote_text(name)}::regclass", quote_text(rest[0].name), str(found.bytes_limit)]
    check = bytes_check(rest[0].name, found.bytes_limit)
    call = f"SELECT esteira_gateway.widen_varchar({', '.join(arguments)}, {quote_text(check.name)})"
    return Script((call,), "ALTER TABLE", is_forbidden_in_transaction=ALTER_TYPE_IN_TRANSACTION)
