"""Column definitions: Redshift's types and column attributes in PostgreSQL's words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from local.redshift.errors import BYTES_CHECK_PREFIX, GatewayError, Refused
from local.redshift.lexer import Statement, Token, matching
from local.redshift.plans import quote_name

NOT_EMULATED_TYPE = "the local Redshift does not emulate it"
MAX_VARCHAR_BYTES = 65535
DEFAULT_VARCHAR_BYTES = 256
MAX_PRECISION = 38  # of a DECIMAL: https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html
# https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
SIMPLE_TYPES = {
    "SMALLINT": "smallint", "INT2": "smallint", "INTEGER": "integer", "INT": "integer", "INT4": "integer",
    "BIGINT": "bigint", "INT8": "bigint", "REAL": "real", "FLOAT4": "real", "FLOAT8": "double precision",
    "FLOAT": "double precision", "BOOLEAN": "boolean", "BOOL": "boolean", "DATE": "date",
    "TIMESTAMPTZ": "timestamptz", "TIMETZ": "timetz", "SUPER": "jsonb",
}  # fmt: skip
TEXT_TYPES = {"VARCHAR", "NVARCHAR", "TEXT", "CHAR", "NCHAR", "BPCHAR", "CHARACTER"}
COLUMN_WORDS = {"NOT", "NULL", "ENCODE", "DISTKEY", "SORTKEY", "PRIMARY", "UNIQUE", "REFERENCES", "DEFAULT", "IDENTITY",
                "GENERATED", "COLLATE"}  # fmt: skip


@dataclass(frozen=True)
class ColumnType:
    """A type: as PostgreSQL writes it, the byte limit of a text (0: none), and how many tokens it took."""

    sql: str
    used: int
    bytes_limit: int = 0


@dataclass(frozen=True)
class BytesCheck:
    """The constraint that measures a text in bytes; its name carries the limit, for the error text."""

    name: str
    sql: str


@dataclass
class Column:
    """One column definition."""

    name: str
    type: ColumnType
    default: str = ""
    is_required: bool = False
    encoding: str = ""
    keys: list[tuple[str, list[str]]] = field(default_factory=list)

    def sql(self, *, is_required: bool) -> str:
        """Write the definition; `is_required` adds the NOT NULL that a primary key implies."""
        parts = [quote_name(self.name), self.type.sql, self.default]
        if self.is_required or is_required:
            parts.append("NOT NULL")
        if self.type.bytes_limit:
            parts.append(bytes_check(self.name, self.type.bytes_limit).sql)
        return " ".join(part for part in parts if part)


def bytes_check(column: str, limit: int) -> BytesCheck:
    """Return the byte check of a column: Redshift's VARCHAR(n) holds n bytes, PostgreSQL's n characters."""
    digest = hashlib.sha256(column.encode()).hexdigest()[:12]
    name = f"{BYTES_CHECK_PREFIX}{limit}_{digest}"
    return BytesCheck(name, f"CONSTRAINT {name} CHECK (octet_length({quote_name(column)}) <= {limit})")


def read_type(tokens: Sequence[Token]) -> ColumnType:
    """Read a type at the start of `tokens`.

    Raises:
        Refused: Redshift has no such type, or the gateway does not emulate it.
    """
    word = tokens[0].word if tokens else ""
    second = tokens[1].word if len(tokens) > 1 else ""
    if word in TEXT_TYPES:
        return _text_type(tokens, word, second)
    if word in {"DECIMAL", "NUMERIC"}:
        arguments, used = _arguments(tokens, 1)
        _check_decimal(arguments)
        return ColumnType(f"numeric({', '.join(arguments) or '18, 0'})", used)
    if word == "DOUBLE" and second == "PRECISION":
        return ColumnType("double precision", 2)
    if word in {"TIMESTAMP", "TIME"}:
        used = 4 if second in {"WITH", "WITHOUT"} else 1
        return ColumnType(word.lower() + ("tz" if second == "WITH" else ""), used)
    if word in {"VARBYTE", "VARBINARY"} or (word, second) == ("BINARY", "VARYING"):
        return ColumnType("bytea", _arguments(tokens, 2 if word == "BINARY" else 1)[1])
    if word in SIMPLE_TYPES:
        return ColumnType(SIMPLE_TYPES[word], 1)
    raise Refused(
        f"type {tokens[0].text if tokens else '(none)'}", "Redshift has no such column type, or it is not emulated"
    )


def _check_decimal(arguments: Sequence[str]) -> None:
    """Refuse what PostgreSQL takes and Redshift does not; what is no number PostgreSQL refuses too."""
    if not arguments or not all(argument.lstrip("-").isdecimal() for argument in arguments):
        return
    precision, scale = [*map(int, arguments), 0][:2]
    if not 1 <= precision <= MAX_PRECISION:
        raise GatewayError(f"DECIMAL precision {precision} must be between 1 and {MAX_PRECISION}", sqlstate="22023")
    if not 0 <= scale <= precision:
        raise GatewayError(f"DECIMAL scale {scale} must be between 0 and precision {precision}", sqlstate="22023")


def read_column(
    statement: Statement, tokens: Sequence[Token], write: Callable[[Statement, list[Token]], str]
) -> Column:
    """Read one column definition."""
    if len(tokens) < 2:
        raise GatewayError("syntax error in a column definition", sqlstate="42601")
    column = Column(tokens[0].name, read_type(tokens[1:]))
    at = 1 + column.type.used
    while at < len(tokens):
        at = _read_attribute(statement, tokens, at, column, write)
    return column


def _read_attribute(
    statement: Statement,
    tokens: Sequence[Token],
    at: int,
    column: Column,
    write: Callable[[Statement, list[Token]], str],
) -> int:
    word = tokens[at].word
    if word == "NOT":
        column.is_required = True
        return at + 2
    if word == "NULL":
        return at + 1
    if word == "ENCODE" and at + 1 < len(tokens):
        column.encoding = tokens[at + 1].name
    if word in {"ENCODE", "COLLATE"}:
        return at + 2
    if word in {"DISTKEY", "SORTKEY", "UNIQUE", "PRIMARY"}:
        column.keys.append(({"PRIMARY": "primary key"}.get(word, word.lower()), [column.name]))
        return at + (2 if word == "PRIMARY" else 1)
    if word == "REFERENCES":
        column.keys.append(("foreign key", [column.name]))
        return _skip_reference(tokens, at + 1)
    if word in {"DEFAULT", "IDENTITY", "GENERATED"}:
        return _read_default(statement, tokens, at, column, write)
    raise Refused(f"column attribute {tokens[at].text}", "Redshift does not know it")


def _read_default(
    statement: Statement,
    tokens: Sequence[Token],
    at: int,
    column: Column,
    write: Callable[[Statement, list[Token]], str],
) -> int:
    if tokens[at].word == "DEFAULT":
        end = at + 1
        while end < len(tokens) and (end == at + 1 or tokens[end].word not in COLUMN_WORDS):
            end = matching(tokens, end) + 1 if tokens[end].text == "(" else end + 1
        column.default = write(statement, list(tokens[at:end]))
        return end
    opening = next((index for index in range(at, len(tokens)) if tokens[index].text == "("), None)
    if opening is None:
        raise GatewayError("syntax error in IDENTITY", sqlstate="42601")
    arguments, end = _arguments(tokens, opening)
    start, step = (*arguments, "1", "1")[:2]
    column.default = f"GENERATED BY DEFAULT AS IDENTITY (START WITH {start} INCREMENT BY {step})"
    return end


def _skip_reference(tokens: Sequence[Token], at: int) -> int:
    while at < len(tokens) and (
        tokens[at].kind == "quoted" or tokens[at].text == "." or tokens[at].word not in COLUMN_WORDS
    ):
        at = matching(tokens, at) + 1 if tokens[at].text == "(" else at + 1
    return at


def _text_type(tokens: Sequence[Token], word: str, second: str) -> ColumnType:
    is_varying = word in {"VARCHAR", "NVARCHAR", "TEXT"} or second == "VARYING"
    arguments, used = _arguments(tokens, 2 if second == "VARYING" else 1)
    if word in {"BPCHAR", "TEXT"}:
        arguments = ["256"]
    default = DEFAULT_VARCHAR_BYTES if is_varying else 1
    limit = MAX_VARCHAR_BYTES if arguments and arguments[0].upper() == "MAX" else int((arguments or [str(default)])[0])
    if not 1 <= limit <= MAX_VARCHAR_BYTES:
        raise GatewayError(f"length for type varchar cannot exceed {MAX_VARCHAR_BYTES}", sqlstate="22023")
    return ColumnType(f"{'varchar' if is_varying else 'char'}({limit})", used, limit)


def _arguments(tokens: Sequence[Token], at: int) -> tuple[list[str], int]:
    if at >= len(tokens) or tokens[at].text != "(":
        return [], at
    end = matching(tokens, at)
    inner, sign, found = tokens[at + 1 : end], "", list[str]()
    for token in inner:
        if token.text == "-":
            sign = "-"
        elif token.text != ",":
            found.append(sign + token.text)
            sign = ""
    return found, end + 1
