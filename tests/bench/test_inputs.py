"""The benchmark's own inputs and judgements: a wrong page or a wrong verdict would make every figure worthless."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.pages import PageSet
from bench.plot import bars
from bench.replay import HOST, Server
from bench.rows import FIRST_ID, REPEAT_STEP, SETS, flights, limited
from bench.targets import exponent, verdicts
from bench.watch import TreePeak

TOKEN = "a-token"


@pytest.fixture
def pages() -> PageSet:
    return PageSet.of(limited(flights, 25), 10)


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setitem(SETS, "few", lambda: limited(flights, 25))
    with Server(0, TOKEN) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{server.server_address[1]}"
        server.shutdown()


def read(url: str, token: str = TOKEN) -> dict[str, object]:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        page: dict[str, object] = json.load(answer)
    return page


def ids(pages: PageSet, factor: int) -> list[int]:
    bodies = (bytes(pages.records(number)) + b"}" for number in range(pages.count(factor)))
    return [record["id"] for body in bodies for record in json.loads(body)["rows"]]


def test_a_set_is_cut_into_pages_without_losing_a_record(pages: PageSet):
    assert [len(marks) for marks in pages.marks] == [10, 10, 5]
    assert ids(pages, 1) == list(range(FIRST_ID + 1, FIRST_ID + 26))


def test_a_repetition_differs_in_its_ids_alone(pages: PageSet):
    again = json.loads(bytes(pages.records(3)) + b"}")["rows"]
    first = json.loads(bytes(pages.records(0)) + b"}")["rows"]
    assert again == [record | {"id": record["id"] + REPEAT_STEP} for record in first]


def test_no_id_comes_twice_in_many_repetitions(pages: PageSet):
    assert len(set(ids(pages, 99))) == 99 * 25


def test_a_factor_without_digits_is_refused(pages: PageSet):
    with pytest.raises(ValueError, match="between 1 and 99"):
        pages.count(100)


@pytest.mark.parametrize("name", sorted(SETS))
def test_every_record_begins_with_its_id(name: str):
    texts = list(limited(SETS[name], 2))
    assert [text[:16] for text in texts] == ['{"id": 100000001', '{"id": 100000002']
    assert all(json.loads(text)["id"] for text in texts)


def test_the_portal_is_walked_by_its_links_to_the_total_that_it_reports(origin: str):
    found: list[object] = []
    url: object = f"{origin}/flights/few.json?_size=10&_shape=objects&_factor=2"
    while url:
        page = read(str(url))
        found += page["rows"]  # type: ignore[operator]
        url = page["next_url"]
    assert len(found) == page["filtered_table_rows_count"] == 50


def test_the_portal_wants_its_token(origin: str):
    with pytest.raises(urllib.error.HTTPError, match="401"):
        read(f"{origin}/flights/few.json", token="another")


def test_time_that_doubles_with_the_rows_is_linear():
    assert exponent([(1, 2.0), (2, 4.0), (8, 16.0)]) == pytest.approx(1)


def test_a_target_is_judged_by_the_ratio_of_one_run():
    def speed(contestant: str, goal: str, rate: int) -> dict[str, object]:
        return {"contestant": contestant, "goal": goal, "rows_per_second": rate, "label": contestant}

    measures = [speed("esteira", "parquet", 90), speed("dlt-parquet", "parquet", 10), speed("limit", "parse", 200)]
    assert [(one.found, one.is_met) for one in verdicts({"contest": measures})] == [("9.00", True), ("0.45", False)]
    assert bars(measures).count("<rect") == 3


def test_memory_is_judged_by_the_largest_run_and_by_its_growth():
    def run(factor: int, peak_mb: int) -> dict[str, object]:
        rows = 336_776 * factor
        return {
            "rows": rows,
            "factor": factor,
            "peak_mb": peak_mb,
            "part_mb": 18,
            "seconds": {"warehouse": float(rows)},
        }

    found = verdicts({"memory": [run(1, 300), run(10, 310), run(30, 320)]})
    assert [(one.found, one.is_met) for one in found] == [
        ("320 MB", True), ("10,103,280 rows, peak 320 MB", True), ("20 MB of 18 MB", False), ("1.000", True),
    ]  # fmt: skip


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="macOS has no /proc")
def test_the_memory_of_a_process_counts_its_children():
    child = "import time; held = b'x' * 60_000_000; time.sleep(0.8)"
    process = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"]
    )
    with TreePeak(process.pid) as tree:
        process.wait()
    assert 60_000_000 < tree.bytes < 150_000_000
