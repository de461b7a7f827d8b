"""A snapshot that has not changed, children of its rows, and a cursor that is a number, over days and from the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

_BLOCK = """
import sys
from blocks import PortalBlock
from cli.stack import prepare_prefect
prepare_prefect()
PortalBlock(base_url=sys.argv[1], allow_private_hosts=True).save("portal-of-cursors", overwrite=True)
"""
_CONTRACT = '''"""{text}"""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pyarrow import decimal128

from esteira.contract import ApiSource, Dataset, Incremental, Parent, Quality, Replace, Timestamp, Upsert


class Row(pa.DataFrameModel):
    """{text}"""

{columns}


DATASET = Dataset(name="{name}", source=ApiSource(portal="portal-of-cursors", {source}), schema=Row, write={write})
'''
_COLUMNS = {
    "id": "pd.Int64Dtype", "land": "pd.Int64Dtype", "code": "pd.StringDtype", "at": "Timestamp",
    "amount": "Annotated[pd.ArrowDtype, decimal128(18, 2)]",
}  # fmt: skip
CONTRACTS = {
    "exact": (["id", "code", "at", "amount"], 'path="/exact"', 'Upsert(key="id"), quality=Quality(max_quarantine_ratio=0.5)'),
    "lands": (["id"], 'path="/lands", skip_unchanged=True', 'Upsert(key="id")'),
    "towns": (["id", "land"], 'path="/lands/{parent.id}/towns", parent=Parent("lands", columns={"land": "id"})', "Replace()"),
    "events": (["id"], 'path="/events", incremental=Incremental("id", "since", initial=0)', 'Upsert(key="id")'),
}  # fmt: skip


EXACT = b"""[
    {"id": 9007199254740993, "code": "007", "at": "2018-02-17T23:30:00-02:00", "amount": 1234567890123456.78},
    {"id": -9223372036854775808, "code": "NA", "at": "2018-02-17T23:30:00-03:00", "amount": "-0.10"},
    {"id": 3, "code": "", "at": "2018-02-17T23:30:00Z", "amount": null},
    {"id": 4, "code": null, "at": null, "amount": 9999999999999999.99},
    {"id": 9223372036854775808, "code": "5", "at": null, "amount": 0},
    {"id": 6, "code": "6", "at": null, "amount": 0.001}
]"""


class _Portal(BaseHTTPRequestHandler):
    asked: list[tuple[str, str | None]]
    lands: list[int]
    events: list[int]

    def do_GET(self) -> None:
        parts, etag = urlsplit(self.path), f'"{self.lands}"'
        known = self.headers.get("If-None-Match")
        self.asked.append((self.path, known))
        if parts.path == "/lands" and known == etag:
            self.send_response(304)
            self.end_headers()
            return
        since = int(parse_qs(parts.query).get("since", ["0"])[0])
        rows = {"/lands": self.lands, "/events": [each for each in self.events if each >= since]}.get(
            parts.path, [1, 2]
        )
        body = EXACT if parts.path == "/exact" else json.dumps([{"id": row} for row in rows]).encode()
        self.send_response(200)
        self.send_header("ETag", etag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def portal(world: Any) -> Iterator[type[_Portal]]:
    answers = type("Answers", (_Portal,), {"asked": [], "lands": [10, 20], "events": [3, 5, 11]})
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    prepared = world.python(_BLOCK, f"http://127.0.0.1:{server.server_port}")
    assert prepared.code == 0, prepared.err
    yield answers
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cursors")
    for name, (columns, source, write) in CONTRACTS.items():
        rules = {
            name: f'pa.Field(nullable={name not in {"id", "land"}}, description="Of the test")' for name in columns
        }
        fields = "\n".join(f"    {name}: {_COLUMNS[name]} = {rules[name]}" for name in columns)
        text = _CONTRACT.format(name=name, text=f"{name.title()}.", columns=fields, source=source, write=write)
        (folder / f"{name}.py").write_text(text)
    return folder


@pytest.fixture(scope="module")
def story(world: Any, portal: type[_Portal], folder: Path, tmp_path_factory: Any) -> list[Any]:
    """Three days: a first one, one on which only an event is new, and one after the first was taken out again."""
    told = []
    with world.warm(tmp_path_factory.mktemp("warm")) as line:

        def act(*command: str) -> None:
            told.append(line.esteira(*command, "--datasets", str(folder)))
            assert told[-1].code == 0, told[-1].err

        act("ingest", "--all", "--as-of", "2014-01-02T06:00Z", "--json")
        portal.events = [*portal.events, 12]
        act("ingest", "--all", "--as-of", "2014-01-03T06:00Z", "--json")
        act("status", "lands")
        (first,) = (batch["batch"] for each in told[0].facts if each["dataset"] == "lands" for batch in each["batches"])
        act("undo", first, "--reason", "a test")
        act("ingest", "--all", "--as-of", "2014-01-04T06:00Z", "--json")
    return told


def ledger(world: Any, name: str, columns: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = world.query(f"SELECT {columns} FROM esteira_ledger.{name} ORDER BY sequence")
    return found


def test_a_day_without_a_change_is_a_ledger_row_and_after_an_undo_all_is_asked_for_again(
    world: Any, portal: type[_Portal], story: list[Any]
):
    states = [("committed", 2), ("unchanged", 0), ("undone", 0), ("committed", 2)]
    assert ledger(world, "lands", "state, curated") == states
    assert [known for path, known in portal.asked if path == "/lands"] == [None, '"[10, 20]"', None]
    assert world.query("SELECT id FROM dw.lands ORDER BY id") == [(10,), (20,)]


def test_the_status_shows_that_nothing_has_changed_and_counts_it_as_fresh(story: list[Any]):
    lines = story[2].out.splitlines()
    assert any("2014-01-03" in line and "unchanged" in line for line in lines)
    assert any(line.startswith("lands") and "2014-01-04 00:00Z" in line for line in lines)


def test_the_children_are_those_of_the_parents_rows_also_on_a_day_without_a_change(
    world: Any, portal: type[_Portal], story: list[Any]
):
    assert ledger(world, "towns", "state, curated") == [("committed", 4)] * 3
    assert world.query("SELECT land, id FROM dw.towns ORDER BY land, id") == [(10, 1), (10, 2), (20, 1), (20, 2)]
    assert [path for path, _ in portal.asked if "towns" in path] == ["/lands/10/towns", "/lands/20/towns"] * 3


def test_a_number_goes_on_where_the_ledger_says(world: Any, portal: type[_Portal], story: list[Any]):
    assert [path for path, _ in portal.asked if "events" in path] == [f"/events?since={since}" for since in (0, 11, 12)]
    values = [("0", "11", 3, 0), ("11", "12", 1, 1), ("12", "12", 0, 1)]
    assert ledger(world, "events", "cursor_start, cursor_end, inserted, unchanged") == values
    assert world.query("SELECT id FROM dw.events ORDER BY id") == [(3,), (5,), (11,), (12,)]


@pytest.mark.fault(19)
@pytest.mark.fault(25)
def test_what_arrives_is_what_lands_in_the_table_and_what_does_not_fit_is_in_quarantine(world: Any, story: list[Any]):
    query = "SELECT id, code, at AT TIME ZONE 'UTC', CAST(amount AS VARCHAR(40)) FROM dw.exact ORDER BY id"
    assert [(*row[:2], str(row[2])[:19], row[3]) for row in world.query(query)] == [
        (-(2**63), "NA", "2018-02-18 02:30:00", "-0.10"),
        (3, "", "2018-02-17 23:30:00", None),
        (4, None, "None", "9999999999999999.99"),
        (2**53 + 1, "007", "2018-02-18 01:30:00", "1234567890123456.78"),
    ]
    assert ledger(world, "exact", "extracted, curated, quarantined")[0] == (6, 4, 2)
