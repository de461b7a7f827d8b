"""A batch that is curated part by part ends as one that is curated as a whole, whoever did it and in whatever process."""

import itertools
import pickle
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.by_part import (
    PartWork,
    _pieces,
    can_be_shared,
    curate_parts,
    made_with,
    parts_to_curate,
    put_together,
    require_same,
)
from esteira.contract import Quality
from esteira.curate import curate
from esteira.errors import ConfigError, ContractError
from esteira.extraction.extract import extract
from esteira.gathered import CuratedParts
from esteira.lake import Lake, Layout, Part, Seal
from esteira.profile import profile_of
from esteira.settings import read_settings
from tasks.runners import runner_of
from tests.core.small import keys
from tests.core.test_ahead import counts, messy
from tests.core.test_extract import Opened, batch_of, by_offset, stored_ids
from tests.extract.hostile import Asked, Say, hostile, page

RECORDS = st.lists(
    st.fixed_dictionaries(
        {}, optional={"id": st.sampled_from([*range(20), -1, "x", None]), "gate": st.sampled_from(["B", 1, None])}
    ),
    min_size=3,
    max_size=9,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.py").write_text("DATASET = None\n")
    return tmp_path


@pytest.fixture(scope="session")
def names() -> Iterator[int]:
    return itertools.count()


def shared(contract: Any, raw: Seal, lake: Lake, folder: Path, workers: int = 2) -> CuratedParts:
    """As workers do it: what travels is pickled."""
    works = pickle.loads(pickle.dumps(parts_to_curate(raw, 1, workers, lake, folder)))
    whole = put_together(pickle.loads(pickle.dumps(curate_parts(work, contract, lake))) for work in works)
    return whole.stored(works[0].layout, lake.new_attempt(), raw.parts, lake)


def extracted(contract: Any, answer: Any, lake: Lake, open_portal: Opened) -> Seal:
    with hostile(answer) as up:
        return extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)


@given(rows=RECORDS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parts_put_together_are_the_whole(
    rows: list[dict[str, Any]], lake: Lake, open_portal: Opened, folder: Path, names: Iterator[int]
):
    numbered = [{"n": number, **row} for number, row in enumerate(rows)]  # a portal that repeats itself is refused

    def answer(asked: Asked) -> Say:
        start = int(asked.query["offset"])
        return page({"rows": numbered[start : start + 2], "total": len(rows)})

    contract = keys(name=f"rows_{next(names)}", quality=Quality(max_quarantine_ratio=1.0))
    raw = extracted(contract, answer, lake, open_portal)
    parts = shared(contract, raw, lake, folder)
    if not any("id" in row for row in rows):
        with pytest.raises(ContractError) as whole_error:
            curate(contract, raw, lake=lake, generation=2)
        with pytest.raises(ContractError) as error:
            curate(contract, raw, lake=lake, ahead=parts)
        assert error.value.message == whole_error.value.message
        return
    whole, sealed = curate(contract, raw, lake=lake, generation=2), curate(contract, raw, lake=lake, ahead=parts)
    assert counts(sealed) == counts(whole)
    assert (sealed.seen, profile_of(sealed, lake)) == (whole.seen, profile_of(whole, lake))
    assert stored_ids(lake, sealed) == stored_ids(lake, whole)


def test_a_part_that_is_curated_twice_among_others_makes_the_same_bytes_and_overwrites_nothing(
    lake: Lake, open_portal: Opened, folder: Path
):
    contract = keys(quality=Quality(max_quarantine_ratio=1.0))
    raw = extracted(contract, messy, lake, open_portal)
    first, second = shared(contract, raw, lake, folder, 1), shared(contract, raw, lake, folder, 8)
    made, again = ([*parts.good, *parts.bad, parts.profile] for parts in (first, second))
    assert [part.sha256 for part in made] == [part.sha256 for part in again]
    assert not {part.key for part in made} & {part.key for part in again}


def test_what_is_sealed_or_was_curated_ahead_is_not_shared_out(lake: Lake, open_portal: Opened, folder: Path):
    contract = keys()
    raw = extracted(contract, by_offset, lake, open_portal)
    parts = shared(contract, raw, lake, folder)
    assert can_be_shared(raw, None)
    assert can_be_shared(raw, replace(parts, raw=raw.parts[:1]))
    assert not can_be_shared(raw, parts)
    assert not can_be_shared(msgspec.structs.replace(raw, parts=raw.parts[:1]), None)
    assert parts_to_curate(raw, 1, 2, lake, folder)
    curate(contract, raw, lake=lake, ahead=parts)
    assert parts_to_curate(raw, 1, 2, lake, folder) == ()


def test_a_new_column_that_the_contract_refuses_is_refused_by_whoever_curates(
    lake: Lake, open_portal: Opened, folder: Path
):
    raw = extracted(keys(), messy, lake, open_portal)
    with pytest.raises(ContractError, match="gate"):
        shared(keys(new_columns="fail"), raw, lake, folder)


def test_a_worker_with_other_contracts_refuses(folder: Path, tmp_path: Path):
    made_with.cache_clear()
    work = PartWork(Layout("rows", "b1"), 1, (Part("k", 1, "h", 1),), made_with(folder))
    require_same(work, folder)
    (folder / "rows.py").write_text("DATASET = 1\n")
    require_same(work, folder)  # what this process has loaded is what it curates with
    made_with.cache_clear()
    with pytest.raises(ConfigError, match=r"A worker has esteira .* the run has esteira"):
        require_same(work, folder)


PLACES = {
    "STAGE": "test", "LAKE_BUCKET": "lake", "WAREHOUSE_HOST": "none", "WAREHOUSE_SECRET": "none", "COPY_ROLE_ARN": "none", "RUNNER": "dask",
}  # fmt: skip


@pytest.fixture
def asked_for_dask(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PLACES.items():
        monkeypatch.setenv(f"ESTEIRA_{name}", value)


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, asked_for_dask: None):
    monkeypatch.setitem(sys.modules, "prefect_dask", None)
    with pytest.raises(ConfigError, match="ESTEIRA_RUNNER is dask") as found:
        read_settings()
    assert "pip install 'esteira[dask]'" in found.value.hint
    monkeypatch.setenv("ESTEIRA_RUNNER", "processes")
    assert read_settings().runner == "processes"


def test_a_cluster_that_is_named_is_used(monkeypatch: pytest.MonkeyPatch, asked_for_dask: None):
    monkeypatch.setenv("ESTEIRA_DASK_SCHEDULER", "tcp://127.0.0.1:1")
    assert runner_of(read_settings()).address == "tcp://127.0.0.1:1"


@given(parts=st.integers(2, 500), workers=st.integers(1, 64))
def test_pieces_of_work_are_all_parts_in_order_and_small_at_the_end(parts: int, workers: int):
    pieces = list(_pieces(parts, workers))
    assert [number for start, stop in pieces for number in range(start, stop)] == list(range(parts))
    sizes = [stop - start for start, stop in pieces]
    assert sizes == sorted(sizes, reverse=True)
    assert set(sizes[-workers:]) == {1}
