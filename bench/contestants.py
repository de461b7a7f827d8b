"""Who takes part: the command of each, and where to count what it wrote."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.counting import parquet_rows, table_rows
from bench.place import PEER_BUCKET, Place
from bench.venvs import LOCKS, python_of

Facts = dict[str, Any]


@dataclass(frozen=True)
class Input:
    """What is read: a set of records, its page size, and how often it is repeated."""

    rows: str = "flights"
    size: int = 10_000
    factor: int = 1


@dataclass(frozen=True)
class Contestant:
    """One process to measure.

    Attributes:
        name: Key in the results.
        label: For people.
        measures: Stretches of its clock that count, by the key in its facts.
        command: What to run for an input.
        count: The rows that it wrote, by goal; None where nothing is written.
        venv: Name of a peer's environment, which is installed for it; None for us.
        is_extra: Left out of a quick run.
    """

    name: str
    label: str
    measures: tuple[str, ...]
    command: Callable[[Place, Input], list[str]]
    count: Callable[[Place, Facts], dict[str, int]]
    venv: str | None = None
    is_extra: bool = False


def _limit(place: Place, what: Input) -> list[str]:
    return [
        sys.executable,
        "-m",
        "bench.limit",
        "--url",
        place.replay_url(what.rows, size=what.size, factor=what.factor),
    ]


def ours(*options: str) -> Callable[[Place, Input], list[str]]:
    """Our path, with options of `bench.ours`."""

    def command(place: Place, what: Input) -> list[str]:
        where = ["--url", place.replay_url(what.rows), "--rows", what.rows]
        return [
            sys.executable,
            "-m",
            "bench.ours",
            *where,
            "--size",
            str(what.size),
            "--factor",
            str(what.factor),
            *options,
        ]

    return command


def _peer(venv: str, script: str, *options: str) -> Callable[[Place, Input], list[str]]:
    return lambda _place, _input: [str(python_of(venv)), str(Path(LOCKS) / script), *options]


def _told(_place: Place, facts: Facts) -> dict[str, int]:
    return {"parse": facts["rows"]}


def count_ours(place: Place, facts: Facts) -> dict[str, int]:
    """Curated Parquet, and the table if it was loaded."""
    name = facts["dataset"]
    found = {"parquet": parquet_rows(place, place.stack.env["ESTEIRA_LAKE_BUCKET"], f"curated/{name}/")}
    return found | ({"warehouse": table_rows(place, f"dw.{name}")} if "warehouse" in facts["seconds"] else {})


def _in_bucket(place: Place, facts: Facts) -> dict[str, int]:
    return {"parquet": parquet_rows(place, PEER_BUCKET, f"{facts['run']}/")}


def _in_postgres(place: Place, facts: Facts) -> dict[str, int]:
    return {"warehouse": table_rows(place, f"{facts['run']}.flights")}


_DLT_S3, _DLT_POSTGRES = _peer("dlt", "dlt_rest.py", "s3"), _peer("dlt", "dlt_rest.py", "parquet")
_ARROW_S3, _ARROW_POSTGRES = _peer("dlt", "dlt_arrow.py", "s3"), _peer("dlt", "dlt_arrow.py", "parquet")
_PLAIN, _SINGER = _peer("plain", "plain.py"), _peer("singer", "singer.py")
ALL = (
    Contestant("limit", "fetch and parse only", ("parse",), _limit, _told),
    Contestant("esteira", "Esteira", ("parquet", "warehouse"), ours("--load"), count_ours),
    Contestant("dlt-parquet", "dlt", ("parquet",), _DLT_S3, _in_bucket, "dlt"),
    Contestant("dlt-postgres", "dlt", ("warehouse",), _DLT_POSTGRES, _in_postgres, "dlt"),
    Contestant("arrow-parquet", "dlt, Arrow by hand", ("parquet",), _ARROW_S3, _in_bucket, "dlt", is_extra=True),
    Contestant(
        "arrow-postgres", "dlt, Arrow by hand", ("warehouse",), _ARROW_POSTGRES, _in_postgres, "dlt", is_extra=True
    ),
    Contestant("plain", "pandas + awswrangler", ("parquet",), _PLAIN, _in_bucket, "plain"),
    Contestant("singer", "Singer (Meltano SDK)", ("warehouse",), _SINGER, _in_postgres, "singer", is_extra=True),
)
