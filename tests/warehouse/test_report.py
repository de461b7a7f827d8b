"""The facts of the quality pages, from a real ledger, real seals and real profiles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from esteira.contract import Append, Upsert
from esteira.errors import ConfigError
from esteira.lake.layout import latest_page
from esteira.profile import ColumnProfile
from esteira.report import Stage, render_batch
from esteira.report.gather import Sources, batch_facts, catalogue_facts, read_ledger, standing
from esteira.report.shelf import put_batch_page, put_catalogue_page
from esteira.warehouse import UndoRequest
from tests.core.reported import read

STAGE = Stage(datetime(2014, 1, 4, tzinfo=UTC), datetime(2014, 1, 4, 1, tzinfo=UTC), "lake", "dw", "test")


def item(number: int) -> dict[str, Any]:
    return {"id": number, "label": "a", "amount": 1}


def profiled(bench: Any, dataset: Any, nulls: int, *rows: dict[str, Any], **facts: Any) -> Any:
    profile = (ColumnProfile("id", 4, 0, 4), ColumnProfile("label", 4, nulls, 1))
    return replace(bench.request(dataset, list(rows), **facts), profile=profile)


def sources(bench: Any, *datasets: Any) -> Sources:
    return Sources(bench.lake, bench.warehouse, {dataset.name: dataset for dataset in datasets})


def test_a_batch_knows_those_before_it_and_how_its_nulls_moved(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    for day, nulls in enumerate((1, 2, 3), 1):
        bench.loader().load(profiled(bench, dataset, nulls, item(day), day=day))
    found, ledger = sources(bench, dataset), read_ledger(sources(bench, dataset), dataset.name)
    facts = batch_facts(found, dataset, ledger, ledger.current[1], STAGE)
    assert [entry.batch_id[:10] for entry in facts.history] == ["2014-01-01", "2014-01-02"]
    assert facts.past_nulls["label"] == (0.25, 0.5)
    assert facts.past_nulls["id"] == (0.0, 0.0)
    assert [profile.column for profile in facts.profiles] == ["id", "label"]
    assert facts.curated is not None
    assert facts.curated.hash == facts.entry.seal_hash


def test_a_replaced_generation_and_an_undone_batch_know_each_other(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    request = profiled(bench, dataset, 0, item(1))
    bench.loader().load(request)
    bench.loader().undo(UndoRequest(dataset, request.batch.id, "the wrong year"))
    found, ledger = sources(bench, dataset), read_ledger(sources(bench, dataset), dataset.name)
    old, new = ledger.generations(request.batch.id)
    assert batch_facts(found, dataset, ledger, old, STAGE).replaced_by == 2
    undone = batch_facts(found, dataset, ledger, new, STAGE)
    assert (undone.before, undone.curated, undone.profiles) == (old, None, ())
    assert "Taken out of the warehouse the wrong year Generation 1 had 1 row" in read(render_batch(undone)).text


def test_the_latest_page_is_that_of_the_newest_window_whichever_was_loaded_last(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    late, early = (profiled(bench, dataset, 0, item(day), day=day) for day in (2, 1))
    keys = []
    for request in (late, early):
        bench.loader().load(request)
        keys.append(put_batch_page(sources(bench, dataset), dataset, request.batch.id, STAGE))
    assert bench.lake.get(latest_page(dataset.name)) == bench.lake.get(keys[0])
    assert bench.lake.get(keys[1]) != bench.lake.get(keys[0])


def test_the_catalogue_counts_what_the_tables_hold_and_shows_what_was_never_loaded(bench: Any, make_dataset: Any):
    loaded, other = make_dataset(Append()), make_dataset(Append())
    bench.load(loaded, [item(1), item(2)])
    facts = {each.dataset.name: each for each in catalogue_facts(sources(bench, loaded, other), STAGE).datasets}
    assert (facts[loaded.name].rows, len(facts[loaded.name].history)) == (2, 1)
    assert (facts[other.name].rows, facts[other.name].history) == (None, ())
    key = put_catalogue_page(sources(bench, loaded, other), STAGE)
    assert f"{other.name} Never loaded" in read(bench.lake.get(key)).text


def test_a_batch_that_is_not_there_is_named_with_where_to_look(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    with pytest.raises(ConfigError, match="holds no batch yet"):
        standing(read_ledger(sources(bench, dataset), dataset.name), dataset.name)
    bench.load(dataset, [item(1)])
    with pytest.raises(ConfigError, match="holds no batch 1999"):
        standing(read_ledger(sources(bench, dataset), dataset.name), dataset.name, "1999")
