"""Facts for pages, as a year of flights could have left them; and a page as a reader finds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pandera.pandas as pa

from datasets.flights import DATASET as FLIGHTS
from esteira.contract import ApiSource, Append, Dataset
from esteira.lake import Part, Seal
from esteira.report import BatchFacts, CatalogueFacts, DatasetFacts, Sample, Stage
from esteira.warehouse import LedgerEntry

DAY = timedelta(days=1)
END = datetime(2014, 1, 2, tzinfo=UTC)
STAGE = Stage(END + timedelta(hours=6), datetime(2026, 11, 26, 12, tzinfo=UTC), "esteira-test-lake", "dw", "test")


@dataclass(frozen=True)
class Profile:
    """Stands for a ColumnProfile."""

    column: str
    rows: int
    nulls: int = 0
    distinct: int = 0
    minimum: str | None = None
    maximum: str | None = None
    mean: float | None = None
    quantiles: tuple[float, ...] = ()
    top_values: tuple[tuple[str, int], ...] = ()


def entry(number: int = 0, **changes: Any) -> LedgerEntry:
    """The batch of so many days before the last."""
    end = END - number * DAY
    values = {
        "batch_id": f"{end - DAY:%Y-%m-%d}-0a1b2c3d", "window_start": end - DAY, "window_end": end, "seal_hash": "a" * 64, "attempt": "0a1b2c3d",
        "extracted": 1_000 - number, "curated": 1_000 - number, "inserted": 900 - number, "unchanged": 100, "total_reported": 1_000 - number,
        "run": "flights 2014-01-02", "version": "0.1.0", "table_rows": 336_776 - number, "sequence": 40 - number,
        "committed_at": end + timedelta(hours=6, minutes=2),
    }  # fmt: skip
    return LedgerEntry(**(values | changes))


def seal(of: LedgerEntry, **changes: Any) -> Seal:
    part = Part(f"curated/flights/{of.batch_id}/0a1b2c3d/part-00001.parquet", 1_234_567, "b" * 64, of.curated)
    values = {
        "dataset": "flights",
        "batch": of.batch_id,
        "attempt": "0a1b2c3d",
        "parts": (part,),
        "extracted": of.extracted,
    }
    return Seal(**(values | {"curated": of.curated, "quarantined": of.quarantined} | changes))


def batch(of: LedgerEntry | None = None, **changes: Any) -> BatchFacts:
    one = of or entry()
    history = (*(entry(number) for number in range(12, 0, -1)), one)
    values = {
        "dataset": FLIGHTS,
        "entry": one,
        "history": history,
        "stage": STAGE,
        "raw": seal(one),
        "curated": seal(one),
    }
    return BatchFacts(**(values | changes))


def full() -> BatchFacts:
    """A batch with something in every section."""
    one = entry(
        extracted=336_776, curated=336_000, quarantined=776, inserted=335_000, updated=200, unchanged=700, stale=60, duplicate=40,
        total_reported=336_776, table_rows=336_100,
        warnings=("dest: 7602 rows name airports.faa that do not exist: BQN, PSE, SJU, STT.", "tailnum: 49582 rows name planes.tailnum that do not exist: N3ALAA."),
    )  # fmt: skip
    reasons = {
        "dep_delay: greater_than_or_equal_to(-120)": 700,
        "carrier: str_matches('^[A-Z0-9]{2}$')": 70,
        "*: arrives after it departs": 16,
    }
    samples = (
        Sample("carrier: str_matches('^[A-Z0-9]{2}$')", "page 3, record 17", "ú"),
        Sample("dep_delay: greater_than_or_equal_to(-120)", "page 1, record 2", "-9999"),
        Sample("*: arrives after it departs", "page 9, record 100", ""),
    )
    curated = seal(
        one, reasons=reasons, quarantine=(Part("quarantine/flights/x/part-00001.parquet", 9_000, "c" * 64, 786),)
    )
    nulls = {"dep_delay": tuple(0.02 + 0.001 * number for number in range(12)), "tailnum": (0.001,) * 12}
    return batch(
        one,
        curated=curated,
        samples=samples,
        profiles=profiles(one.curated),
        past_nulls=nulls,
        children=("connections",),
    )


def profiles(rows: int) -> tuple[Profile, ...]:
    """One for each column of the flights."""
    made = []
    for at, column in enumerate(FLIGHTS.columns):
        if column.is_text:
            top = tuple((text, rows // (at % 3 + 2) // number) for number, text in enumerate(("UA", "B6", "EV"), 1))
            made.append(Profile(column.name, rows, at * 10, 16, "9E", "YV", None, (), top))
        elif column.name == "time_hour":
            start = datetime(2013, 1, 1, tzinfo=UTC).timestamp()
            made.append(
                Profile(column.name, rows, 0, 6_936, quantiles=tuple(start + 3_153_600.0 * step for step in range(11)))
            )
        else:
            steps = (-43.0, -8.0, -6.0, -5.0, -3.0, -2.0, 0.0, 4.0, 14.0, 49.0, 1_301.0)
            made.append(
                Profile(column.name, rows, 8_255 if column.is_nullable else 0, 527, "-43", "1301", 12.639, steps)
            )
    return tuple(made)


def wide(columns: int) -> BatchFacts:
    """Flights with more columns than anybody reads."""
    names = {f"measure_{number:03}": pd.Float64Dtype for number in range(columns)}
    fields = {name: pa.Field(nullable=True, description="A measure") for name in names}
    model = type("Wide", (pa.DataFrameModel,), {"__annotations__": names, "__doc__": "Wide.", **fields})
    dataset = Dataset(name="wide", source=ApiSource(portal="p", path="/wide"), schema=model, write=Append())
    steps = tuple(float(number) for number in range(11))
    found = tuple(Profile(name, 1_000, 3, 900, "0.0", "10.0", 5.0, steps) for name in names)
    return batch(dataset=dataset, profiles=found)


def catalogue(*datasets: DatasetFacts) -> CatalogueFacts:
    return CatalogueFacts(datasets or (flights(),), STAGE)


def flights(**changes: Any) -> DatasetFacts:
    values = {
        "dataset": FLIGHTS,
        "rows": 336_776,
        "watermark": END,
        "history": tuple(entry(number) for number in range(12, -1, -1)),
    }
    return DatasetFacts(**(values | changes))


class Reader(HTMLParser):
    """A page as a person finds it: what is written in one language, and what a browser would run or fetch.

    Args:
        language: `pt-BR` or `en`; elements of the other are left out.
    """

    def __init__(self, language: str) -> None:
        super().__init__(convert_charrefs=True)
        self._language = language
        self._open: list[tuple[str, bool]] = []
        self.scripts: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.ids: list[str] = []
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.addresses += [found[name] or "" for name in ("href", "src", "action", "xlink:href") if name in found]
        self.handlers += [name for name in found if name.startswith("on")]
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag in {"meta", "link", "input", "br", "hr", "path"}:
            return
        other = tag == "span" and found.get("lang") not in {None, self._language}
        self._open.append((tag, other or tag in {"style", "script"} or any(hidden for _, hidden in self._open)))
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "script":
            self.scripts[-1] += data
        elif not (self._open and self._open[-1][1]):
            self._words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self._words)).strip()


def read(page: bytes, language: str = "en") -> Reader:
    reader = Reader(language)
    reader.feed(page.decode())
    reader.close()
    return reader
