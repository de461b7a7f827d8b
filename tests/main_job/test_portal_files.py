"""Files that a portal serves: those of a listing that are new, and the one at a fixed address; each loaded once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.main_job.dropped import Office, batches, contract, sales

_BLOCK = """
import sys
from blocks import PortalBlock
PortalBlock(allow_private_hosts=True, base_url=sys.argv[1], backoff_base_seconds=0.01, max_attempts=2).save("file-portal", overwrite=True)
"""
LISTING = 'match="*.csv", origin=Listing(endpoint=ApiSource(portal="file-portal", path="/list.json", records="files"), link="url", changed="date")'
FIXED = 'match="*.csv", origin=Download(portal="file-portal", path="/now/report.csv")'


@dataclass
class Shelf:
    """What the portal serves now, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    listed: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def put(self, name: str, content: bytes, date: str) -> None:
        self.files[f"/files/{name}"] = content
        self.listed = [each for each in self.listed if each["url"] != f"/files/{name}"]
        self.listed.append({"url": f"/files/{name}", "date": date})

    def downloads(self) -> list[str]:
        found = [path for path in self.asked if path != "/list.json"]
        self.asked.clear()
        return found


@pytest.fixture(scope="module")
def shelf(world: Any) -> Iterator[Shelf]:
    state = Shelf()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path)
            state.asked.append(path)
            body = json.dumps({"files": state.listed}).encode() if path == "/list.json" else state.files.get(path)
            tag = f'"{hashlib.sha256(body or b"").hexdigest()[:8]}"'
            status = 404 if body is None else 304 if self.headers.get("If-None-Match") == tag else 200
            content = body if status == 200 and body else b""
            self.send_response(status)
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    prepared = world.python(_BLOCK, state.url)
    assert prepared.code == 0, prepared.err
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("served")
    contract(made, "file_listed", LISTING, write='Upsert(key="code")')
    contract(made, "file_killed", LISTING)
    contract(made, "file_redated", LISTING, write='Upsert(key="code")')
    contract(made, "file_chosen", LISTING)
    contract(made, "file_shown", LISTING, write="Replace()")
    contract(made, "file_fixed", FIXED, write="Replace()")
    return made


@pytest.fixture(scope="module")
def ingest(world: Any, folder: Path) -> Any:
    def run(name: str, *more: str, **env: str) -> Any:
        return world.esteira("ingest", name, "--datasets", str(folder), "--json", *more, env=env)

    return run


def test_the_new_files_of_a_listing_are_loaded_once_in_the_order_of_their_dates(
    world: Any, shelf: Shelf, ingest: Any, folder: Path
):
    office = Office(world)
    shelf.put("b second.csv", sales({"a": "2,00"}), "2024-02-01T00:00:00Z")
    shelf.put("z first.csv", sales({"a": "1,00", "b": "1,00"}), "2024-01-01T00:00:00Z")
    shelf.put("notes.txt", b"not for us", "2024-01-01T00:00:00Z")
    seen = world.esteira("preview", "file_listed", "--datasets", str(folder))
    assert (seen.code, "b second.csv, 21 bytes, the newest of 2 that fit among 3 listed, from " in seen.out) == (
        0,
        True,
    ), seen
    shelf.downloads()
    assert len(batches(ingest("file_listed"))) == 2
    assert office.table("file_listed") == [("a", 2.0), ("b", 1.0)]
    assert sorted(shelf.downloads()) == ["/files/b second.csv", "/files/z first.csv"]
    assert batches(ingest("file_listed")) == []
    assert shelf.downloads() == []
    shelf.put("z first.csv", sales({"a": "9,00", "b": "9,00"}), "2024-01-15T00:00:00Z")
    assert len(batches(ingest("file_listed"))) == 1
    assert office.table("file_listed") == [("a", 2.0), ("b", 9.0)]
    shelf.listed.append({"url": "/files/gone.csv", "date": "2024-03-01"})
    shelf.put("c.csv", sales({"c": "3,00"}), "2024-04-01T00:00:00Z")
    dead = ingest("file_listed")
    assert (dead.code, "File gone.csv" in dead.err, "404" in dead.err) == (65, True, True), dead
    assert office.table("file_listed")[-1] == ("c", 3.0)
    shelf.listed.clear()


@pytest.mark.long
def test_a_listed_file_with_another_date_and_the_same_bytes_is_downloaded_once_more(
    world: Any, shelf: Shelf, ingest: Any
):
    first, second = sales({"a": "1,00"}), sales({"a": "2,00", "b": "2,00"})
    shelf.listed.clear()
    shelf.put("1.csv", first, "2024-01-01")
    shelf.put("2.csv", second, "2024-02-01")
    assert len(batches(ingest("file_redated"))) == 2
    shelf.downloads()
    shelf.put("1.csv", first, "2024-03-01")
    assert [each["is_new"] for each in batches(ingest("file_redated"))] == [False]
    assert shelf.downloads() == ["/files/1.csv"]
    assert batches(ingest("file_redated")) == []
    assert shelf.downloads() == []
    assert Office(world).table("file_redated") == [("a", 2.0), ("b", 2.0)]


@pytest.mark.long
def test_a_listing_whose_newest_file_is_not_the_one_that_the_table_shows_is_told(world: Any, shelf: Shelf, ingest: Any):
    first, second = sales({"a": "1,00"}), sales({"a": "2,00"})
    shelf.listed.clear()
    shelf.put("1.csv", first, "2024-01-01")
    shelf.put("2.csv", second, "2024-02-01")
    assert len(batches(ingest("file_shown"))) == 2
    shelf.put("1.csv", first, "2024-01-15")
    assert [each["is_new"] for each in batches(ingest("file_shown"))] == [False]
    shelf.put("1.csv", first, "2024-03-01")
    for _ in range(2):
        told = ingest("file_shown")
        assert (told.code, "esteira undo file-" in told.err) == (65, True), told
    assert Office(world).table("file_shown") == [("a", 2.0)]


@pytest.mark.long
def test_a_range_chooses_files_by_their_dates_and_the_others_come_later(world: Any, shelf: Shelf, ingest: Any):
    shelf.listed.clear()
    for month in (1, 2, 3):
        shelf.put(f"{month}.csv", sales({str(month): "1,00"}), f"2024-0{month}-10")
    assert len(batches(ingest("file_chosen", "--start", "2024-02-01", "--end", "2024-03-01"))) == 1
    assert Office(world).table("file_chosen") == [("2", 1.0)]
    assert len(batches(ingest("file_chosen"))) == 2
    fixed = ingest("file_fixed", "--start", "2024-02-01", "--end", "2024-03-01")
    assert (fixed.code, "esteira ingest file_fixed --from raw" in fixed.err) == (78, True), fixed


@pytest.mark.fault(54)
def test_a_file_that_is_in_raw_is_loaded_though_the_portal_has_it_no_more(world: Any, shelf: Shelf, ingest: Any):
    shelf.listed.clear()
    shelf.put("once.csv", sales({"a": "1,00"}), "2024-01-01T00:00:00Z")
    killed = ingest("file_killed", ESTEIRA_FAILPOINT="extract.seal:kill")
    assert killed.code == -9
    shelf.listed.clear()
    shelf.downloads()
    assert len(batches(ingest("file_killed"))) == 1
    assert (Office(world).table("file_killed"), shelf.downloads()) == ([("a", 1.0)], [])


def test_the_file_at_a_fixed_address_is_loaded_when_it_is_another(world: Any, shelf: Shelf, ingest: Any, folder: Path):
    office = Office(world)

    def serve(amount: str, as_of: str) -> Any:
        shelf.files["/now/report.csv"] = sales({"a": amount})
        return ingest("file_fixed", "--as-of", as_of)

    assert len(batches(serve("1,00", "2024-01-01T06:00Z"))) == 1
    seen = world.esteira("preview", "file_fixed", "--datasets", str(folder))
    assert (seen.code, f"from {shelf.url}/now/report.csv" in seen.out, "Got: 1 rows" in seen.out) == (0, True, True), (
        seen
    )
    assert batches(serve("1,00", "2024-01-02T06:00Z")) == []
    (second,) = batches(serve("2,00", "2024-01-03T06:00Z"))
    assert office.table("file_fixed") == [("a", 2.0)]
    back = serve("1,00", "2024-01-04T06:00Z")
    assert back.code == 65, back
    assert f"esteira undo {second['batch']} --dataset file_fixed" in back.err
    assert office.table("file_fixed") == [("a", 2.0)]


def test_the_doctor_asks_for_the_list_and_downloads_no_file(world: Any, shelf: Shelf, folder: Path):
    def found(*names: str) -> str:
        done = world.esteira("doctor", *names, "--datasets", str(folder), "--json")
        (check,) = [each for each in json.loads(done.out) if each["check"] == "portal file-portal"]
        return f"{check['state']}: {check['found']}"

    shelf.downloads()
    assert found("file_listed", "file_fixed") == "ok: answered 200 to the first request of file_listed"
    assert found("file_fixed").startswith("ok: not asked: file_fixed would download a whole file")
    assert shelf.downloads() == []
