"""Datasets whose requests are made from the rows of another: what is asked, what stands in the records, how it goes on."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from esteira.contract import Offset, ResponseAction, SinglePage
from esteira.curate import curate
from esteira.erasure.rewrite import rewrite
from esteira.erasure.search import documents
from esteira.errors import ConfigError, PayloadError, SealConflict, SourceRejected, SourceUnavailable
from esteira.extraction.beginning import Beginning, begin
from esteira.extraction.extract import extract
from esteira.extraction.parents import ParentRows, open_parent
from esteira.lake import Lake, Layout, ParentSeal, Tombstone
from esteira.lake.index import pages_of
from esteira.portal import Portal, PortalConfig, given_to
from esteira.portal.parents import _object
from esteira.quality import curate_records
from esteira.raw import pointed_pages
from tests.core.family import NOW, Children, Opened, batch_of, rows_of, sealed_parent, tasks
from tests.core.small import NO_LAKE, raw
from tests.extract.hostile import Asked, Say, hostile, page


@pytest.mark.fault(20)
def test_what_a_parent_gives_is_no_new_column_and_what_the_portal_adds_beside_it_is(lake: Lake):
    contract, entry = tasks(), sealed_parent(lake, [7, 8])
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(lambda _: page({"rows": [{"id": 1, "gate": "B"}], "total": 1})) as up:
        sealed = extract(contract, batch_of(contract), portal=opened(up.url, 1), lake=lake, beginning=beginning)
    curated = curate(contract, sealed, lake=lake)
    assert curated.seen
    assert (curated.curated, curated.seen.new, curated.seen.absent) == (2, {"gate": "text"}, ())


@pytest.mark.parametrize("concurrent", [1, 4])
def test_each_row_of_the_parent_is_walked_and_its_values_stand_in_the_childrens_records(lake: Lake, concurrent: int):
    contract, entry = tasks(), sealed_parent(lake, [7, 8, 9, 10, 11])
    portal = Children(p7=3, p8=0, p9=1, p10=5, p11=2)
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(portal) as up:
        sealed = extract(
            contract, batch_of(contract), portal=opened(up.url, concurrent), lake=lake, beginning=beginning
        )
    assert rows_of(contract, sealed, lake) == portal.rows
    assert (sealed.extracted, sealed.total_reported) == (11, 11)
    assert sealed.provenance.parent == ParentSeal("projects", entry.batch_id, 1, entry.seal_hash)
    assert len(up.asked) == len({(asked.path, asked.query["offset"]) for asked in up.asked})  # nothing twice


def opened(url: str, concurrent: int) -> Portal:

    quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.02, "max_attempts": 2}
    return Portal(
        PortalConfig(name="small", base_url=url, allow_private_hosts=True, max_concurrent_requests=concurrent, **quick),
        {},
    )


def test_raw_pages_stay_byte_for_byte_what_the_portal_sent(lake: Lake, open_portal: Opened):
    contract, entry = tasks(), sealed_parent(lake, [7, 8])
    with hostile(lambda _: Say(b'{"rows": [ {"id" : 1.0e0} ],\n "total":1}')) as up:
        beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
        sealed = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
    (part,) = sealed.parts
    content = lake.read_part(part)
    assert [(body, pointer.given.encode()) for body, pointer in pointed_pages(content, part)] == [
        (b'{"rows": [ {"id" : 1.0e0} ],\n "total":1}', b'{"project_id":7}'),
        (b'{"rows": [ {"id" : 1.0e0} ],\n "total":1}', b'{"project_id":8}'),
    ]
    assert [pointer.number for pointer in pages_of(part, content)] == [1, 2]
    assert len(part.pages) == 1  # the index lies in the part: a million parents make no seal of a hundred megabytes


def test_a_parent_without_rows_is_a_batch_without_rows(lake: Lake, open_portal: Opened):
    contract, entry = tasks(), sealed_parent(lake, [])
    with hostile(Children()) as up:
        beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
        sealed = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
        assert (sealed.extracted, sealed.parts, up.asked) == (0, (), [])
    assert curate(contract, sealed, lake=lake).curated == 0


@pytest.mark.fault(17)
def test_totals_are_summed_over_the_parents(lake: Lake, open_portal: Opened):
    contract, entry = tasks(paginator=Offset(limit=2)), sealed_parent(lake, [7, 8])
    answers = {"/projects/7/tasks": 1, "/projects/8/tasks": 4}
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)

    def answer(asked: Asked) -> Say:
        is_first = asked.query["offset"] == "0"
        return page({"rows": [{"id": 1}] if is_first else [], "total": answers[asked.path]})

    with hostile(answer) as up, pytest.raises(PayloadError, match="reports 5 rows for this window and delivered 2"):
        extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)


@pytest.mark.fault(6)
def test_a_resumed_batch_goes_on_inside_a_parents_pages_and_keeps_its_parents(
    lake: Lake, new_lake: Callable[[], Lake], open_portal: Opened
):
    contract, entry = tasks(pages_per_part=1), sealed_parent(lake, [7, 8, 9])
    portal, is_up = Children(p7=3, p8=7, p9=1), False

    def answer(asked: Asked) -> Say:
        is_asked = is_up or asked.path != "/projects/8/tasks" or asked.query["offset"] in {"0", "2"}
        return portal(asked) if is_asked else page({}, 503)

    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(answer) as up:
        with pytest.raises(SourceUnavailable):
            extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
        before, is_up = len(up.asked), True
        newer = sealed_parent(lake, [9], day=1)
        later = begin(contract, batch_of(contract), 1, lambda _: [newer], NO_LAKE)
        sealed = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=new_lake(), beginning=later)
    again = [(asked.path, asked.query["offset"]) for asked in up.asked[before:]]
    assert again == [("/projects/8/tasks", "4"), ("/projects/8/tasks", "6"), ("/projects/9/tasks", "0")]
    assert rows_of(contract, sealed, lake) == portal.rows
    assert sealed.total_reported == 11
    assert sealed.provenance.parent == beginning.parent


@pytest.mark.fault(35)
def test_a_parents_seal_that_is_gone_or_another_is_an_error(lake: Lake, open_portal: Opened):
    found = sealed_parent(lake, [7])
    for wrong in (ParentSeal("projects", "b", 1, "x"), ParentSeal("projects", found.batch_id, 1, "x")):
        with pytest.raises(SealConflict, match=r"not in the lake|stands in its place"):
            open_parent(wrong, ["id"], lake)
    contract = tasks()
    beginning = Beginning(1, None, ParentSeal("projects", "b", 1, "x"))
    with hostile(Children()) as up, pytest.raises(SealConflict) as caught:
        extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert caught.value.dataset == "tasks"


def test_the_parents_rows_are_read_a_batch_at_a_time_and_forward(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("esteira.extraction.parents.BATCH_ROWS", 3)
    ids = list(range(100, 130))
    found = sealed_parent(lake, ids, rows_per_part=7)
    opened_rows = open_parent(ParentSeal("projects", found.batch_id, 1, found.seal_hash), ["id"], lake)
    assert len(opened_rows) == 30
    assert [opened_rows[position]["id"] for position in range(30)] == ids
    assert [opened_rows[position]["id"] for position in (0, 29, 28, 13)] == [100, 129, 128, 113]
    assert len(opened_rows._batches) <= 2


def test_a_column_that_the_parents_batch_does_not_have_is_named(lake: Lake):
    found = sealed_parent(lake, [7])
    seal = lake.find_seal("curated", "projects", found.batch_id)
    assert seal
    with pytest.raises(ConfigError, match="no column code"):
        ParentRows(seal.parts, ["code"], lake)[0]


@pytest.mark.parametrize(
    ("record", "joined"),
    [
        (b'{"id":1}', b'{"p":"a","id":1}'),
        (b"{ }", b'{"p":"a" }'),
        (b"{}", b'{"p":"a"}'),
        (b' {"id":1}', b'{"p":"a","id":1}'),
    ],
)
def test_a_record_is_given_the_parents_values(record: bytes, joined: bytes):
    (made,) = given_to([msgspec.Raw(record)], b'{"p":"a"}')
    assert bytes(made) == joined
    assert json.loads(joined)["p"] == "a"


def test_a_column_that_the_portal_sends_itself_is_not_overwritten(lake: Lake):
    records = given_to(raw({"id": 1, "project_id": 3}), b'{"project_id":7}')

    assert curate_records(records, tasks()).reasons == {"project_id: duplicate key": 1}


def test_digits_of_a_parents_value_survive():

    given = {"a": 2**63, "b": Decimal("1234567890123456.78"), "c": None, "d": datetime(2014, 1, 1, tzinfo=UTC)}
    assert _object(given) == b'{"a":9223372036854775808,"b":1234567890123456.78,"c":null,"d":"2014-01-01T00:00:00Z"}'


def test_children_of_a_parent_that_was_purged_meanwhile_are_asked_for_anew(lake: Lake, open_portal: Opened):
    contract, first = tasks(pages_per_part=1), sealed_parent(lake, [7, 8])
    portal, is_up = Children(p7=2, p8=1, p9=1), False
    batch = batch_of(contract)
    with hostile(lambda asked: portal(asked) if is_up or "/7/" in asked.path else page({}, 503)) as up:
        beginning = begin(contract, batch, 1, lambda _: [first], NO_LAKE)
        with pytest.raises(SourceUnavailable):
            extract(contract, batch, portal=open_portal(up.url), lake=lake, beginning=beginning)
        stone = Tombstone(purged_at=NOW, request="r", replaced_by=2, objects=1)
        lake.put(Layout("projects", first.batch_id).tombstone("curated"), msgspec.json.encode(stone))
        newer, is_up = sealed_parent(lake, [8, 9], day=1), True
        later = begin(contract, batch, 1, lambda _: [newer], NO_LAKE)
        sealed = extract(contract, batch, portal=open_portal(up.url), lake=lake, beginning=later)
    assert sealed is not None
    assert rows_of(contract, sealed, lake) == [(8, 0), (9, 0)]
    assert sealed.provenance.parent == later.parent


def test_a_parents_404_by_contract_is_no_error_and_is_told(lake: Lake, open_portal: Opened):
    contract = tasks(responses=(ResponseAction("ignore", status=404),), total=None, paginator=Offset(limit=2))
    portal, entry = Children(p7=1, p9=3), sealed_parent(lake, [7, 8, 9])
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(lambda asked: page({}, 404) if "/8/" in asked.path else portal(asked)) as up:
        sealed = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert sealed is not None
    assert rows_of(contract, sealed, lake) == portal.rows
    assert any("404" in warning for warning in sealed.warnings)


def test_a_parents_404_without_a_rule_is_an_error(lake: Lake, open_portal: Opened):
    contract, entry = tasks(), sealed_parent(lake, [7])
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(lambda _: page({}, 404)) as up, pytest.raises(SourceRejected, match="404"):
        extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)


def test_a_rule_about_rows_so_far_counts_those_of_one_parent(lake: Lake, open_portal: Opened):
    """A total that is short of rows says so of its own parent's rows, also after a kill inside them."""
    rule = ResponseAction("fail", is_short=True)
    contract = tasks(responses=(rule,), pages_per_part=1)
    portal, entry, is_up = Children(p7=3, p8=4), sealed_parent(lake, [7, 8]), False
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    batch = batch_of(contract)
    with hostile(lambda asked: portal(asked) if is_up or asked.query["offset"] == "0" else page({}, 503)) as up:
        with pytest.raises(SourceUnavailable):
            extract(contract, batch, portal=open_portal(up.url), lake=lake, beginning=beginning)
        is_up = True
        sealed = extract(contract, batch, portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert sealed is not None
    assert rows_of(contract, sealed, lake) == portal.rows


def test_a_parents_value_stands_in_parameters_and_in_a_posts_body(lake: Lake, open_portal: Opened):
    asked_for = {"params": {"p": "{parent.id}"}, "path": "/tasks"}
    contract, entry = tasks(**asked_for, total=None, paginator=SinglePage()), sealed_parent(lake, [7, 8])
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(lambda _: page({"rows": [{"id": 1}]})) as up:
        extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert [(asked.path, asked.query) for asked in up.asked] == [("/tasks", {"p": "7"}), ("/tasks", {"p": "8"})]
    assert tasks(path="/tasks", method="POST", body={"p": "{parent.id}"}).source.parent_columns == ("id",)


def test_an_erased_child_leaves_its_part_and_the_others_keep_their_parents(lake: Lake, open_portal: Opened):
    contract, entry = tasks(pages_per_part=None), sealed_parent(lake, [7, 8])
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(Children(p7=2, p8=2)) as up:
        sealed = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert sealed is not None
    made = rewrite(contract, sealed, 2, {2}, (), lake)
    assert rows_of(contract, made, lake) == [(7, 0), (7, 1), (8, 1)]
    (part,) = made.parts
    assert [pointer.rows for pointer in pages_of(part, lake.read_part(part))] == [2, 1]


def test_pages_of_a_part_that_no_seal_names_end_where_their_index_begins(lake: Lake, open_portal: Opened):
    contract, entry = tasks(pages_per_part=None), sealed_parent(lake, [7, 8])
    beginning = begin(contract, batch_of(contract), 1, lambda _: [entry], NO_LAKE)
    with hostile(Children(p7=1, p8=2)) as up:
        sealed = extract(contract, batch_of(contract), portal=open_portal(up.url), lake=lake, beginning=beginning)
    assert sealed is not None
    content = lake.read_part(sealed.parts[0])
    assert [len(json.loads(body)["rows"]) for body, _ in documents(content)] == [1, 2]
