"""`esteira new --file`: a contract from a workbook or delimited text. It shows what it took for banner, header, data and footer."""

from __future__ import annotations

import shutil
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import click

from cli.file_fixture import try_files
from cli.output import fail, table
from cli.sheet_fixture import write_fixture
from esteira.catalogue import load_catalogue
from esteira.contract import SpreadsheetSource
from esteira.contract.dataset import NAME
from esteira.errors import ConfigError, EsteiraError, SpreadsheetError
from esteira.recognise.doubts import doubts
from esteira.recognise.packed import packed_encoding
from esteira.recognise.sheet import Table, recognise
from esteira.recognise.sheet_text import ending_of, guesses_of_sheet, sheet_contract, unknowns_of_sheet
from esteira.redaction import printable
from esteira.settings import contracts_folder
from esteira.spreadsheet.preview import Preview, preview
from esteira.spreadsheet.reading import read_pieces


@dataclass(frozen=True, slots=True)
class Read:
    """What the draft makes of its own file."""

    rows: int
    refused: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for.

    Attributes:
        name: The dataset's name.
        path: The file.
        sheet: Its sheet; None takes the first with a table.
        locale: How it prints numbers and days.
        owner: Who is asked when the dataset fails.
        fixtures: Folder of the fixtures; None means tests/fixtures beside the contracts' folder.
    """

    name: str
    path: Path
    sheet: str | None
    locale: str
    owner: str
    fixtures: Path | None = None


def run_new_file(request: Request, *, is_debug: bool) -> int:
    """Draft and write; returns the exit code."""
    name, path = request.name, request.path
    target, fixture = _places(request)
    found, drafted = _recognised(request)
    text = sheet_contract(name, path, found, drafted, request.owner)
    _say("Took from the file:", guesses_of_sheet(found, drafted))
    _say("Not known:", chain(unknowns_of_sheet(drafted, request.owner), doubts(found, drafted)))
    outcome = _tried(name, path, text)
    target.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {target}")
    if isinstance(outcome, EsteiraError):
        return fail(outcome, is_debug=is_debug)
    click.echo(table(("dataset", "rows", "refused"), [(name, outcome.rows, outcome.refused)]))
    for reason in outcome.reasons:
        click.echo(reason)
    click.echo(_recorded(fixture, target, found, drafted, ending_of(path)))
    return 0


def _places(request: Request) -> tuple[Path, Path]:
    """The contract's file and the fixture's folder; neither may be there."""
    if not NAME.fullmatch(request.name):
        raise ConfigError(f"Dataset name {request.name!r} is not of the form {NAME.pattern}.", hint="Choose another.")
    target = contracts_folder() / f"{request.name}.py"
    fixtures = request.fixtures or contracts_folder().resolve().parent / "tests" / "fixtures"
    for each in (target, fixtures / request.name):
        if each.exists():
            raise ConfigError(
                f"{each} exists, and `esteira new` overwrites nothing.", hint="Choose another name, or remove it first."
            )
    return target, fixtures / request.name


def _recognised(request: Request) -> tuple[Preview, Table]:
    """The first rows of the file, and the table that is seen in them."""
    sheet, encoding = request.sheet if request.sheet is not None else 0, packed_encoding(request.path)
    found = preview(request.path, SpreadsheetSource(locale=request.locale, encoding=encoding, sheet=sheet))
    drafted = recognise(found)
    if drafted is None:
        raise SpreadsheetError(
            f"{request.path.name}: no row of the first 50 looks like names above a table.",
            hint="Name the sheet with --sheet, or write the contract by hand: docs/reference/spreadsheet.md.",
        )
    return found, drafted


def _recorded(fixture: Path, target: Path, found: Preview, drafted: Table, ending: str) -> str:
    """Leave a small file for `esteira test`; what became of it."""
    name = fixture.name
    try:
        written = write_fixture(fixture, ending, found, drafted)
    except ConfigError as exc:
        return f"{exc.message} `esteira test {name}` wants a small one without personal values in {fixture}."
    try:
        fit = try_files(load_catalogue(target.parent)[name], [written])
    except EsteiraError as exc:
        return f"Wrote {written}, which the draft does not fit yet: {exc.message} Correct the contract, then `esteira test {name}`."
    return (
        f"Wrote {written}, its first {fit.records} rows; texts are replaced by others of the same shape. "
        f"Look at it before you commit it.\nNext: `esteira test {name}`, `esteira preview {name} --file FILE`."
    )


def _tried(name: str, path: Path, text: str) -> Read | EsteiraError:
    """Does the draft read its own file?"""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder).resolve() / f"{name}.py").write_text(text, encoding="utf-8")
        try:
            return _counted(path, Path(folder).resolve(), name)
        except EsteiraError as exc:
            return exc.located(dataset=name)


def _counted(path: Path, folder: Path, name: str) -> Read:
    dataset, rows, refused, reasons = load_catalogue(folder)[name], 0, 0, list[str]()
    for piece in read_pieces(path, path.name, dataset):
        rows += len(piece.rows)
        refused += len({each.row for each in piece.decoded.rejections})
        reasons += [
            f"  {piece.rows.place(each.row, each.column)}: {each.rule} in {each.column}"
            for each in piece.decoded.rejections[:5]
        ]
    return Read(rows, refused, tuple(reasons[:5]))


def _say(head: str, lines: Iterator[str]) -> None:
    click.echo(head)
    width = shutil.get_terminal_size().columns
    for line in lines:
        click.echo(
            "\n".join(
                textwrap.wrap(printable(line, limit=2_000), width - 2, initial_indent="  ", subsequent_indent="      ")
            )
        )
    click.echo()
