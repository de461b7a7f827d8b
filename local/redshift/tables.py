"""CREATE TABLE and ALTER TABLE: physical design dropped, keys made informational, VARCHAR measured in bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from local.redshift.columns import NOT_EMULATED_TYPE, Column, bytes_check, read_column, read_type
from local.redshift.design import AUTO, Design, Key, record_key, rename_column, replace_key, set_encoding
from local.redshift.errors import GatewayError, Refused
from local.redshift.lexer import Statement, Token, matching, split_commas
from local.redshift.plans import Forward, Plan, Script, quote_name, quote_text

Write = Callable[[Statement, tuple[Token, ...] | list[Token]], str]
ALTER_TYPE_IN_TRANSACTION = "ALTER TABLE ALTER COLUMN cannot run inside a transaction block"
REQUIRED_WITHOUT_DEFAULT = "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
KEY_WORDS = {"PRIMARY", "UNIQUE", "FOREIGN", "CONSTRAINT"}
DISTRIBUTION = ("distkey", "diststyle")


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
        return _with_design(create, name, Design(attributes.keys), "SELECT")
    if body < at:
        raise GatewayError("syntax error in CREATE TABLE: columns are missing", sqlstate="42601")
    definitions, design = _definitions(statement, tokens[at + 1 : body], write)
    design.keys += attributes.keys
    return _with_design(f"{head} ({definitions})", name, design, "CREATE TABLE")


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
        return _plan_alter(name, list(tokens[at + 1 :]))
    return _plan_other(name, list(tokens[at:]), write(statement, tokens))


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
        self.keys: list[Key] = []
        self.query: list[Token] = []
        while at < len(tokens):
            at = self._read(tokens, at)

    def _read(self, tokens: Sequence[Token], at: int) -> int:
        word = tokens[at].word
        if word == "AS":
            self.query = list(tokens[at:])
            return len(tokens)
        if word == "DISTSTYLE" and at + 1 < len(tokens) and tokens[at + 1].word in {"EVEN", "ALL"}:
            self.keys.append(("diststyle", [tokens[at + 1].word]))
        if word in {"BACKUP", "DISTSTYLE", "ENCODE"}:
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


def _definitions(statement: Statement, tokens: Sequence[Token], write: Write) -> tuple[str, Design]:
    columns: list[Column] = []
    likes: list[str] = []
    keys: list[Key] = []
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
    encodings = {column.name: column.encoding for column in columns if column.encoding not in {"", AUTO}}
    definitions = likes + [column.sql(is_required=column.name in required) for column in columns]
    return ", ".join(definitions), Design(keys, encodings)


def _table_key(part: Sequence[Token]) -> tuple[str, list[str]]:
    start = 2 if part[0].word == "CONSTRAINT" else 0
    kinds = {"PRIMARY": "primary key", "UNIQUE": "unique", "FOREIGN": "foreign key"}
    opening = next((index for index, token in enumerate(part) if token.text == "("), None)
    if start >= len(part) or part[start].word not in kinds or opening is None:
        raise Refused(f"table constraint {part[start].text if start < len(part) else ''}", "Redshift does not know it")
    return kinds[part[start].word], names(part[opening : matching(part, opening) + 1])


def _with_design(create: str, name: str, design: Design, tag: str) -> Plan:
    records = design.statements(name)
    return Script((create, *records), tag) if records else Forward(create, is_changed=True)


def _plan_add(statement: Statement, name: str, rest: list[Token], write: Write) -> Plan:
    if rest and rest[0].word in KEY_WORDS:
        return Script((record_key(name, *_table_key(rest)),), "ALTER TABLE")
    if rest and rest[0].word == "COLUMN":
        rest = rest[1:]
    column = read_column(statement, rest, write)
    if column.keys:
        raise Refused("ALTER TABLE ADD COLUMN with a key", "Redshift does not allow it")
    if column.is_required and not column.default:
        raise GatewayError(REQUIRED_WITHOUT_DEFAULT, sqlstate="0A000")
    add = f"ALTER TABLE {name} ADD COLUMN {column.sql(is_required=False)}"
    if not column.encoding:
        return Forward(add, is_changed=True)
    return Script((add, *set_encoding(name, column.name, column.encoding)), "ALTER TABLE")


def _plan_alter(name: str, rest: list[Token]) -> Plan:
    """ALTER TABLE t ALTER …: https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html ."""
    if rest[0].word == "COLUMN":
        rest = rest[1:]
    words = [token.word for token in rest]
    if words[0] in {"DISTKEY", "SORTKEY", "DISTSTYLE", "COMPOUND"}:
        return Script(_redesign(name, rest), "ALTER TABLE")
    if words[:2] == ["ENCODE", "AUTO"]:
        return Script((f"SELECT {quote_text(name)}::regclass",), "ALTER TABLE")
    if words[1:2] == ["ENCODE"] and len(words) == 3:
        return Script(set_encoding(name, rest[0].name, rest[2].name), "ALTER TABLE")
    if len(words) < 3 or words[1] != "TYPE":
        raise Refused("ALTER TABLE ALTER COLUMN other than TYPE or ENCODE", "Redshift does not know it")
    return _plan_widen(name, rest)


def _redesign(name: str, rest: list[Token]) -> tuple[str, ...]:
    if rest[0].word == "COMPOUND":
        rest = rest[1:]
    if rest[0].word == "SORTKEY":
        columns = names(rest[1:]) if rest[1].text == "(" else []
        return replace_key(name, ["sortkey"], ("sortkey", columns) if columns else None)
    if rest[-2].word == "DISTKEY":
        return replace_key(name, DISTRIBUTION, ("distkey", [rest[-1].name]))
    style = rest[-1].word
    return replace_key(name, DISTRIBUTION, None if style == "AUTO" else ("diststyle", [style]))


def _plan_widen(name: str, rest: list[Token]) -> Plan:
    found = read_type(rest[2:])
    if not found.bytes_limit or found.used != len(rest) - 2:
        raise Refused("ALTER COLUMN TYPE to anything but VARCHAR(n)", NOT_EMULATED_TYPE)
    arguments = [f"{quote_text(name)}::regclass", quote_text(rest[0].name), str(found.bytes_limit)]
    check = bytes_check(rest[0].name, found.bytes_limit)
    call = f"SELECT esteira_gateway.widen_varchar({', '.join(arguments)}, {quote_text(check.name)})"
    return Script((call,), "ALTER TABLE", is_forbidden_in_transaction=ALTER_TYPE_IN_TRANSACTION)


def _plan_other(name: str, rest: list[Token], sql: str) -> Plan:
    """RENAME, DROP, OWNER TO; the recorded keys follow a renamed column and hold a dropped one."""
    words = [token.word for token in rest]
    if words[:2] == ["RENAME", "COLUMN"] and len(rest) == 5:
        return Script((sql, rename_column(name, rest[2].name, rest[4].name)), "ALTER TABLE")
    if words[0] == "DROP" and words[1] != "CONSTRAINT":
        column = rest[2 if words[1] == "COLUMN" else 1].name
        check = f"SELECT esteira_gateway.check_droppable({quote_text(name)}::regclass, {quote_text(column)})"
        return Script((check, sql), "ALTER TABLE")
    if words[:2] == ["DROP", "CONSTRAINT"] and len(rest) > 2 and rest[2].name.endswith("_pkey"):
        return Script(replace_key(name, ("primary key",), None), "ALTER TABLE")
    if words[0] not in {"RENAME", "DROP", "OWNER"}:
        raise Refused(f"ALTER TABLE {' '.join(words[:2])}")
    return Forward(sql, is_changed=True)
