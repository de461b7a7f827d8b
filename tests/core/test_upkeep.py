"""What may leave the lake, and what never does: each rule of keeping has a test that fails without it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import msgspec
import pytest

from esteira.errors import AuthError, ConfigError, LakeUnavailable, SealConflict
from esteira.lake import Checkpoint, Lake, Layout, Part, Seal
from esteira.lake.place import place_of
from esteira.lake.sweep import Stored, Survey, SweptLake, Upload
from esteira.rebuild import Selection, curated_again, plan_rebuild, raw_seal
from esteira.upkeep import SweepPlan, SweepPolicy, old_pages, plan_sweep, stale_uploads
from esteira.upkeep.plan import MIN_AGE, PAGE_AGE, UPLOAD_AGE
from esteira.warehouse import LedgerEntry
from tests.core.small import dataset

NAME, BATCH = "rows", "2013-01-01_2013-01-02-0a1b2c3d"
DAY = datetime(2013, 1, 1, tzinfo=UTC)
LATER = timedelta(hours=1)
SUPERSEDED = SweepPolicy(with_superseded=True)


@pytest.fixture
def swept(s3: Any, session: boto3.Session) -> SweptLake:
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    return SweptLake("lake", session)


def part(lake: Lake, zone: Any, attempt: str, *, generation: int = 1, batch: str = BATCH, number: int = 1) -> Part:
    key = Layout(NAME, batch, generation).part(zone, attempt, number)
    return lake.put_part(key, f"{key} holds this".encode(), rows=1)


def checkpoint(lake: Lake, attempt: str, *, generation: int = 1, parts: tuple[Part, ...] = ()) -> str:
    layout = Layout(NAME, BATCH, generation)
    lake.put_checkpoint(layout, attempt, Checkpoint(parts, None, 2, None))
    return layout.checkpoint(attempt, len(parts))


def seal_raw(lake: Lake, generation: int = 1) -> Seal:
    own = part(lake, "raw", f"a{generation}", generation=generation)
    return lake.put_seal("raw", Seal(NAME, BATCH, f"a{generation}", (own,), 1, generation=generation))


def seal_curated(lake: Lake, raw: Seal, generation: int = 1) -> Seal:
    good = part(lake, "curated", f"c{generation}", generation=generation)
    bad = part(lake, "quarantine", f"c{generation}", generation=generation)
    facts = {"raw_seal": raw.hash, "raw_generation": raw.generation, "generation": generation}
    seal = lake.put_seal("curated", Seal(NAME, BATCH, f"c{generation}", (good,), 2, (bad,), 1, 1, **facts))
    lake.put_manifest(seal)
    return seal


def entry(seal: Seal | None = None, **changes: Any) -> LedgerEntry:
    """The ledger's row of a seal; without one a batch that was settled without being loaded."""
    found = LedgerEntry(BATCH, DAY, DAY + timedelta(days=1))
    facts = {"seal_hash": seal.hash, "generation": seal.generation} if seal else {"generation": 0, "state": "given_up"}
    return replace(found, **(facts | changes))


def load(lake: Lake, generation: int = 1, raw: Seal | None = None) -> LedgerEntry:
    """Extract, curate and commit one generation; from an earlier raw seal, or its own."""
    return entry(seal_curated(lake, raw or seal_raw(lake, generation), generation))


def plan(
    lake: SweptLake, *entries: LedgerEntry, policy: SweepPolicy | None = None, age: timedelta = MIN_AGE + LATER
) -> SweepPlan:
    survey = lake.survey(NAME)
    youngest = max((each.modified_at for each in survey.stored), default=datetime.now(UTC))
    return plan_sweep(NAME, entries, survey, policy or SweepPolicy(), youngest + age)


def removed(found: SweepPlan) -> dict[str, str]:
    return {removal.key: removal.reason for removal in found.removals}


def test_parts_and_checkpoints_that_no_seal_names_go_once_their_batch_is_committed(swept: SweptLake):
    dead = [part(swept, zone, "dead").key for zone in ("raw", "curated", "quarantine")]
    stand = checkpoint(swept, "dead")
    committed = load(swept)
    found = plan(swept, committed)
    assert removed(found) == dict.fromkeys([*dead, stand], "orphan")
    assert found.size_bytes == sum(removal.size_bytes for removal in found.removals) > 0


@pytest.mark.parametrize("state", ["given_up", "skipped"])
def test_what_a_batch_left_that_was_settled_without_being_loaded_goes(swept: SweptLake, state: str):
    dead = part(swept, "raw", "dead")
    stand = checkpoint(swept, "dead", parts=(dead,))
    assert removed(plan(swept, entry(state=state))) == {stand: "orphan", dead.key: "orphan"}


def test_everything_of_an_open_batch_stays(swept: SweptLake):
    own = part(swept, "raw", "dead")
    checkpoint(swept, "dead", parts=(own,))
    assert removed(plan(swept)) == {}


def test_an_empty_ledger_removes_nothing(swept: SweptLake):
    load(swept)
    assert removed(plan(swept, policy=SUPERSEDED)) == {}


def test_parts_seals_and_the_manifest_of_the_current_generation_stay(swept: SweptLake):
    assert removed(plan(swept, load(swept), policy=SUPERSEDED)) == {}


def test_nothing_goes_before_its_time(swept: SweptLake):
    part(swept, "raw", "dead")
    committed = load(swept)
    assert removed(plan(swept, committed, age=MIN_AGE - LATER)) == {}
    assert len(removed(plan(swept, committed, age=MIN_AGE))) == 1


def test_a_generation_that_something_still_writes_to_is_left_alone_also_in_its_old_parts(swept: SweptLake):
    committed = load(swept)
    part(swept, "raw", "old")
    survey = swept.survey(NAME)
    (zombie,) = (each for each in survey.stored if "/old/" in each.key)
    fresh = replace(zombie, key=zombie.key.replace("/old/", "/fresh/"), modified_at=zombie.modified_at + MIN_AGE)
    as_of = zombie.modified_at + MIN_AGE + LATER
    both = Survey((*survey.stored, fresh), survey.seals)
    assert plan_sweep(NAME, [committed], survey, SweepPolicy(), as_of).removals
    assert not plan_sweep(NAME, [committed], both, SweepPolicy(), as_of).removals


def test_a_rebuild_that_died_unsealed_leaves_orphans_of_which_one_stays_so_that_its_number_is_not_used_again(
    swept: SweptLake,
):
    committed = load(swept)
    sizes = {"raw": 20, "curated": 20, "quarantine": 1}  # the mark is looked for in raw and curated alone
    parts = [part(swept, zone, "d" * size, generation=2) for zone, size in sizes.items()]
    stand = checkpoint(swept, "dead", generation=2, parts=(parts[0],))
    found = plan(swept, committed)
    swept.delete(removed(found))
    assert set(removed(found).values()) == {"orphan"}
    assert {*removed(found)} > {stand, parts[2].key}
    assert len({*removed(found)} & {parts[0].key, parts[1].key}) == 1
    assert swept.last_generation(NAME, BATCH) == 2
    assert removed(plan(swept, committed)) == {}


def test_once_a_later_generation_stands_nothing_marks_the_dead_one(swept: SweptLake):
    first = load(swept)
    dead = part(swept, "raw", "dead", generation=2).key
    assert removed(plan(swept, first, load(swept, 3))) == {dead: "orphan"}


def test_a_sealed_generation_is_marked_by_its_seal_alone(swept: SweptLake):
    first, _ = load(swept), load(swept, 2)
    stray = part(swept, "raw", "0", generation=2).key
    assert removed(plan(swept, first)) == {stray: "orphan"}


def test_an_unsealed_batch_that_was_given_up_needs_no_mark(swept: SweptLake):
    dead = part(swept, "raw", "dead").key
    assert removed(plan(swept, entry())) == {dead: "orphan"}


def test_a_generation_that_was_sealed_and_never_committed_goes_once_a_later_one_stands(swept: SweptLake):
    first, dead = load(swept), load(swept, 2)
    third = load(swept, 3)
    found = removed(plan(swept, first, third))
    assert set(found.values()) == {"abandoned"}
    folders = {Layout(NAME, BATCH, 2).prefix(zone) for zone in ("raw", "curated", "quarantine")}
    assert {key[: key.index("generation-002/") + len("generation-002/")] for key in found} == folders
    assert not any(key.endswith("SEAL.json") for key in found)
    assert Layout(NAME, BATCH, 2).manifest(dead.seal_hash) in found


def test_a_seal_that_a_rebuild_would_start_from_keeps_its_parts_though_it_was_never_committed(swept: SweptLake):
    first = load(swept)
    dead = load(swept, 2)
    assert removed(plan(swept, first, policy=SUPERSEDED)) == {}
    (rebuild,) = plan_rebuild(dataset(), [first], Selection(), swept)
    assert raw_seal(rebuild, swept).generation == dead.generation
    assert curated_again(rebuild, swept).parts == swept.find_seal("curated", NAME, BATCH, 2).parts


def test_the_raw_parts_that_the_current_generation_was_made_from_stay(swept: SweptLake):
    first = load(swept)
    seal_raw(swept, 2)  # a rebuild from the portal that died: its raw seal is the newest
    third = load(swept, 3, raw=swept.find_seal("raw", NAME, BATCH))
    gone = removed(plan(swept, first, third, policy=SUPERSEDED))
    assert gone
    assert not any(key.startswith("raw/") for key in gone)


def test_a_replaced_generation_stays_for_undo_unless_it_is_asked_for(swept: SweptLake):
    first, second = load(swept), load(swept, 2)
    assert removed(plan(swept, first, second)) == {}
    gone = removed(plan(swept, first, second, policy=SUPERSEDED))
    assert set(gone.values()) == {"superseded"}
    assert not any("generation-002" in key for key in gone)


def test_raw_parts_that_a_committed_generation_was_made_from_count_as_superseded_whoever_sealed_them(swept: SweptLake):
    first, dead = load(swept), seal_raw(swept, 2)
    third, fourth = load(swept, 3, raw=dead), load(swept, 4)
    gone = removed(plan(swept, first, third, fourth, policy=SUPERSEDED))
    assert gone[dead.parts[0].key] == "superseded"


def test_parts_that_a_later_generation_took_over_stay_when_the_earlier_one_goes(swept: SweptLake):
    first = load(swept)
    (rebuild,) = plan_rebuild(dataset(), [first], Selection(), swept)
    again = entry(curated_again(rebuild, swept))
    gone = removed(plan(swept, first, again, policy=SUPERSEDED))
    assert gone == {Layout(NAME, BATCH).manifest(first.seal_hash): "superseded"}


def test_an_undone_batch_keeps_what_brings_it_back(swept: SweptLake):
    undone = entry(state="undone", generation=2)
    dead = part(swept, "curated", "dead").key
    assert removed(plan(swept, load(swept), undone, policy=SUPERSEDED)) == {dead: "orphan"}


def test_a_sealed_batch_that_was_given_up_keeps_what_it_could_be_loaded_from(swept: SweptLake):
    seal_raw(swept)
    dead = part(swept, "curated", "dead").key
    assert removed(plan(swept, entry(), policy=SUPERSEDED)) == {dead: "orphan"}


def test_a_part_that_the_seal_of_an_open_batch_names_stays_wherever_it_lies(swept: SweptLake):
    borrowed = part(swept, "quarantine", "lent")
    swept.put_seal("raw", Seal(NAME, "replay-1", "a1", (borrowed,), 1))
    assert removed(plan(swept, load(swept))) == {}


@pytest.mark.parametrize("zone", ["raw", "curated"])
def test_a_committed_batch_whose_seal_is_missing_is_left_alone_and_named(swept: SweptLake, s3: Any, zone: str):
    committed = load(swept)
    part(swept, "raw", "dead")
    s3.delete_object(Bucket="lake", Key=Layout(NAME, BATCH).seal(zone))
    found = plan(swept, committed, policy=SUPERSEDED)
    assert removed(found) == {}
    assert f"{BATCH}: the {zone} seal" in found.warnings[0]


def test_a_committed_batch_under_another_seal_is_left_alone(swept: SweptLake):
    part(swept, "raw", "dead")
    found = plan(swept, replace(load(swept), seal_hash="f" * 64))
    assert (removed(found), len(found.warnings)) == ({}, 1)


def test_a_committed_batch_made_from_another_raw_seal_is_left_alone(swept: SweptLake):
    part(swept, "raw", "dead")
    other = msgspec.structs.replace(seal_raw(swept), extracted=9)
    found = plan(swept, entry(seal_curated(swept, other)))
    assert (removed(found), len(found.warnings)) == ({}, 1)


def test_a_seal_that_cannot_be_read_stops_the_dataset(swept: SweptLake, s3: Any):
    s3.put_object(Bucket="lake", Key=Layout(NAME, "broken").seal("raw"), Body=b"not a seal")
    with pytest.raises(SealConflict):
        swept.survey(NAME)


@pytest.mark.parametrize(
    "name", ["notes.txt", "a1/part-00001.csv", "a1/SEAL.json", "generation-2x/part-00001.parquet", "a1/b2/part-00001.parquet"]
)  # fmt: skip
def test_a_key_that_esteira_never_makes_stays(swept: SweptLake, s3: Any, name: str):
    s3.put_object(Bucket="lake", Key=f"curated/{NAME}/{BATCH}/{name}", Body=b"somebody's")
    assert removed(plan(swept, load(swept))) == {}


def test_a_dataset_whose_name_begins_alike_is_not_listed(swept: SweptLake):
    swept.put_part(Layout("rows_2", BATCH).part("raw", "a1", 1), b"x", rows=1)
    assert swept.survey(NAME).stored == ()


@pytest.mark.parametrize("generation", [1, 2, 1000])
def test_every_key_of_the_layout_is_read_back(generation: int):
    layout = Layout(NAME, BATCH, generation)
    keys = [layout.part(zone, "0a1b2c3d", 1) for zone in ("raw", "curated", "quarantine")]
    for key in [*keys, layout.checkpoint("0a1b2c3d", 100_000), layout.seal("curated"), layout.manifest("f" * 64)]:
        place = place_of(key)
        assert place is not None, key
        assert (place.zone, place.dataset) == (key.split("/")[0], NAME)
        assert (place.batch, place.generation, place.is_seal) == (BATCH, generation, key.endswith("SEAL.json"))


def test_a_checkpoint_goes_before_the_parts_that_it_names(swept: SweptLake):
    dead = part(swept, "raw", "dead")
    checkpoint(swept, "dead", parts=(dead,))
    part(swept, "curated", "dead")
    first, *_ = plan(swept, entry()).removals
    assert "/checkpoint-" in first.key


def test_a_deleted_object_stays_restorable(swept: SweptLake, s3: Any):
    key = part(swept, "raw", "dead").key
    swept.delete([key])
    assert swept.survey(NAME).stored == ()
    history = s3.list_object_versions(Bucket="lake", Prefix=key)
    s3.delete_object(Bucket="lake", Key=key, VersionId=history["DeleteMarkers"][0]["VersionId"])
    assert s3.get_object(Bucket="lake", Key=key)["Body"].read().endswith(b"holds this")


def test_more_objects_than_one_request_takes_are_all_deleted(swept: SweptLake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("esteira.lake.sweep.DELETE_AT_ONCE", 2)
    keys = [part(swept, "raw", "dead", number=number).key for number in range(1, 6)]
    swept.delete(keys)
    assert swept.survey(NAME).stored == ()


def test_deleting_nothing_asks_nothing(swept: SweptLake):
    swept.delete([])


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", AuthError), ("InternalError", LakeUnavailable)])
def test_an_object_that_s3_did_not_delete_is_an_error(swept: SweptLake, code: str, kind: type, monkeypatch: Any):
    answer = {"Errors": [{"Key": "raw/x", "Code": code}, {"Key": "raw/y", "Code": code}]}
    monkeypatch.setattr(swept.client, "delete_objects", lambda **_: answer)
    with pytest.raises(kind, match=r"raw/x failed with .*1 other"):
        swept.delete(["raw/x", "raw/y"])


def test_a_profile_that_does_not_exist_is_refused(aws: None):
    with pytest.raises(ConfigError, match="ESTEIRA_UPKEEP_PROFILE=nobody"):
        SweptLake.under("lake", "nobody")


def test_only_uploads_of_a_certain_age_are_given_up():
    begun = {age: Upload(f"raw/{age}", "u", DAY - age) for age in (UPLOAD_AGE, UPLOAD_AGE - LATER)}
    assert stale_uploads(begun.values(), SweepPolicy(), DAY) == [begun[UPLOAD_AGE]]


def test_an_unfinished_upload_is_found_and_thrown_away(swept: SweptLake, s3: Any):
    for key in ("raw/rows/b/a1/part-00001.json.zst", "export/x", "elsewhere/x"):
        s3.create_multipart_upload(Bucket="lake", Key=key)
    found = swept.unfinished_uploads()
    assert [upload.key.split("/")[0] for upload in found] == ["raw", "export"]
    for upload in found:
        swept.abort(upload)
    assert swept.unfinished_uploads() == []


def test_only_the_pages_of_single_batches_grow_old():
    keys = (
        "report/html/rows/b/1.html",
        "report/html/rows/latest.html",
        "report/html/index.html",
        "report/attempts/rows/b/x/begun.json",
    )
    moment = datetime(2014, 1, 2, tzinfo=UTC)
    stored = [Stored(key, 100, moment) for key in keys]
    assert old_pages(stored, SweepPolicy(), moment + PAGE_AGE - timedelta(seconds=1)) == ()
    assert [removal.key for removal in old_pages(stored, SweepPolicy(), moment + PAGE_AGE)] == [keys[0]]
