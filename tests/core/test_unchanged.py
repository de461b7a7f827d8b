"""Snapshots that the portal need not send again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esteira.batch import Batch, Known, plan
from esteira.contract import Dataset, Incremental, Offset, Parent
from esteira.curate import curate
from esteira.errors import ConfigError
from esteira.extraction.beginning import Beginning, Unchanged, begin
from esteira.extraction.extract import extract
from esteira.lake import Lake, Provenance
from esteira.portal import Portal
from esteira.warehouse import LedgerEntry
from tests.core.small import Key, dataset, source
from tests.extract.hostile import Asked, Say, hostile, page

Opened = Callable[[str], Portal]
NOW = datetime(2014, 1, 2, 9, tzinfo=UTC)
MODIFIED = "Wed, 01 Jan 2014 00:00:00 GMT"
ETAG = 'W/"a1"'


def snapshot(**changes: Any) -> Dataset:
    return dataset(**({"schema": Key, "source": source(skip_unchanged=True)} | changes))


def batch_of(contract: Dataset, day: int = 0) -> Batch:
    return plan(contract, NOW + timedelta(days=day), Known())[0]


def answer(asked: Asked) -> Say:
    known = asked.headers.get("If-None-Match") == ETAG or asked.headers.get("If-Modified-Since") == MODIFIED
    headers = {"ETag": ETAG, "Last-Modified": MODIFIED}
    return Say(status=304, headers=headers) if known else page({"rows": [{"id": 1}]}, **headers)


def loaded(contract: Dataset, lake: Lake, open_portal: Opened, day: int = 0, say: Any = answer) -> LedgerEntry:
    """A batch in the lake, and its ledger entry."""
    batch = batch_of(contract, day)
    with hostile(say) as up:
        raw = extract(contract, batch, portal=open_portal(up.url), lake=lake)
    assert raw
    curated = curate(contract, raw, lake=lake)
    return LedgerEntry(batch.id, batch.window.start, batch.window.end, curated.hash, sequence=day + 1)


def begun(contract: Dataset, entries: list[LedgerEntry], lake: Lake, day: int = 1, generation: int = 1) -> Beginning:
    return begin(contract, batch_of(contract, day), generation, lambda _: entries, lake)


def test_the_second_day_asks_only_for_what_has_changed_and_nothing_is_stored(lake: Lake, open_portal: Opened):
    contract = snapshot()
    entry = loaded(contract, lake, open_portal)
    beginning = begun(contract, [entry], lake)
    assert beginning.known == Unchanged(entry.batch_id, ETAG, MODIFIED)
    with hostile(answer) as up:
        batch = batch_of(contract, 1)
        assert extract(contract, batch, portal=open_portal(up.url), lake=lake, beginning=beginning) is None
    (asked,) = up.asked
    assert (asked.headers["If-None-Match"], asked.headers["If-Modified-Since"]) == (ETAG, MODIFIED)
    assert lake.batches("rows") == [entry.batch_id]


def test_what_has_changed_is_downloaded_with_its_new_name(lake: Lake, open_portal: Opened):
    contract = snapshot()
    beginning = begun(contract, [loaded(contract, lake, open_portal)], lake)
    with hostile(lambda _: page({"rows": [{"id": 2}]}, ETag='"b2"')) as up:
        sealed = extract(contract, batch_of(contract, 1), portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert (sealed.extracted, sealed.provenance) == (1, Provenance(etag='"b2"'))


@pytest.mark.parametrize(("header", "told"), [("ETag", {"etag": "x"}), ("Last-Modified", {"modified": "x"})])
def test_one_of_the_two_names_is_enough(lake: Lake, open_portal: Opened, header: str, told: dict[str, str]):
    contract = snapshot()
    entry = loaded(contract, lake, open_portal, say=lambda _: page({"rows": []}, **{header: "x"}))
    assert begun(contract, [entry], lake).known == Unchanged(entry.batch_id, **told)


def test_a_portal_that_names_no_answer_is_asked_for_it_each_time(lake: Lake, open_portal: Opened):
    contract = snapshot()
    entry = loaded(contract, lake, open_portal, say=lambda _: page({"rows": []}))
    assert begun(contract, [entry], lake).known is None


def test_days_without_a_change_lead_back_to_the_last_committed_batch(lake: Lake, open_portal: Opened):
    contract = snapshot()
    entry = loaded(contract, lake, open_portal)
    same = LedgerEntry("b", NOW, NOW + timedelta(days=1), generation=0, state="unchanged", sequence=2)
    assert begun(contract, [entry, same], lake, day=2).known == Unchanged(entry.batch_id, ETAG, MODIFIED)


def test_after_an_undo_or_a_rebuild_it_is_downloaded_again(lake: Lake, open_portal: Opened):
    contract = snapshot()
    entry = loaded(contract, lake, open_portal)
    undone = LedgerEntry("b", NOW, NOW + timedelta(days=1), generation=2, state="undone", sequence=9)
    rebuilt = LedgerEntry(entry.batch_id, entry.window_start, entry.window_end, entry.seal_hash, generation=2)
    assert begun(contract, [entry, undone], lake, day=2).known is None
    assert begun(contract, [rebuilt], lake).known is None
    assert begun(contract, [], lake).known is None
    assert begun(contract, [entry], lake, generation=2).known is None
    assert begun(contract, [entry], lake, day=0).known is None  # a settled batch that is asked for again


def test_another_schema_or_another_source_is_downloaded_again(lake: Lake, open_portal: Opened):
    contract = snapshot()
    entry = loaded(contract, lake, open_portal)
    assert begun(dataset(source=contract.source), [entry], lake).known is None
    other = snapshot(source=source(skip_unchanged=True, params={"a": 1}))
    assert begun(other, [entry], lake).known is None


def test_without_skipping_nothing_is_remembered_and_nothing_is_asked_under_a_condition(lake: Lake, open_portal: Opened):
    contract = snapshot(source=source())
    entry = loaded(contract, lake, open_portal)
    assert lake.find_seal("raw", "rows", entry.batch_id).provenance == Provenance()  # type: ignore[union-attr]
    assert begun(contract, [entry], lake).known is None


@pytest.mark.parametrize(
    "changes",
    [
        {"paginator": Offset(2)},
        {"incremental": Incremental("at", "from", initial=0)},
        {"path": "/{parent.id}", "parent": Parent("projects")},
    ],
)
def test_skipping_needs_one_answer_that_is_the_whole_table(changes: dict[str, Any]):
    with pytest.raises(ConfigError, match="needs one answer to a GET that is the whole table"):
        source(skip_unchanged=True, **changes)


def test_skipping_changes_no_id():
    assert source(skip_unchanged=True).definition_hash == source().definition_hash
