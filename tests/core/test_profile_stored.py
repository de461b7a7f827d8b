"""Where a batch's profile stands in the lake: beside its parts, named by its seal, gone when they go."""

from dataclasses import replace
from typing import Any

import boto3
import msgspec
import pandas as pd
import pandera.pandas as pandera
import pytest

from esteira import curation
from esteira.contract import Dataset, Quality
from esteira.curate import curate
from esteira.erasure.purge import doomed_keys, doomed_versions, lost_profiles
from esteira.erasure.standing import standings
from esteira.errors import SealConflict
from esteira.extraction.ahead import extract_ahead
from esteira.lake import Lake, Layout, Seal
from esteira.lake.place import place_of
from esteira.lake.sweep import SweptLake
from esteira.profile import profile_of, profile_parts
from esteira.quarantine import replay
from tests.core.small import Key, dataset, keys
from tests.core.test_erasure import committed, page
from tests.core.test_extract import Opened, batch_of, by_offset
from tests.core.test_quarantine import BATCH, entry, record, rows, seal_raw
from tests.core.test_upkeep import SUPERSEDED, load, plan, removed
from tests.extract.hostile import hostile

LENIENT = Quality(max_quarantine_ratio=1.0)


class Person(pandera.DataFrameModel):
    """People."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    text: pd.StringDtype = pandera.Field(description="Name", metadata={"pii": True})


@pytest.fixture
def swept(s3: Any, session: boto3.Session) -> SweptLake:
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    return SweptLake("lake", session)


def curated(lake: Lake, contract: Dataset, *pages: list[dict[str, Any]]) -> Seal:
    return curate(contract, seal_raw(lake, *pages), lake=lake)


def test_a_curated_seal_names_the_profile_of_the_rows_that_it_holds(lake: Lake):
    seal = curated(lake, dataset(quality=LENIENT), rows(50, 3, 7), rows(40, 9))
    assert seal.profile is not None
    assert seal.profile.key == Layout("rows", BATCH).profile(seal.attempt)
    found = {each.column: each for each in profile_of(seal, lake)}
    assert found.keys() == set(dataset().column_names)
    assert {each.rows for each in found.values()} == {seal.profile.rows} == {seal.curated} == {87}
    assert found["small"].top_values == (("1", 87),)  # the values of refused rows are in no profile
    assert (found["amount"].minimum, found["at"].maximum) == ("1.00", "2013-01-01T00:00:00Z")


@pytest.mark.parametrize("size", [1, 4000, 10**9])
def test_the_profile_does_not_depend_on_chunks_nor_on_the_cutting_into_parts(
    lake: Lake, size: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(curation, "CHUNK_BYTES", size)
    monkeypatch.setattr("esteira.lake.writing.GROUP_BYTES", size)
    monkeypatch.setattr("esteira.lake.writing.PART_BYTES", size)
    several = [[record(id=number, ratio=number / 7, text=f"t{number % 9}") for number in range(60)] for _ in range(3)]
    seal = curated(lake, dataset(quality=LENIENT), *several)
    assert profile_of(seal, lake) == profile_parts(seal.parts, dataset().columns, lake)
    assert [each.distinct for each in profile_of(seal, lake)][:4] == [60, 9, 1, 60]


def test_a_batch_that_is_curated_ahead_has_the_profile_of_one_that_is_curated_afterwards(
    lake: Lake, open_portal: Opened
):
    contract = keys()
    with hostile(by_offset) as up:
        found = extract_ahead(contract, batch_of(contract), portal=open_portal(up.url), lake=lake)
    assert found is not None
    ahead = curate(contract, found.raw, lake=lake, ahead=found.ahead)
    after = curate(contract, found.raw, lake=lake, generation=2)
    assert ahead.attempt != after.attempt
    assert profile_of(ahead, lake) == profile_of(after, lake) != ()


def test_of_personal_columns_a_profile_holds_no_value(lake: Lake):
    people = [{"id": 1, "text": "Maria"}, {"id": 2, "text": "Maria"}, {"id": 3, "text": "João"}]
    seal = curated(lake, dataset(schema=Person), people)
    assert seal.profile is not None
    content = lake.read_part(seal.profile)
    assert b"Maria" not in content
    assert b'{"column":"text","rows":3,"nulls":0,"distinct":2}' in content


def test_an_empty_batch_has_a_profile(lake: Lake):
    assert [(each.column, each.rows) for each in profile_of(curated(lake, dataset(schema=Key)), lake)] == [("id", 0)]


def test_a_seal_without_a_profile_keeps_its_bytes_and_has_none(lake: Lake):
    seal = curated(lake, dataset(), rows(2))
    older = msgspec.structs.replace(seal, profile=None, seen=None)  # from before either was recorded
    assert b"profile" not in older.encode()
    assert b'"profile":{"key":' in seal.encode()
    assert profile_of(older, lake) == ()


def test_a_profile_that_is_gone_or_changed_is_named(lake: Lake, s3: Any):
    seal = curated(lake, dataset(), rows(2))
    assert seal.profile is not None
    s3.put_object(Bucket="lake", Key=seal.profile.key, Body=b"[]")
    with pytest.raises(SealConflict, match=r"profile\.json is sealed with sha256"):
        profile_of(seal, lake)


def test_replayed_rows_are_part_of_the_new_generations_profile(lake: Lake):
    strict = dataset(quality=LENIENT)
    seal = curated(lake, strict, [record(id=1), record(id=2, text="x" * 41), record(id=3, text="y" * 41)])
    mended = replace(strict, schema=_wider())
    (found,) = replay.plan(mended, [entry(seal)], lake)
    again, _ = replay.seal(mended, found, lake)
    assert again is not None
    texts = next(each for each in profile_of(again, lake) if each.column == "text")
    assert (texts.rows, texts.distinct, texts.maximum) == (3, 3, "y" * 41)
    raw = lake.find_seal("raw", "rows", BATCH)
    assert raw is not None
    assert profile_of(curate(mended, raw, lake=lake, generation=9), lake) == profile_of(again, lake)


def _wider() -> type[pandera.DataFrameModel]:
    base = dataset().schema
    text = pandera.Field(nullable=True, description="Text", metadata={"max_bytes": 50})
    facts = {"__annotations__": {"text": pd.StringDtype}, "__doc__": base.__doc__, "__module__": base.__module__}
    return type("Wider", (base,), facts | {"text": text})


def test_the_sweep_takes_a_dead_attempts_profile(swept: SweptLake):
    dead = Layout("rows", "2013-01-01_2013-01-02-0a1b2c3d").profile("dead")
    swept.put(dead, b"[]")
    assert place_of(dead) is not None
    assert removed(plan(swept, load(swept))) == {dead: "orphan"}


def test_the_sweep_keeps_the_profile_that_the_standing_seal_names(swept: SweptLake):
    raw, first = committed(swept, page(*rows(3)))
    seal = swept.find_seal("curated", "rows", raw.batch)
    assert seal is not None
    assert seal.profile is not None
    assert seal.profile.key not in removed(plan(swept, first, policy=SUPERSEDED))


def test_the_sweep_keeps_what_a_replay_stored_under_a_number_that_another_run_took(
    swept: SweptLake, monkeypatch: pytest.MonkeyPatch
):
    raw, first = committed(swept, page(record(id=1), record(id=2, text="x" * 41)))
    mended = replace(dataset(quality=LENIENT), schema=_wider())
    (found,) = replay.plan(mended, [first], swept)
    other = curate(dataset(quality=LENIENT), raw, lake=swept, generation=2)
    numbers = iter([2, 3])  # what a run finds that looks before the other one's first write, and what it finds then
    monkeypatch.setattr(replay, "next_generation", lambda *_: next(numbers))
    sealed, _ = replay.seal(mended, found, swept)
    assert sealed is not None
    assert sealed.profile is not None
    assert (other.generation, sealed.generation) == (2, 3)
    kept = {sealed.profile.key, *(part.key for part in sealed.parts)}
    assert any("/generation-002/" in key for key in kept)
    entries = [first, replace(first, seal_hash=sealed.hash, generation=3)]
    assert kept.isdisjoint(removed(plan(swept, *entries, policy=SUPERSEDED)))


def test_a_replaced_generations_profile_goes_with_its_parts(swept: SweptLake):
    raw, first = committed(swept, page(*rows(3)))
    second = curate(dataset(quality=LENIENT), raw, lake=swept, generation=2)
    entries = [first, replace(first, seal_hash=second.hash, generation=2)]
    seal = swept.find_seal("curated", "rows", raw.batch)
    assert seal is not None
    assert seal.profile is not None
    assert second.profile is not None
    gone = removed(plan(swept, *entries, policy=SUPERSEDED))
    assert gone.get(seal.profile.key) == "superseded"
    assert second.profile.key not in gone


def test_an_erasure_takes_the_profiles_of_what_it_purges_before_the_parts(swept: SweptLake):
    raw, first = committed(swept, page(*rows(3)))
    second = curate(dataset(quality=LENIENT), raw, lake=swept, generation=2)
    survey = swept.survey("rows")
    standing = standings(survey, {raw.batch: replace(first, seal_hash=second.hash, generation=2)})
    doomed = doomed_keys(survey, standing)
    order = [each.key for each in doomed_versions(swept.versions("rows"), doomed)]
    old = swept.find_seal("curated", "rows", raw.batch)
    assert old is not None
    assert old.profile is not None
    assert second.profile is not None
    assert order[0] == old.profile.key
    assert second.profile.key not in order
    assert lost_profiles(standing, [raw.batch]) == {second.profile.key}
