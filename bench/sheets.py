"""How fast files are read, with every check on, beside the readers of others: `python -m bench.sheets`.

1. Delimited text, as each locale prints it, against Arrow's own reader: `read_csv` with its threads and its guesses, which holds the whole
   file, and `open_csv`, which streams it as we do.
2. Workbooks against openpyxl with pandas: one that a search through its bytes clears, and one with errors in it, which expat reads a second time.
3. With `--memory`, the peak of a process that only reads a workbook of a million rows, and one that reads a gigabyte of text.

All take turns, so that a noisy minute strikes each of them; a ratio is the median of the turns' ratios. Times of other machines mean nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pandera.pandas as pa
import pyarrow.csv as pacsv

from esteira.contract import Append, Dataset, Date, Lineage, SpreadsheetSource, Timestamp
from esteira.spreadsheet.reading import read_pieces

TURNS, BOOK_TURNS = 9, 3
HEADER = (
    "Código",
    "Dia",
    "Produto",
    "Quantidade",
    "Valor (R$)",
    "Desconto",
    "Região",
    "Momento",
    "Total",
    "Observação",
)
DELIMITERS = {"iso": ",", "en-US": ",", "pt-BR": ";"}
_DAYS = {"iso": "%Y-%m-%d", "en-US": "%m/%d/%Y", "pt-BR": "%d/%m/%Y"}
_GROUPED = {"iso": "", "en-US": "", "pt-BR": ","}
"""The tables of en-US are written as programs write them, those of pt-BR as offices do: `1.234.567,89`."""
_BIG_TEXT_ROWS, _BIG_BOOK_ROWS = 12_000_000, 1_000_000

Facts = dict[str, Any]


class Sale(pa.DataFrameModel):
    """A row as an office writes it."""

    codigo: pd.StringDtype
    dia: Date
    produto: pd.StringDtype
    quantidade: pd.Int64Dtype
    valor: pd.Float64Dtype
    desconto: pd.Float64Dtype = pa.Field(nullable=True)
    regiao: pd.StringDtype
    momento: Timestamp
    total: pd.Float64Dtype
    observacao: pd.StringDtype = pa.Field(nullable=True)
    linha: pd.Int64Dtype


def main() -> None:
    """Measure, and print one JSON object after the lines for people."""
    parser = argparse.ArgumentParser(prog="python -m bench.sheets")
    parser.add_argument("--rows", type=int, default=300_000, help="of delimited text")
    parser.add_argument("--book-rows", type=int, default=50_000, help="of the workbooks; 0 leaves them out")
    parser.add_argument(
        "--memory", action="store_true", help="also a million rows of xlsx and a gigabyte of text (minutes)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    facts: Facts = {"machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        facts |= {locale: _text(Path(folder), locale, options.rows) for locale in DELIMITERS}
        if options.book_rows:
            facts |= {kind: _book(Path(folder), kind, options.book_rows) for kind in ("cleared", "errors")}
        if options.memory:
            facts |= _memory(Path(folder))
    text = json.dumps(facts, indent=2)
    print(text)
    if options.json:
        options.json.write_text(f"{text}\n")


def contract(locale: str) -> Dataset:
    """With a footer, nulls, codes and lineage, as a contract of an office's table has them."""
    source = SpreadsheetSource(
        columns={"Valor (R$)": "valor"}, locale=locale, footer=("Total*",), nulls=("-", "..."), codes={"codigo": 7},
        lineage=Lineage(row="linha"),
    )  # fmt: skip
    return Dataset(name="bench_sheets", source=source, schema=Sale, write=Append())


def _text(folder: Path, locale: str, rows: int) -> Facts:
    path = folder / f"{locale}.csv"
    write_text(path, locale, rows)
    parse = pacsv.ParseOptions(delimiter=DELIMITERS[locale])
    contestants: dict[str, Callable[[], int]] = {
        "ours": lambda: _read(path, contract(locale)),
        "read_csv": lambda: int(pacsv.read_csv(path, parse_options=parse).num_rows),
        "open_csv": lambda: sum(int(batch.num_rows) for batch in pacsv.open_csv(path, parse_options=parse)),
    }
    return _measured(f"{locale}.csv", contestants, rows, path.stat().st_size, TURNS)


def _book(folder: Path, kind: str, rows: int) -> Facts:
    path = folder / f"{kind}.xlsx"
    write_book(path, rows, with_errors=kind == "errors")
    contestants: dict[str, Callable[[], int]] = {
        "ours": lambda: _read(path, contract("pt-BR")),
        "openpyxl": lambda: len(pd.read_excel(path, engine="openpyxl")) - 1,
    }
    return _measured(f"{kind}.xlsx", contestants, rows, path.stat().st_size, BOOK_TURNS)


def _read(path: Path, dataset: Dataset) -> int:
    return sum(len(piece.rows) for piece in read_pieces(path, path.name, dataset))


def _measured(name: str, contestants: dict[str, Callable[[], int]], rows: int, size: int, turns: int) -> Facts:
    """Seconds of each, and how many times as fast as each of the others ours is; who loses a row has no time."""
    taken: dict[str, list[tuple[float, float]]] = {one: [] for one in contestants}
    for _ in range(turns + 1):
        for one, read in contestants.items():
            began, used = time.perf_counter(), time.process_time()
            found = read()
            taken[one].append((time.perf_counter() - began, time.process_time() - used))
            if found != rows:
                raise SystemExit(f"{one} read {found} of {rows} rows of {name}")
    facts: Facts = {"mb": round(size / 1e6, 1)}
    for one, each in taken.items():
        del each[0]  # the first turn warms caches
        facts[one] = [round(statistics.median(column), 3) for column in zip(*each, strict=True)]
    facts |= {f"times_{one}": _ratios(taken[one], taken["ours"]) for one in contestants if one != "ours"}
    print(f"{name}: {facts}", flush=True)
    return facts


def _ratios(theirs: list[tuple[float, float]], ours: list[tuple[float, float]]) -> Facts:
    """Of the clock's seconds, and of the processors': on a busy machine only the second say anything."""
    clock, cpu = ([a[which] / b[which] for a, b in zip(theirs, ours, strict=True)] for which in (0, 1))
    return {
        "clock": round(statistics.median(clock), 2),
        "range": [round(min(clock), 2), round(max(clock), 2)],
        "cpu": round(statistics.median(cpu), 2),
    }


def write_text(path: Path, locale: str, rows: int) -> None:
    """A table of delimited text; without a footer, which Arrow would take for a row."""
    delimiter = DELIMITERS[locale]
    with path.open("w", encoding="utf-8") as file:
        file.write(delimiter.join(HEADER) + "\n")
        file.writelines(delimiter.join(_printed(row, locale)) + "\n" for row in _sales(rows))


def write_book(path: Path, rows: int, *, with_errors: bool) -> None:
    """A workbook with a footer; one row of a thousand has an error in a column that may be empty."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Plan1")
    sheet.append(HEADER)
    for number, row in enumerate(_sales(rows)):
        broken = {5: "#REF!"} if with_errors and number % 1000 == 0 else {}
        sheet.append([broken.get(column, cell) for column, cell in enumerate(row)])
    sheet.append(["Total"])
    book.save(path)


def _sales(rows: int) -> Iterator[tuple[Any, ...]]:
    draw = random.Random(1)
    first = datetime(2017, 1, 1)  # noqa: DTZ001 - of the printing clock
    for number in range(rows):
        count, value = draw.randrange(1000), draw.randrange(10**7) / 100
        moment = first + timedelta(seconds=draw.randrange(3000 * 86_400))
        yield (
            f"{number:07}", moment.date(), f"Caneta {count}", count, value, draw.randrange(10**4) / 10**4, "SP", moment,
            round(count * value, 2), None if number % 4 else "nota de observação",
        )  # fmt: skip


def _printed(row: tuple[Any, ...], locale: str) -> list[str]:
    code, day, product, count, value, discount, region, moment, total, note = row
    numbers: tuple[str, ...] = (f"{value:{_GROUPED[locale]}.2f}", f"{discount:.4f}", f"{total:{_GROUPED[locale]}.2f}")
    if locale == "pt-BR":
        numbers = tuple(each.translate(str.maketrans(",.", ".,")) for each in numbers)
    shown = day.strftime(_DAYS[locale])
    return [
        code,
        shown,
        product,
        str(count),
        *numbers[:2],
        region,
        f"{shown} {moment:%H:%M:%S}",
        numbers[2],
        note or "",
    ]


def _memory(folder: Path) -> Facts:
    """Highest resident memory of a new process that does nothing else; that of the imports is part of it."""
    text, book = folder / "big.csv", folder / "big.xlsx"
    write_text(text, "pt-BR", _BIG_TEXT_ROWS)
    facts = {"big_csv": _in_process(text)}
    text.unlink()
    write_book(book, _BIG_BOOK_ROWS, with_errors=False)
    return facts | {"big_xlsx": _in_process(book)}


def _in_process(path: Path) -> Facts:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        facts: Facts = pool.apply(_peak, (path,))
    print(f"{path.name}: {facts}", flush=True)
    return facts


def _peak(path: Path) -> Facts:
    dataset, began = contract("pt-BR"), time.perf_counter()
    rows = _read(path, dataset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "rows": rows,
        "mb": round(path.stat().st_size / 1e6),
        "seconds": round(time.perf_counter() - began, 1),
        "peak_mb": peak // 1024,
    }


if __name__ == "__main__":
    main()
