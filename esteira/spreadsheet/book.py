"""A workbook as calamine opens it, when what calamine cannot tell has been looked at: which sheets are read, and whether each is within the limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

import python_calamine as calamine

from esteira.contract import Sheets, SpreadsheetSource
from esteira.spreadsheet.failure import failed
from esteira.spreadsheet.legacy import look_at_old, look_at_open_document
from esteira.spreadsheet.look import Look
from esteira.spreadsheet.opening import Opened
from esteira.spreadsheet.package import check_area, look_at, read_package
from esteira.spreadsheet.unpacking import encrypted

_SAVE_AGAIN = "Open it in a spreadsheet program, save it again, and deliver it."


def opened_book(file: Opened) -> calamine.CalamineWorkbook:
    """The workbook.

    Raises:
        SpreadsheetError: It has a password, or cannot be read.
    """
    try:
        return calamine.CalamineWorkbook.from_path(str(file.path))
    except calamine.PasswordError as exc:
        raise encrypted(file.name) from exc
    except (calamine.CalamineError, OSError, ValueError) as exc:
        raise failed(
            file.name,
            f"it cannot be read as {file.format}: {exc}.",
            _SAVE_AGAIN,
        ) from exc


def chosen_sheets(book: calamine.CalamineWorkbook, file: str, source: SpreadsheetSource) -> list[str]:
    """Names of the sheets that the contract asks for.

    Raises:
        SpreadsheetError: There is none, or one is hidden and the contract refuses that.
    """
    sheets = [each for each in book.sheets_metadata if each.typ == calamine.SheetTypeEnum.WorkSheet]
    names, wanted = [each.name for each in sheets], source.sheet
    if isinstance(wanted, Sheets):
        found = [name for name in names if fnmatchcase(name.casefold(), wanted.like.casefold())]
    elif isinstance(wanted, int):
        found = names[wanted : wanted + 1]
    else:
        found = [name for name in names if name == wanted]
    if not found:
        raise failed(
            file,
            f"there is no sheet {wanted!r}; it has {', '.join(map(repr, names))}.",
            "Correct sheet= in the contract, or the sheet's name in the file.",
        )
    return _shown(sheets, found, file, source)


def checked_sheet(
    book: calamine.CalamineWorkbook, name: str, file: Opened, look: Look, source: SpreadsheetSource
) -> calamine.CalamineSheet:
    """A sheet within the limits.

    Raises:
        SpreadsheetError: It is not, or cannot be read.
    """
    check_area(look, file.name, name, source)
    try:
        return book.get_sheet_by_name(name)
    except (calamine.CalamineError, OSError, ValueError) as exc:
        raise failed(
            file.name,
            f"sheet {name!r} cannot be read: {exc}.",
            _SAVE_AGAIN,
        ) from exc


def looker(file: Opened, source: SpreadsheetSource) -> Callable[[str], Look]:
    """Looks at a sheet, before anything is parsed.

    Raises:
        SpreadsheetError: The workbook is damaged, links to the outside, or has an entity.
    """
    if file.format in {"xlsx", "xlsm"}:
        package = read_package(file.path, file.name, source)
        return lambda sheet: look_at(file.path, file.name, package, sheet, source)
    looks = (
        look_at_old(file.path, file.name)
        if file.format == "xls"
        else look_at_open_document(file.path, file.name, source)
    )
    return lambda sheet: _known(looks, sheet, file.name)


def _known(looks: Mapping[str, Look], sheet: str, file: str) -> Look:
    """What cannot be looked at is not read."""
    if sheet not in looks:
        raise failed(
            file,
            f"sheet {sheet!r} cannot be found a second time.",
            "Rename the sheet without special signs, save the file, and deliver it.",
        )
    return looks[sheet]


def _shown(
    sheets: Sequence[calamine.SheetMetadata], found: list[str], file: str, source: SpreadsheetSource
) -> list[str]:
    hidden = {each.name for each in sheets if each.visible != calamine.SheetVisibleEnum.Visible}
    if source.hidden == "refuse":
        for name in found:
            if name in hidden:
                raise failed(
                    file,
                    f"sheet {name!r} is hidden.",
                    "Show or delete the sheet, or say in the contract what a hidden one means: hidden='skip' or 'read'.",
                )
    return [name for name in found if source.hidden != "skip" or name not in hidden]
