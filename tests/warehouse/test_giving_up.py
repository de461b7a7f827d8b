"""A batch that is given up: a ledger row without rows, which blocks nothing and which a later load supersedes."""

from typing import Any

import pytest

from esteira.contract import Append
from esteira.warehouse import SettleRequest
from esteira.warehouse.reads import read_status, standing

pytestmark = pytest.mark.fault(57)


def item(number: int) -> dict[str, Any]:
    return {"id": number, "label": "a", "amount": 1}


def test_a_batch_that_is_given_up_is_settled_without_rows_and_the_watermark_passes_it(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    request = bench.request(dataset, [item(2)], day=2)
    result = bench.loader().settle(SettleRequest(request.batch, "LoadError: No. " + "é" * 5000, run="r", version="0"))
    assert (result.is_new, result.entry.state, result.entry.generation) == (True, "given_up", 0)
    assert result.entry.reason.startswith("LoadError: No. é")
    assert (result.entry.window_start, result.entry.window_end) == (
        request.batch.window.start,
        request.batch.window.end,
    )
    found = standing(bench.warehouse, dataset.name)
    assert found.watermark == request.batch.window.end
    assert request.batch.id in found.settled - found.loaded
    assert bench.rows(dataset) == [(1, "a", 1)]
    assert read_status(bench.warehouse, [dataset])[0].last[0].state == "given_up"


def test_it_loads_when_it_is_asked_for_by_name(bench: Any, make_dataset: Any):
    request = bench.request(make_dataset(Append()), [item(1)])
    bench.loader().settle(SettleRequest(request.batch, "why"))
    assert bench.loader().load(request).is_new
    assert bench.rows(request.dataset) == [(1, "a", 1)]
    (current,) = bench.ledger(request.dataset)
    assert (current.state, current.generation) == ("committed", 1)


def test_a_batch_that_somebody_committed_meanwhile_stays_committed(bench: Any, make_dataset: Any):
    request = bench.request(make_dataset(Append()), [item(1)])
    bench.loader().load(request)
    result = bench.loader().settle(SettleRequest(request.batch, "why"))
    assert (result.is_new, result.entry.state) == (False, "committed")


def test_giving_up_needs_no_table_that_can_be_brought_to_its_contract(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    bench.run(f"ALTER TABLE loads.{dataset.name} DROP COLUMN amount")
    bench.run(f"ALTER TABLE loads.{dataset.name} ADD COLUMN amount DATE")
    request = bench.request(dataset, [item(2)], day=2)
    assert bench.loader().settle(SettleRequest(request.batch, "why")).is_new


def test_a_batch_without_a_change_is_settled_counts_as_fresh_and_touches_no_row(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    request = bench.request(dataset, [item(2)], day=2)
    result = bench.loader().settle(SettleRequest(request.batch, "Nothing has changed.", state="unchanged"))
    assert (result.is_new, result.entry.state, result.entry.generation) == (True, "unchanged", 0)
    status = read_status(bench.warehouse, [dataset])[0]
    assert (status.watermark, status.rows, status.last[0].state) == (request.batch.window.end, 1, "unchanged")
    assert request.batch.id in standing(bench.warehouse, dataset.name).settled
    assert bench.loader().load(request).is_new  # whoever asks for it by name gets it
    assert bench.rows(dataset) == [(1, "a", 1), (2, "a", 1)]
