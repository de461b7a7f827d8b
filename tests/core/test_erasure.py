"""Which rows an erasure means, what it leaves of a page, and in which order it deletes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pyarrow as pa
import pytest

from esteira.contract import Quality
from esteira.curate import curate
from esteira.erasure.key import Key, read_key
from esteira.erasure.purge import doomed_keys, doomed_pages, doomed_versions, tombstones
from esteira.erasure.rewrite import rewrite
from esteira.erasure.search import Findings, Search
from esteira.erasure.standing import Standing, standings
from esteira.errors import ConfigError, SealConflict
from esteira.extraction.extract import extract
from esteira.lake import Checkpoint, Lake, Layout, PagePointer, Seal, Tombstone
from esteira.lake.sweep import Survey, SweptLake, Version
from esteira.portal import records_of, without_records
from esteira.rebuild import Rebuild, Selection, curated_again, plan_rebuild, raw_seal
from esteira.reconcile import reconcile
from esteira.warehouse import LedgerEntry
from tests.core.small import dataset, record, source

SECRET = "Maria's"
LENIENT = Quality(max_quarantine_ratio=1)
BATCH = "2013-01-01_2013-01-02-0a1b2c3d"
NOW = datetime(2013, 1, 2, tzinfo=UTC)
ENTRY = LedgerEntry(BATCH, NOW - timedelta(days=1), NOW)


@pytest.fixture
def swept(s3: Any, session: boto3.Session) -> SweptLake:
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    return SweptLake("lake", session)


def key(*given: str, **contract: Any) -> Key:
    return read_key(dataset(**contract), given)


def page(*records: dict[str, Any], **envelope: Any) -> bytes:
    return json.dumps({"rows": list(records), **envelope}).encode()


def store_raw(lake: Lake, *bodies: bytes, generation: int = 1, attempt: str = "a1") -> Seal:
    """One part, a page each, sealed as extract does."""
    rows = [len(records_of(body, source())) for body in bodies]
    content = pa.Codec("zstd").compress(b"".join(bodies), asbytes=True)
    pages = tuple(
        PagePointer(number, len(body), count) for number, (body, count) in enumerate(zip(bodies, rows, strict=True), 1)
    )
    stored = lake.put_part(
        Layout("rows", BATCH, generation).part("raw", attempt, 1), content, rows=sum(rows), pages=pages
    )
    return Seal("rows", BATCH, attempt, (stored,), sum(rows), total_reported=sum(rows), generation=generation)


def committed(lake: Lake, *bodies: bytes) -> tuple[Seal, LedgerEntry]:
    """A batch as it stands after its load."""
    raw = lake.put_seal("raw", store_raw(lake, *bodies))
    curated = curate(dataset(quality=LENIENT), raw, lake=lake)
    entry = LedgerEntry(BATCH, NOW - timedelta(days=1), NOW, curated.hash, extracted=raw.extracted, curated=curated.curated,
                        quarantined=curated.quarantined)  # fmt: skip
    return raw, entry


def search(lake: SweptLake, wanted: Key, *entries: LedgerEntry) -> Findings:
    survey = lake.survey("rows")
    stand = standings(survey, {entry.batch_id: entry for entry in entries})
    return Search(dataset(quality=LENIENT), wanted, lake, survey).run(stand.values())


@pytest.mark.parametrize("given", [(), ("id",), ("nobody=1",), ("id=1", "id=2"), (f"id={SECRET}",), (f"at={SECRET}",)])
def test_a_key_that_is_none_is_refused_without_its_value(given: tuple[str, ...]):
    with pytest.raises(ConfigError) as caught:
        key(*given)
    assert SECRET not in caught.value.paragraph()


def test_a_key_is_printed_without_its_values():
    assert SECRET not in repr(key(f"text={SECRET}"))


def test_the_digest_differs_from_request_to_request_and_can_be_computed_again():
    wanted = key("id=7")
    assert wanted.digest("a") == key("id=7").digest("a") != wanted.digest("b")


@pytest.mark.parametrize(
    ("given", "said"),
    [("id=7", {"id": 7}), ("id=7", {"id": "7"}), ("id=7", {"id": 7.0}), ("text=a=b", {"text": "a=b"}), ("is_ok=true", {"is_ok": True}),
     ("amount=1.5", {"amount": "1.50"}), ("at=2013-01-01T02:00:00+02:00", {"at": "2013-01-01T00:00:00Z"}),
     ("at=2013-01-01T00:00:00", {"at": "2013-01-01T00:00:00Z"})],
)  # fmt: skip
def test_a_record_holds_the_key_however_the_portal_writes_it(given: str, said: dict[str, Any]):
    assert key(given).is_in(json.dumps(record(**said)))


def test_a_record_with_another_value_a_null_or_only_one_of_two_does_not_hold_the_key():
    assert not key("id=7").is_in(json.dumps(record(id=8)))
    assert not key("id=7").is_in(json.dumps(record(id=None)))
    assert not key("id=7", "text=a").is_in(json.dumps(record(id=7, text="b")))


def test_a_name_that_stands_twice_in_a_record_tells_both_values():
    assert key("id=7").is_in(b'{"id": 7, "id": 8}')


def test_a_renamed_column_is_compared_by_the_portals_name():
    wanted = key("id=7", source=source(rename={"number": "id"}))
    assert wanted.is_in(b'{"number": 7}')
    assert not wanted.is_in(b'{"id": 7}')


def test_a_column_that_the_transform_makes_cannot_be_told_from_a_record():
    wanted = key("id=7", derived=("id",), transform=lambda frame: frame)
    assert wanted.is_in(b'{"id": 7}') is None


def test_a_page_keeps_everything_but_the_record_byte_for_byte():
    others = b'{"id":1,"x":1.50,"y":12345678901234567890123},{"id":3,"id":3,"z":1e5}'
    body = b'{"count": 3, "rows": [' + others.replace(b"},{", b'},{"id":2},{') + b'], "more": {"at": 1.10}}'
    assert without_records(body, source(), {1}, ("2",)) == b'{"count":3,"rows":[' + others + b'],"more":{"at":1.10}}'


def test_a_page_without_the_key_stays_as_it_is():
    body = b'{ "rows" : [ {"id": 1} ], "next": "abc" }'
    assert without_records(body, source(), (), ("zzz",)) == body


def test_a_cursor_made_of_the_erased_value_becomes_null():
    body = page(record(), next_url="https://x/rows?after=Maria%27s", token=7, total=70)
    made = json.loads(without_records(body, source(), (), (SECRET, "7")))
    assert (made["next_url"], made["token"], made["total"]) == (None, None, 70)


def test_a_page_that_is_the_list_loses_its_record():
    assert without_records(b'[{"id":1},{"id":2}]', source(records=""), {0}, ()) == b'[{"id":2}]'


def test_records_below_a_projection_are_taken_out_with_what_leads_to_them():
    body = b'{"edges":[{"node":{"id":1}},{"node":{"id":2}}]}'
    assert without_records(body, source(records="edges[].node"), {1}, ()) == b'{"edges":[{"node":{"id":1}}]}'


def test_a_path_that_makes_new_objects_is_refused():
    with pytest.raises(ConfigError, match="makes new objects"):
        without_records(b'{"rows":[{"id":1},{"id":2}]}', source(records="rows[].{id: id}"), {1}, ())


def test_good_and_quarantined_records_are_found_by_position(swept: SweptLake):
    _, entry = committed(swept, page(record(id=1), record(id=7)), page(record(id=7, small=999), record(id=3)))
    (found,) = search(swept, key("id=7"), entry).holding
    assert (found.positions, found.is_elsewhere) == ({1, 2}, False)
    assert search(swept, key("id=8"), entry) == Findings()


def test_an_unsealed_raw_part_is_read_although_nothing_tells_its_pages(swept: SweptLake):
    store_raw(swept, page(record(id=1)) + b"\n", page(record(id=7)))
    (found,) = search(swept, key("id=7")).holding
    assert (found.positions, found.is_elsewhere) == (frozenset(), True)


@pytest.mark.parametrize("content", [b"not compressed", pa.Codec("zstd").compress(b"no JSON", asbytes=True)])
def test_what_lies_among_raw_parts_and_cannot_be_read_is_named_and_nothing_is_erased(swept: SweptLake, content: bytes):
    swept.put_part(Layout("rows", BATCH, 1).part("raw", "a1", 9), content, rows=1)
    with pytest.raises(SealConflict, match=r"part-00009\S* lies among the parts of rows") as found:
        search(swept, key("id=7"))
    assert "nothing was erased" in str(found.value.hint)


def test_records_that_the_contract_cannot_take_are_found_by_what_the_portal_wrote(swept: SweptLake):
    swept.put_seal("raw", store_raw(swept, page({"id": 1}, {"id": 7})))
    (found,) = search(swept, key("id=7")).holding
    assert found.positions == {1}


def test_rewritten_raw_says_how_many_were_erased_and_the_source_still_agrees(swept: SweptLake):
    raw, _ = committed(swept, page(record(id=1), record(id=7)), page(record(id=7), record(id=3)))
    made = rewrite(dataset(), raw, 2, {1, 2}, ("7",), swept)
    assert (made.extracted, made.erased, made.total_reported) == (2, 2, 4)
    assert swept.find_seal("raw", "rows", BATCH, 2) == made
    curated = curate(dataset(), made, lake=swept, generation=2)
    entry = LedgerEntry(BATCH, NOW, NOW, curated.hash, extracted=2, curated=2, generation=2, table_rows=2)
    assert reconcile("rows", [entry], {BATCH: 2}, swept).differences == ()


def test_a_number_that_another_run_sealed_meanwhile_is_refused(swept: SweptLake):
    raw, _ = committed(swept, page(record(id=7)))
    swept.put_seal("raw", store_raw(swept, page(record(id=7)), generation=2, attempt="b2"))
    with pytest.raises(SealConflict, match="another run"):
        rewrite(dataset(), raw, 2, {0}, ("7",), swept)


def test_a_seal_from_before_erasures_keeps_its_hash():
    old = b'{"dataset":"rows","batch":"b","attempt":"a","parts":[],"extracted":0,"quarantine":[],"curated":0,"quarantined":0,'
    old += b'"total_reported":null,"reasons":{},"warnings":[],"raw_seal":null,"raw_generation":1,"generation":1}'
    assert Seal("rows", "b", "a", (), 0).encode() == old
    assert b'"columns":["id int64"]}' in Seal("rows", "b", "a", (), 0, columns=("id int64",)).encode()


def test_old_versions_and_markers_go_first_checkpoints_before_parts_and_seals_never():
    def version(name: str, *, is_latest: bool = True, is_marker: bool = False) -> Version:
        return Version(f"raw/rows/b/{name}", f"v{name}{is_latest}", is_latest, is_marker, NOW)

    part, checkpoint = version("a/part-00001.json.zst"), version("a/checkpoint-00001.json")
    old, kept, stone = version("a/part-00001.json.zst", is_latest=False), version("a/kept"), version("TOMBSTONE.json")
    found = doomed_versions(
        [part, kept, checkpoint, version("SEAL.json"), stone, old], {part.key, checkpoint.key, stone.key}
    )
    assert found == [old, checkpoint, part]


def test_the_pages_of_a_batch_go_before_its_parts_and_the_latest_page_with_them():
    keys = (
        "report/html/rows/b/1.html",
        "report/html/rows/other/1.html",
        "report/html/rows/latest.html",
        "raw/rows/b/a/part-00001.json.zst",
    )
    own, other, latest, part = (Version(key, "v1", is_latest=True, is_marker=False, modified_at=NOW) for key in keys)
    pages = doomed_pages([own, other, latest, part], {"b"})
    assert pages == {own.key, latest.key}
    assert doomed_pages([own, latest], ()) == frozenset()
    assert doomed_versions([part, other, latest, own], {part.key, *pages}) == [own, latest, part]


def purge(lake: SweptLake, standing: Standing) -> None:
    survey, stand = lake.survey("rows"), {standing.batch: standing}
    doomed = doomed_keys(survey, stand)
    for zone, layout, stone in tombstones(survey, stand, doomed, "lgpd-17", NOW):
        lake.put_tombstone(zone, layout, stone)
    lake.delete_versions(doomed_versions(lake.versions("rows"), doomed))


def test_a_process_that_finds_a_purged_seal_goes_on_with_what_replaced_it(swept: SweptLake):
    raw, _ = committed(swept, page(record(id=1), record(id=7)))
    made = rewrite(dataset(), raw, 2, {1}, ("7",), swept)
    purge(swept, standings(swept.survey("rows"), {})[BATCH])
    batch = plan_rebuild(dataset(), [ENTRY], Selection(), swept)[0].batch
    assert extract(dataset(), batch, portal=None, lake=swept) == made  # type: ignore[arg-type] # it must not be asked
    curated = curate(dataset(), made, lake=swept)
    assert (curated.generation, curated.raw_generation, curated.extracted) == (2, 2, 1)
    assert swept.find_tombstone("raw", Layout("rows", BATCH)) == Tombstone(NOW, "lgpd-17", 2, 1)
    assert search(swept, key("id=7")).holding == ()


def test_a_rebuild_passes_by_what_was_purged(swept: SweptLake):
    raw, _ = committed(swept, page(record(id=1), record(id=7)))
    made = rewrite(dataset(), raw, 2, {1}, ("7",), swept)
    purge(swept, standings(swept.survey("rows"), {})[BATCH])
    again = Rebuild(plan_rebuild(dataset(), [ENTRY], Selection(), swept)[0].batch, 4, 1)
    assert raw_seal(again, swept) == made
    with pytest.raises(SealConflict, match="no sealed curated parts"):
        curated_again(again, swept)


def test_of_an_open_batch_checkpoints_go_so_that_its_extraction_starts_over(swept: SweptLake):
    seal = store_raw(swept, page(record(id=7)))
    layout = Layout("rows", BATCH)
    swept.put_checkpoint(layout, "a1", Checkpoint(seal.parts, {"next": "7"}, 2, None))
    (found,) = search(swept, key("id=7")).holding
    purge(swept, found.standing)
    assert swept.find_checkpoint(layout) is None
    assert swept.survey("rows") == Survey()
