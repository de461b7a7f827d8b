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
        is_peer: It gets the peers' environment.
        is_slow: Left out of a quick run.
    """

    name: str
    label: str
    measures: tuple[str, ...]
    command: Callable[[Place, Input], list[str]]
    count: Callable[[Place, Facts], dict[str, int]]
    is_peer: bool = False
    is_slow: bool = False


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


ALL = (
    Contestant("limit", "fetch and parse only", ("parse",), _limit, _told),
    Contestant("esteira", "Esteira", ("parquet", "warehouse"), ours("--load"), count_ours),
    Contestant("dlt-parquet", "dlt", ("parquet",), _peer("dlt", "dlt_rest.py", "s3"), _in_bucket, is_peer=True),
    Contestant(
        "dlt-postgres", "dlt", ("warehouse",), _peer("dlt", "dlt_rest.py", "parquet"), _in_postgres, is_peer=True
    ),
    Contestant("plain", "pandas + awswrangler", ("parquet",), _peer("plain", "plain.py"), _in_bucket, is_peer=True),
    Contestant(
        "singer",
        "Singer (Meltano SDK)",
        ("warehouse",),
        _peer("singer", "singer.py"),
        _in_postgres,
        is_peer=True,
        is_slow=True,
    ),
)
