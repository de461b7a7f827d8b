"""Errors as Redshift words them: what the gateway itself refuses, and PostgreSQL's errors translated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from local.redshift.wire import fields, message, read_fields

NOT_EMULATED = "0A000"
INTERNAL_ERROR = "XX000"  # the SQLSTATE of nearly everything Redshift's own engine reports
BYTES_CHECK_PREFIX = "esteira_bytes_"


@dataclass
class Setting:
    """What an error of PostgreSQL's does not say and Redshift's does.

    Attributes:
        pid: The session's number.
        is_serializable: The database's isolation level.
        find_table: The number of the table last written to.
    """

    pid: int = 0
    is_serializable: bool = False
    find_table: Callable[[], int] = lambda: 0


class GatewayError(Exception):
    """An error the client sees as one ErrorResponse."""

    def __init__(self, text: str, *, sqlstate: str = INTERNAL_ERROR, detail: str = "", severity: str = "ERROR") -> None:
        super().__init__(text)
        self.text, self.sqlstate, self.detail, self.severity = text, sqlstate, detail, severity

    def encode(self) -> bytes:
        """Frame as ErrorResponse."""
        pairs = [("S", self.severity), ("V", self.severity), ("C", self.sqlstate), ("M", self.text)]
        return message(b"E", fields(pairs + ([("D", self.detail)] if self.detail else [])))


class Refused(GatewayError):
    """A construct that Redshift does not know, or that this gateway cannot emulate honestly."""

    def __init__(self, construct: str, why: str = "the local Redshift does not emulate it") -> None:
        super().__init__(f"{construct} is not supported: {why}", sqlstate=NOT_EMULATED)


class ScanError(GatewayError):
    """A Parquet file does not fit its table: SQLSTATE XX000, the facts in the detail, as Redshift's scan layer words it."""

    def __init__(self, code: int, context: str, file: str, column: tuple[str, str, str] = ("", "", "")) -> None:
        rule = "-----------------------------------------------"
        detail = f"\n  {rule}\n  error:  Spectrum Scan Error\n  code:      {code}\n  context:   {context}\n  {rule}"
        super().__init__("Spectrum Scan Error", detail=detail)
        self.code, self.context, self.file = code, context, file
        self.column, self.column_type, self.column_length = column


class ServerError(GatewayError):
    """PostgreSQL's own error, already translated; `body` is what the client gets."""

    def __init__(self, body: bytes, setting: Setting) -> None:
        self.body = translate(body, setting)
        found = dict(read_fields(self.body))
        super().__init__(found.get("M", ""), sqlstate=found.get("C", INTERNAL_ERROR), detail=found.get("D", ""))

    def encode(self) -> bytes:
        """Frame as ErrorResponse."""
        return message(b"E", self.body)


def translate(body: bytes, setting: Setting) -> bytes:
    """Rewrite the body of PostgreSQL's ErrorResponse into Redshift's words."""
    pairs = read_fields(body)
    found = dict(pairs)
    changes = _changes(found, setting)
    if not changes:
        return body
    merged = found | changes
    return fields([(code, value) for code, value in merged.items() if value])


def _changes(found: dict[str, str], setting: Setting) -> dict[str, str]:
    code, text = found.get("C", ""), found.get("M", "")
    if code == "40001":
        return _conflict(text, setting)
    if code in {"57014", "55P03"}:
        return {"C": "57014", "M": f"Query ({setting.pid}) cancelled on user's request", "D": text}
    if code == "23514" and found.get("n", "").startswith(BYTES_CHECK_PREFIX):
        size = found["n"].removeprefix(BYTES_CHECK_PREFIX).split("_")[0]
        # PostgreSQL's detail would print the whole row: Redshift does not.
        return {"C": "22001", "M": f"value too long for type character varying({size})", "D": "", "n": ""}
    if code == "23502":
        return {"M": f"Cannot insert a NULL value into column {found.get('c', '')}", "D": ""}
    if code == "21000" and "MERGE" in text:
        return {"C": INTERNAL_ERROR, "M": "Found multiple matches to update the same tuple.", "D": text}
    return {}


def _conflict(text: str, setting: Setting) -> dict[str, str]:
    """Word a conflict.

    https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html; PostgreSQL does
    not tell which transactions form the cycle, so their numbers are 0.
    """
    if not setting.is_serializable:
        return {
            "C": INTERNAL_ERROR,
            "M": "could not complete because of conflict with concurrent transaction",
            "D": text,
        }
    cycle = f"transactions forming the cycle are: 0, 0 (pid:{setting.pid})"
    detail = f"Serializable isolation violation on table - {setting.find_table()}, {cycle}"
    return {"C": INTERNAL_ERROR, "M": "1023", "D": detail}
