"""How this room says no: what, at which file and place, and what to do next."""

from __future__ import annotations

from esteira.errors import SpreadsheetError


def failed(name: str, what: str, next_step: str | None = None) -> SpreadsheetError:
    """An error about a file.

    Args:
        name: Its name.
        what: What is wrong, with the place.
        next_step: What the person who has the file does; None for opening it at the place.
    """
    return SpreadsheetError(f"{name}: {what}", hint=next_step)


def letters(column: int) -> str:
    """A column's letters, from its place counted from 0."""
    text, rest = "", column + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        text = chr(ord("A") + digit) + text
    return text


def address(sheet: str, row: int, column: int | None = None) -> str:
    """Where a cell or a row is, as a spreadsheet program writes it.

    Args:
        sheet: Its sheet; empty for delimited text.
        row: From 1.
        column: From 0; None for the whole row.
    """
    quoted = sheet if sheet.replace("_", "").isalnum() else "'" + sheet.replace("'", "''") + "'"
    return (f"{quoted}!" if sheet else "") + ("" if column is None else letters(column)) + str(row)
