"""What commands print: lines and tables for people, JSON for machines, one paragraph for an error."""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

import click

from esteira.errors import ContractError, EsteiraError
from esteira.redaction import printable

CELL_CHARACTERS = 32
"""Longer values are cut: a row is one line."""
INTERRUPTED = 130
DEFECT = 70  # EX_SOFTWARE of sysexits.h


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Aligned columns; numbers to the right with thousands separators."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(header), *cells]) for index in range(len(header))]
    right = [all(_is_number(cell[index]) for cell in cells) for index in range(len(header))]
    lines = [_line(list(header), widths, right), _line(["─" * width for width in widths], widths, right)]
    return "\n".join([*lines, *(_line(row, widths, right) for row in cells)])


def short(value: Any) -> str:
    """One cell on one line, without what a terminal would obey."""
    return "—" if value is None else printable(str(value), limit=CELL_CHARACTERS - 1)


def dump(value: Any) -> str:
    """JSON of dataclasses and moments."""
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=2)


def _unheard() -> int:
    """The code of a process that SIGPIPE ended. What is left to write goes nowhere, so that the interpreter does not complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + signal.SIGPIPE


def fail(error: BaseException, *, is_debug: bool) -> int:
    """Print an error for a person, and say the exit code.

    An `EsteiraError` is one paragraph; that nobody reads on (`esteira … | head`) is none; anything else is a defect, and says so.
    """
    if isinstance(error, BrokenPipeError):
        return _unheard()
    if is_debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, EsteiraError):
        click.echo(error.paragraph(), err=True)
        if isinstance(error, ContractError) and error.patch:
            click.echo(f"\nSuggested patch of the contract:\n\n{error.patch}", err=True)
        return error.exit_code
    click.echo(
        f"{type(error).__name__}: {error} This is a defect of Esteira. Next step: run again with --debug and report it.",
        err=True,
    )
    return DEFECT


def error_facts(error: BaseException) -> dict[str, Any]:
    """An error for a machine."""
    if not isinstance(error, EsteiraError):
        return {"error": type(error).__name__, "message": str(error), "exit_code": DEFECT}
    return {
        "error": type(error).__name__,
        "message": error.message,
        "batch": error.batch,
        "next_step": error.hint,
        "runbook": error.runbook,
        **({"patch": error.patch} if isinstance(error, ContractError) else {}),
        "exit_code": error.exit_code,
    }


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return "—" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _is_number(cell: str) -> bool:
    return cell.removeprefix("-").replace(",", "").replace(".", "").isdigit() or cell == "—"


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if is_right else cell.ljust(width)
        for cell, width, is_right in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(padded).rstrip()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
