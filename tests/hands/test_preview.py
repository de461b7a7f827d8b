"""`esteira preview`: the first rows, the request, what comes next, and what would be quarantined; and nothing is written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.hands.conftest import CONTRACT
from tests.main_job.world import Result, Warm, World, as_root

STRICT = """
import pandas as pd
import pandera.pandas as pa


class Plane(pa.DataFrameModel):
    \"\"\"Planes with fewer seats.\"\"\"

    tailnum: pd.StringDtype = pa.Field(description="Tail number", metadata={"pii": True})
    seats: pd.Int16Dtype = pa.Field(le=100, description="Seats")
    year: pd.Int16Dtype = pa.Field(ge=2002, description="Year", metadata={"pii": True})


DATASET = dataclasses.replace(_BASE, name="strict_planes", title={}, schema=Plane, source=dataclasses.replace(
    _BASE.source, params={"_size": 50, "_shape": "objects", "_tag": "strict"}))
"""


@pytest.fixture(scope="module")
def strict(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("strict")
    (folder / "strict_planes.py").write_text(CONTRACT.format(base="planes", body=STRICT))
    return warm.esteira("preview", "strict_planes", "--rows", "3", "--datasets", str(folder))


def _objects(world: World) -> list[str]:
    with closing(as_root(world.stack, "s3")) as s3:
        listed = s3.list_objects_v2(Bucket=world.stack.env["ESTEIRA_LAKE_BUCKET"])
        return [entry["Key"] for entry in listed.get("Contents", ())]


def test_the_first_rows_are_a_table_below_the_request_and_the_window(warm: Warm, world: World) -> None:
    done = warm.esteira("preview", "flights", "--rows", "4", env={"COLUMNS": "100"})
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith(f"Asked: GET {world.stack.env['ESTEIRA_PORTAL_URL']}/flights/flights.json?_size=10000")
    assert lines[1] == "Proved by: Bearer (values are not shown)"
    assert lines[2] == "Window: 2013-01-01→2013-04-03"
    assert lines[3].startswith("Got: 2,000 of 2,000 records")
    assert lines[4] == "Next: nothing. next_url, in the body, names no next page."
    assert [line.split()[0] for line in lines[8:12]] == ["1", "2", "3", "4"]
    assert max(len(line) for line in lines[6:12]) <= 100
    assert "Not shown, for want of width: " in done.out
    assert lines[-1] == "Validation: none of 2,000 records would be quarantined."


def test_neither_the_token_nor_anything_of_it_is_shown(warm: Warm, world: World) -> None:
    done = warm.esteira("preview", "airlines")
    assert world.token not in done.out + done.err


def test_one_page_is_asked_for_and_nothing_is_written(strict: Result, world: World) -> None:
    assert strict.code == 0, strict.err
    assert len(world.portal_requests("strict")) == 1
    assert [key for key in _objects(world) if "strict_planes" in key] == []


def test_the_next_request_is_named_with_its_reason(strict: Result) -> None:
    line = next(line for line in strict.out.splitlines() if line.startswith("Next: "))
    assert "/flights/planes.json?" in line
    assert line.endswith("next_url, in the body, names the next page.")


def test_what_would_be_quarantined_is_listed_with_its_reasons(strict: Result) -> None:
    assert "of 50 records would be quarantined, above the limit of 1.00%:" in strict.out
    reasons = [line.split() for line in strict.out.splitlines() if line.startswith(("seats ", "year "))]
    assert {(row[0], row[1]) for row in reasons} == {
        ("seats", "less_than_or_equal_to(100)"),
        ("year", "greater_than_or_equal_to(2002)"),
    }
    assert {row[0]: row[-1] == "***" for row in reasons} == {"seats": False, "year": True}
    new = next(line for line in strict.out.splitlines() if line.startswith("New: "))
    assert new.endswith(" is not in the contract (warn).")
    assert set(new[5:].split(" is ")[0].split(", ")) == {"engine", "engines", "manufacturer", "model", "speed", "type"}


def test_personal_columns_are_masked(strict: Result) -> None:
    rows = strict.out.split("\n\n")[1].splitlines()[2:]
    assert rows
    assert all(row.startswith("***") for row in rows)


def test_machines_get_the_same_facts(warm: Warm) -> None:
    done = warm.esteira("preview", "airlines", "--rows", "2", "--json")
    assert done.facts["records"] == 16
    assert done.facts["quarantined"] == 0
    assert [row["carrier"] for row in done.facts["rows"]] == ["9E", "AA"]


def test_a_window_can_be_chosen(warm: Warm) -> None:
    done = warm.esteira("preview", "flights", "--start", "2013-01-02", "--end", "2013-01-03", "--json")
    assert done.facts["window"] == "2013-01-02→2013-01-03"


def test_a_portal_that_is_down_is_the_error_of_a_run(warm: Warm, tmp_path: Path) -> None:
    body = 'DATASET = dataclasses.replace(_BASE, name="x", title={}, source=dataclasses.replace(_BASE.source, portal="nowhere"))'
    (tmp_path / "x.py").write_text(CONTRACT.format(base="airlines", body=body))
    done = warm.esteira("preview", "x", "--datasets", str(tmp_path))
    assert done.code == 78
    assert "nowhere does not exist" in done.err
