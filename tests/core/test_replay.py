"""What a replay stores and seals: the rows that stand, those that pass now at their old places, and what is still refused."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.contract import Append, Dataset, Quality
from esteira.contract.columns import POSITION_COLUMN
from esteira.curate import curate
from esteira.drift.finding import RETYPED_VALUES
from esteira.erasure.key import read_key
from esteira.erasure.rewrite import rewrite
from esteira.erasure.search import Search
from esteira.erasure.standing import standings
from esteira.errors import ConfigError
from esteira.lake import Lake, Layout, PagePointer, Part, Replayed, Seal, Tombstone
from esteira.lake.sweep import SweptLake
from esteira.quarantine import gather, holdings
from esteira.quarantine.replay import Replay, attempt, plan, seal
from esteira.rebuild import next_generation
from esteira.reconcile import reconcile
from esteira.upkeep import SweepPolicy, plan_sweep
from esteira.warehouse import LedgerEntry
from tests.core.small import Row, dataset, record

BATCH = "2013-01-01-0a1b2c3d"
DAY = datetime(2013, 1, 1, tzinfo=UTC)
ALL = Quality(max_quarantine_ratio=1.0)


class Loose(Row):
    """Rows, one per id; a small number may be large."""

    small: pd.Int16Dtype = pandera.Field(nullable=True, ge=0, description="Small number", metadata={"unit": "cm"})


class Wide(Row):
    """Rows, one per id; a small number may be very large."""

    small: pd.Int64Dtype = pandera.Field(nullable=True, ge=0, description="Small number", metadata={"unit": "cm"})
    more: pd.Int64Dtype = pandera.Field(nullable=True, description="Column of today")


STRICT, MENDED, WIDE = (dataset(quality=ALL, schema=schema) for schema in (Row, Loose, Wide))


def seal_raw(lake: Lake, *records: dict[str, Any], batch: str = BATCH) -> Seal:
    body = json.dumps({"rows": records}).encode()
    content = pa.Codec("zstd").compress(body, asbytes=True)
    pages = (PagePointer(1, len(body), len(records)),)
    part = lake.put_part(Layout("rows", batch).part("raw", "a1", 1), content, rows=len(records), pages=pages)
    return lake.put_seal("raw", Seal("rows", batch, "a1", (part,), len(records)))


def entry(found: Seal, **changes: Any) -> LedgerEntry:
    counts = {"extracted": found.extracted, "curated": found.curated, "quarantined": found.quarantined}
    facts = {"seal_hash": found.hash, "generation": found.generation} | counts | changes
    return LedgerEntry(BATCH, DAY, DAY + timedelta(days=1), **facts)


def loaded(lake: Lake, *records: dict[str, Any], contract: Dataset = STRICT) -> Replay:
    """A committed batch of these records under the contract with the mistake."""
    base = curate(contract, seal_raw(lake, *records), lake=lake)
    (found,) = plan(contract, [entry(base)], lake)
    return found


def rows(lake: Lake, parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    return [row for part in parts for row in pq.read_table(io.BytesIO(lake.read_part(part))).to_pylist()]


def positions(lake: Lake, parts: tuple[Part, ...]) -> list[int]:
    return [row[POSITION_COLUMN] for row in rows(lake, parts)]


LARGE = [record(id=number, small=999 if number % 2 else 1) for number in range(5)]
HOPELESS = record(id="x", small=999)


def test_rows_that_pass_join_those_that_stand_at_their_old_positions(lake: Lake):
    found = loaded(lake, *LARGE, HOPELESS)
    made, tally = seal(MENDED, found, lake)
    assert made is not None
    assert (tally.tried, tally.passed, tally.refused) == (3, 2, 1)
    assert made.parts[: len(found.base.parts)] == found.base.parts
    assert positions(lake, made.parts) == [0, 2, 4, 1, 3]
    assert positions(lake, made.quarantine) == [5]
    assert [row["id"] for row in rows(lake, made.parts)] == [0, 2, 4, 1, 3]
    assert (made.extracted, made.curated, made.quarantined, made.generation) == (6, 5, 1, 2)
    assert made.replayed == Replayed(found.base.hash, 1, 2)
    assert made.reasons == {"id: type": 1}


def test_the_seal_is_the_one_of_a_batch_that_was_never_refused_but_for_its_parts(lake: Lake):
    made, _ = seal(MENDED, loaded(lake, *LARGE), lake)
    raw = lake.find_seal("raw", "rows", BATCH)
    assert raw is not None
    right = curate(MENDED, raw, lake=lake, generation=9)
    same = {"attempt": "", "parts": (), "replayed": None, "generation": 1, "profile": None}
    assert made is not None
    assert made.profile
    assert right.profile
    assert made.profile.sha256 == right.profile.sha256
    assert msgspec.structs.replace(made, **same) == msgspec.structs.replace(right, **same)
    key = lambda row: row[POSITION_COLUMN]  # noqa: E731
    assert sorted(rows(lake, made.parts), key=key) == sorted(rows(lake, right.parts), key=key)


_RECORDS = st.lists(
    st.builds(record, id=st.integers(0, 99) | st.just("x"), small=st.sampled_from([None, 0, 99, 101, 999, -1, "many"])),
    min_size=1, max_size=RETYPED_VALUES - 1,  # as many values of another type in one column are drift, and end a batch
)  # fmt: skip


@given(records=_RECORDS, rule=st.sampled_from([None, "small", "id: type", "small: less_than_or_equal_to(100)"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_every_record_is_on_exactly_one_side_and_no_row_that_stands_leaves(
    new_lake: Any, records: list[dict[str, Any]], rule: str | None
):
    lake = new_lake()
    for key in lake.sizes(""):
        lake.client.delete_object(Bucket="lake", Key=key)
    base = curate(STRICT, seal_raw(lake, *records), lake=lake)
    if not base.quarantined:
        assert plan(STRICT, [entry(base)], lake) == []
        return
    (found,) = plan(STRICT, [entry(base)], lake)
    made, tally = seal(MENDED, found, lake, rule)
    assert (tally.tried, tally.passed) == (
        attempt(MENDED, found, lake, rule).tried,
        attempt(MENDED, found, lake, rule).passed,
    )
    stands = made or base
    good, bad = positions(lake, stands.parts), set(positions(lake, stands.quarantine))
    assert sorted([*good, *bad]) == list(range(len(records)))
    assert set(positions(lake, base.parts)) <= set(good)
    assert (len(good), len(bad)) == (stands.curated, stands.quarantined)
    assert sum(part.rows for part in stands.quarantine) == sum(stands.reasons.values())
    if rule is None:
        right = curate(MENDED, lake.find_seal("raw", "rows", BATCH), lake=lake, generation=77)  # type: ignore[arg-type]
        assert (sorted(good), sorted(bad)) == (
            positions(lake, right.parts),
            sorted(set(positions(lake, right.quarantine))),
        )
        assert stands.reasons == right.reasons


def test_when_no_row_passes_nothing_is_stored(lake: Lake):
    found = loaded(lake, *LARGE)
    before = lake.sizes("")
    assert seal(STRICT, found, lake)[0] is None
    assert lake.sizes("") == before


def test_a_rehearsal_stores_nothing(lake: Lake):
    found = loaded(lake, *LARGE)
    before = lake.sizes("")
    assert attempt(MENDED, found, lake).passed == 2
    assert lake.sizes("") == before


def test_only_rows_that_break_the_named_rule_are_tried_and_the_others_keep_their_reasons(lake: Lake):
    found = loaded(lake, *LARGE, record(id=9, text="x" * 41))
    longer = dataset(quality=ALL, schema=Loose, new_columns="ignore")
    made, tally = seal(longer, found, lake, "text")
    assert (made, tally.tried) == (None, 1)
    made, tally = seal(longer, found, lake, "small: less_than_or_equal_to(100)")
    assert made is not None
    assert (tally.tried, tally.passed, made.reasons) == (2, 2, {"text: max_bytes(40)": 1})


def test_a_contract_that_fails_on_bad_values_keeps_what_is_still_refused_all_the_same(lake: Lake):
    found = loaded(lake, *LARGE, HOPELESS)
    made, tally = seal(replace(MENDED, bad_values="fail"), found, lake)
    assert made is not None
    assert (tally.passed, made.quarantined) == (2, 1)


def test_bad_values_that_become_null_let_their_rows_pass_and_are_counted(lake: Lake):
    found = loaded(lake, *LARGE, HOPELESS)
    made, tally = seal(replace(STRICT, bad_values="null"), found, lake)
    assert made is not None
    assert (tally.passed, made.quarantined) == (2, 1)
    assert made.seen is not None
    assert made.seen.nulled == {"small: less_than_or_equal_to(100)": 2}
    assert [row["small"] for row in rows(lake, made.parts) if row["id"] % 2] == [None, None]


def test_rows_that_stand_are_written_again_where_the_contract_has_other_columns(lake: Lake):
    found = loaded(lake, *LARGE)
    made, _ = seal(WIDE, found, lake)
    assert made is not None
    assert made.columns == tuple(column.stored for column in WIDE.columns)
    assert sorted(positions(lake, made.parts)) == [0, 1, 2, 3, 4]
    assert {pq.read_schema(io.BytesIO(lake.read_part(part))).names[-2] for part in made.parts} == {"more"}
    assert not [part for part in made.parts if part in found.base.parts]


def test_parts_that_name_their_batch_are_recognised(lake: Lake):
    strict, mended = (replace(contract, write=Append()) for contract in (STRICT, MENDED))
    found = loaded(lake, *LARGE, contract=strict)
    made, _ = seal(mended, found, lake)
    assert made is not None
    assert made.names_batch
    assert {row["_esteira_batch"] for row in rows(lake, made.parts)} == {BATCH}
    assert made.parts[:1] == found.base.parts


def test_rows_that_stand_and_do_not_fit_todays_columns_are_named_by_their_batch_and_no_value(lake: Lake):
    class Narrow(Row):
        """Text became a number."""

        text: pd.Int64Dtype = pandera.Field(nullable=True, description="Number")
        small: pd.Int16Dtype = pandera.Field(nullable=True, description="Number")

    found = loaded(lake, record(id=1, text="secret"), record(id=2, text="7", small=999))
    refused = msgspec.structs.replace(found.base)
    with pytest.raises(ConfigError) as caught:
        seal(dataset(quality=ALL, schema=Narrow), Replay(found.batch, refused), lake)
    assert "--from raw --batch" in caught.value.hint
    assert "secret" not in str(caught.value.message)


def test_a_number_that_another_run_took_is_not_adopted(lake: Lake):
    found = loaded(lake, *LARGE)
    other = msgspec.structs.replace(found.base, generation=2, attempt="other")
    assert next_generation("rows", BATCH, 1, lake) == 2
    put = lake.put_seal

    def late(zone: Any, made: Seal) -> Seal:
        put("curated", other)  # between the listing and the seal
        return put(zone, made)

    lake.put_seal = late  # type: ignore[method-assign]
    made, _ = seal(MENDED, found, lake)
    assert made is not None
    assert (made.generation, made.replayed is not None) == (3, True)
    assert lake.find_seal("curated", "rows", BATCH, 2) == other


@pytest.mark.parametrize(
    ("state", "said"),
    [("undone", "--from raw"), ("given_up", "run again as a whole"), ("skipped", "run again as a whole")],
)
def test_a_batch_without_rows_in_the_table_is_refused_by_name_and_else_left_out(lake: Lake, state: Any, said: str):
    base = loaded(lake, *LARGE).base
    gone = entry(base, state=state)
    assert plan(STRICT, [gone], lake) == []
    with pytest.raises(ConfigError) as caught:
        plan(STRICT, [gone], lake, BATCH)
    assert said in caught.value.hint


def test_what_an_erasure_purged_is_not_planned(lake: Lake):
    base = loaded(lake, *LARGE).base
    lake.put(Layout("rows", BATCH).tombstone("curated"), msgspec.json.encode(Tombstone(DAY, "r1", 2, 1)))
    assert plan(STRICT, [entry(base)], lake) == []


def test_an_erasure_finds_replayed_rows_and_takes_them(lake: Lake, session: boto3.Session):
    made, _ = seal(MENDED, loaded(lake, *LARGE), lake)
    assert made is not None
    swept = SweptLake("lake", session)
    survey, key = swept.survey("rows"), read_key(MENDED, ["id=3"])
    standing = standings(survey, {BATCH: entry(made)})
    (found,) = Search(MENDED, key, swept, survey).run(standing.values()).found
    assert found.positions == {3}
    assert found.is_elsewhere  # the quarantine that stood before the replay
    raw = found.standing.raw
    assert raw is not None
    without = rewrite(MENDED, raw, next_generation("rows", BATCH, 2, lake), found.positions, key.texts, lake)
    again = curate(MENDED, without, lake=lake, generation=without.generation)
    assert [row["id"] for row in rows(lake, again.parts)] == [0, 1, 2, 4]


def test_source_lake_and_ledger_agree_and_the_sweep_leaves_what_the_seal_names(lake: Lake, session: boto3.Session):
    found = loaded(lake, *LARGE, HOPELESS)
    made, _ = seal(MENDED, found, lake)
    assert made is not None
    assert reconcile("rows", [entry(made)], {BATCH: 5}, lake).differences == ()
    history = [entry(found.base), entry(made)]
    survey = SweptLake("lake", session).survey("rows")
    later = datetime.now(UTC) + timedelta(days=30)
    swept = plan_sweep("rows", history, survey, SweepPolicy(with_superseded=True), later)
    assert swept.warnings == ()
    replaced = [*found.base.quarantine, found.base.profile]
    assert {removal.key for removal in swept.removals} == {part.key for part in replaced if part}
    assert plan_sweep("rows", history, survey, SweepPolicy(), later).removals == ()


def test_what_was_replayed_is_marked_in_the_listing(lake: Lake):
    found = loaded(lake, *LARGE)
    made, _ = seal(MENDED, found, lake)
    assert made is not None
    (holding,) = holdings(MENDED, [entry(found.base), entry(made)], lake)
    assert (holding.generation, holding.replayed) == (2, 2)
    assert gather(MENDED, holding, lake).rows == 0


def test_a_seal_from_before_replays_keeps_its_hash():
    plain = Seal("rows", BATCH, "a1", (), 0)
    assert b"replayed" not in plain.encode()
    assert msgspec.json.decode(plain.encode(), type=Seal) == plain
