"""Somebody who reads a page beside a running stack, types what it says, and edits the files that it says to edit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import openpyxl

from tests.conventions.sources import ROOT
from tests.docs import shell
from tests.docs.blocks import Block, blocks, shown_behind
from tests.main_job.world import Result, Warm

PLACEHOLDERS = {"DATASET": "flights", "NAME": "flights"}
"""Where a page leaves a name to its reader."""


@dataclass(frozen=True)
class Typed:
    """One command of ours in a page.

    Attributes:
        page: Where it stands.
        line: Of its block's fence.
        env: What it sets for itself.
        words: The command without the program's name.
        shown: What the page shows as the block's output; empty where it shows none.
    """

    page: str
    line: int
    env: Mapping[str, str]
    words: tuple[str, ...]
    shown: str

    @property
    def command(self) -> str:
        """As a line, for messages and exemptions."""
        return " ".join((*(f"{name}={value}" for name, value in self.env.items()), *self.words))

    @property
    def headers(self) -> list[list[str]]:
        """The columns of each table that is shown."""
        lines = self.shown.splitlines()
        rules = [number for number, line in enumerate(lines) if number and re.fullmatch(r"[─ ]*─[─ ]*", line)]
        return [lines[number - 1].split() for number in rules]


class Reader:
    """At work in a folder of its own.

    Args:
        folder: Gets a copy of the contracts and their fixtures.
        command_line: What runs the commands there.
    """

    def __init__(self, folder: Path, command_line: Warm) -> None:
        self.folder, self._command_line = folder, command_line

    def types(self, command: Typed) -> Result:
        """Follow the page up to this command, and run it."""
        for begin, prepare in BEFORE.get(command.page, ()):
            if command.command.startswith(begin):
                prepare(self)
        return self.runs(*(PLACEHOLDERS.get(word, word) for word in command.words), env=command.env)

    def runs(self, *words: str, env: Mapping[str, str] | None = None) -> Result:
        return self._command_line.esteira(*words, env=env)


def copied(folder: Path) -> Path:
    """A folder as a checkout has it, for pages that write contracts."""
    hidden = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "datasets", folder / "datasets", ignore=hidden)
    shutil.copytree(ROOT / "tests" / "fixtures", folder / "tests" / "fixtures", ignore=hidden)
    return folder


def commands_of(page: str) -> list[Typed]:
    """What the page says to type, of our own commands, in its order."""
    return [
        Typed(page, block.line, env, words, _shown(block))
        for block in blocks()
        if block.page == page and block.language in {"sh", "console"}
        for env, words in _ours(block)
    ]


def pages_with_commands() -> list[str]:
    """Of the English pages; a twin has the same blocks, which a test of twins holds."""
    named = {each.page for each in blocks() if not each.page.endswith(".pt.md")}
    return sorted(page for page in named if commands_of(page))


def _ours(block: Block) -> Iterator[tuple[dict[str, str], tuple[str, ...]]]:
    """What each of our commands sets, and its words behind the program's name."""
    for sets, words in map(shell.parted, shell.commands(shell.script(block))):
        if words[:1] in (["esteira"], [".venv/bin/esteira"]):
            yield sets, tuple(words[1:])


def _shown(block: Block) -> str:
    if block.language == "console":
        return "\n".join(line for line in block.text.splitlines() if not line.startswith("$ "))
    return shown_behind(block)


def _give_departures_windows(reader: Reader) -> None:
    """Chapter 6 of the first dataset: its three blocks go where the page says."""
    imports, source, dataset = (
        each.text
        for each in blocks()
        if each.page == "docs/howto/first-dataset.md" and each.language == "python" and "class " not in each.text
    )
    file = reader.folder / "datasets" / "departures.py"
    text = re.sub(r"^from esteira\.contract import .*$", imports.strip(), file.read_text(), count=1, flags=re.MULTILINE)
    text = re.sub(r"^ *paginator=.*$", source.rstrip(), text, count=1, flags=re.MULTILINE)
    file.write_text(_with_arguments(text, dataset))


def _write_workbook(reader: Reader, *, amount: float | str = "a confirmar") -> None:
    """As the first spreadsheet's page describes it: a title, an empty row, a header, eight shops, a total, and D7."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    sheet.title = "Vendas"
    sheet.append(["Vendas de março de 2024"])
    sheet.append([])
    sheet.append(["Código", "Loja", "Data", "Valor (R$)"])
    for number in range(1, 9):
        value = amount if number == 4 else 1234.5 * number
        sheet.append([f"{number:03d}", f"Loja {number}", date(2024, 3, number), value])
    sheet.append(["Total", None, None, 44442.0])
    book.save(reader.folder / "vendas 2024-03.xlsx")


def _correct_workbook(reader: Reader) -> None:
    if (reader.folder / "refused.csv").exists():
        _write_workbook(reader, amount=4938.0)


def _correct_sales(reader: Reader) -> None:
    """Chapter 2 of the first spreadsheet."""
    (block,) = (
        each.text for each in blocks() if each.page == "docs/howto/first-spreadsheet.md" and each.language == "python"
    )
    (column,) = re.findall(r"^    valor_r: .*$", block, re.MULTILINE)
    file = reader.folder / "datasets" / "sales.py"
    text = re.sub(r"^    valor_r: .*$", column, file.read_text(), count=1, flags=re.MULTILINE)
    file.write_text(_with_arguments(text, block))


def _with_arguments(text: str, block: str) -> str:
    """The draft with the arguments that the page's `DATASET = Dataset(…)` shows in place of its own."""
    for name, value in re.findall(r"^    (write|quality)=(.*),$", block, re.MULTILINE):
        text = re.sub(rf"^    {name}=.*,$", f"    {name}={value},", text, count=1, flags=re.MULTILINE)
    return text


def _write_carriers(reader: Reader) -> None:
    """A contract of the reader's own: the airlines by another name."""
    tables, folder = reader.folder / "tables", reader.folder
    (tables / "datasets").mkdir(parents=True)
    text = (folder / "datasets" / "airlines.py").read_text()
    (tables / "datasets" / "carriers.py").write_text(text.replace('name="airlines"', 'name="carriers"'))
    shutil.copytree(folder / "tests" / "fixtures" / "airlines", tables / "tests" / "fixtures" / "carriers")


def _have_planes_refused(reader: Reader) -> None:
    """Load by the rules that the page's output names."""
    file = reader.folder / "datasets" / "planes.py"
    text = file.read_text().replace("ge=1900", "ge=2000").replace("le=1_000", "le=100")
    file.write_text(text.replace("max_quarantine_ratio=0.01", "max_quarantine_ratio=1.0"))
    loaded = reader.runs("ingest", "planes", "--as-of", "2014-01-03")
    assert loaded.code == 0, loaded.err


def _mend_planes(reader: Reader) -> None:
    shutil.copy(ROOT / "datasets" / "planes.py", reader.folder / "datasets")


BEFORE: dict[str, tuple[tuple[str, Callable[[Reader], None]], ...]] = {
    "docs/howto/first-dataset.md": (("preview departures --rows 2", _give_departures_windows),),
    "docs/howto/first-spreadsheet.md": (
        ("new sales", _write_workbook),
        ("preview sales", _correct_sales),
        ("drop", _correct_workbook),
    ),
    "docs/howto/own-contracts.md": (("preview carriers", _write_carriers),),
    "docs/howto/replay.md": (
        ("quarantine planes --samples", _have_planes_refused),
        ("quarantine planes --replay --dry-run", _mend_planes),
    ),
}
"""What a page has its reader do before a command: files to edit, or how the state came about that it shows."""
