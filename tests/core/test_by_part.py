"""A batch that is curated part by part ends as one that is curated as a whole, whoever did it and in whatever process."""

import builtins
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.by_part import PartWork, can_be_shared, curate_part, made_with, parts_to_curate, put_together, require_same
from esteira.contract import Quality
from esteira.curate import curate
from esteira.errors import ConfigError, ContractError
from esteira.extraction.extract import extract
from esteira.gathered import CuratedParts
from esteira.lake import Lake, Seal
from esteira.profile import profile_of
from esteira.settings import Settings
from tasks.runners import runner_of
from tests.core.small import keys
from tests.core.test_ahead import counts, messy
from tests.core.test_extract import Opened, batch_of, by_offset, stored_ids
from tests.extract.hostile import Asked, Say, hostile, page

BAD = Quality(max_quarantine_ratio=1.0)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from([*range(20), -1, "x", None])}, optional={"gate": st.sampled_from(["B", 1, None])}
    ),
    min_size=3,
    max_size=9,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.py").write_text("DATASET = None\n")
    return tmp_path


def shared(contract: Any, raw: Seal, lake: Lake, folder: Path, *, tries: int = 1) -> CuratedParts:
    """As workers do it: what travels is pickled, and each part is curated so often."""
    works = pickle.loads(pickle.dumps(parts_to_curate(raw, 1, lake, folder)))
    found = [[curate_part(work, contract, lake) for _ in range(tries)][-1] for work in works]
    whole = put_together(pickle.loads(pickle.dumps(each)) for each in found)
    return whole.stored(works[0].layout, lake.new_attempt(), raw.parts, lake)


def extracted(contract: Any, answer: Any, lake: Lake, open_portal: Opened) -> Seal:
    with hostile(answer) as up:
        return extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)


def without_keys(seal: Seal) -> list[Any]:
    return [(part.rows, part.sha256) for part in (*seal.parts, *seal.quarantine)]


@given(rows=RECORDS)
def test_parts_put_together_are_the_whole(rows: list[dict[str, Any]], new_bucket: Any, open_portal: Opened):
    def answer(asked: Asked) -> Say:
        start = int(asked.query["offset"])
        return page({"rows": rows[start : start + 2], "total": len(rows)})

    with new_bucket() as (lake, folder):
        contract = keys(quality=BAD)
        raw = extracted(contract, answer, lake, open_portal)
        try:
            whole = curate(contract, raw, lake=lake, generation=2)
        except ContractError as exc:
            parts = shared(contract, raw, lake, folder)
            with pytest.raises(ContractError) as found:
                curate(contract, raw, lake=lake, ahead=parts)
            assert found.value.message == exc.message
            return
        sealed = curate(contract, raw, lake=lake, ahead=shared(contract, raw, lake, folder))
        assert counts(sealed) == counts(whole)
        assert (sealed.seen, profile_of(sealed, lake)) == (whole.seen, profile_of(whole, lake))
        assert stored_ids(lake, sealed) == stored_ids(lake, whole)
