"""Exactly once: two loaders, other seals, lost answers, and what a failure leaves behind."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from esteira.contract import Append, Quality, Replace, Upsert
from esteira.errors import AuthError, DataQualityError, LoadError, SealConflict, WarehouseBusy
from esteira.warehouse import Loader
from esteira.warehouse.load import TRANSACTION_TRIES
from esteira.warehouse.reads import read_status
from local.ports import Ports

pytestmark = pytest.mark.usefixtures("isolation")


def item(number: int, label: str = "a") -> dict[str, Any]:
    return {"id": number, "label": label, "amount": 1}


def test_a_batch_that_is_committed_is_found_and_not_loaded_again(bench: Any, make_dataset: Any):
    request = bench.request(make_dataset(Append()), [item(1)])
    first, second = bench.loader().load(request), bench.loader().load(request)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.entry == second.entry
    assert bench.rows(request.dataset) == [(1, "a", 1)]


@pytest.mark.fault(51)
@pytest.mark.parametrize("is_first_ever", [False, True], ids=["table exists", "first load ever"])
def test_of_two_loaders_at_once_one_commits_and_the_other_finds_it(bench: Any, make_dataset: Any, is_first_ever: Any):
    dataset = make_dataset(Append())
    if not is_first_ever:
        bench.load(dataset)
    request = bench.request(dataset, [item(1), item(2)], day=2)
    start = threading.Barrier(2)

    def load() -> Any:
        start.wait()
        return bench.loader().load(request)

    with ThreadPoolExecutor(2) as pool:
        results = [future.result() for future in [pool.submit(load), pool.submit(load)]]
    assert sorted(result.is_new for result in results) == [False, True]
    assert results[0].entry == results[1].entry
    assert bench.rows(dataset) == [(1, "a", 1), (2, "a", 1)]


@pytest.mark.fault(52)
def test_the_same_batch_under_another_seal_is_refused_with_both_hashes(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    first, other = bench.request(dataset, [item(1)]), bench.request(dataset, [item(2)])
    bench.loader().load(first)
    with pytest.raises(SealConflict) as caught:
        bench.loader().load(other)
    assert first.seal.hash in caught.value.message
    assert other.seal.hash in caught.value.message
    assert bench.rows(dataset) == [(1, "a", 1)]


@pytest.mark.fault(45)
def test_a_commit_whose_answer_was_lost_is_found_in_the_ledger(
    bench: Any, make_dataset: Any, open_warehouse: Any, cut_at_commit: Any
):
    wire = cut_at_commit("lost")
    request = bench.request(make_dataset(Append()), [item(1)])
    result = bench.loader(open_warehouse(port=wire.port)).load(request)
    assert wire.director.times_left == 0
    assert not result.is_new
    assert [entry.seal_hash for entry in bench.ledger(request.dataset)] == [request.seal.hash]
    assert bench.rows(request.dataset) == [(1, "a", 1)]


@pytest.mark.fault(44)
def test_a_connection_lost_before_commit_is_tried_again_as_a_whole(
    bench: Any, make_dataset: Any, open_warehouse: Any, cut_at_commit: Any
):
    wire = cut_at_commit("kill before", times=2)
    request = bench.request(make_dataset(Append()), [item(1)])
    result = bench.loader(open_warehouse(port=wire.port)).load(request)
    assert wire.director.times_left == 0
    assert result.is_new
    assert bench.rows(request.dataset) == [(1, "a", 1)]


@pytest.mark.fault(44)
def test_connections_lost_for_ever_end_as_busy_with_nothing_loaded(
    bench: Any, make_dataset: Any, open_warehouse: Any, cut_at_commit: Any
):
    wire = cut_at_commit("kill before", times=TRANSACTION_TRIES)
    request = bench.request(make_dataset(Append()), [item(1)])
    with pytest.raises(WarehouseBusy):
        bench.loader(open_warehouse(port=wire.port)).load(request)
    assert wire.director.times_left == 0
    assert (bench.rows(request.dataset), bench.ledger(request.dataset)) == ([], [])


@pytest.mark.parametrize("write", [Replace(), Upsert(key="id")], ids=lambda write: type(write).__name__)
@pytest.mark.parametrize(
    "failure", ["rule", "row count", "equation", "null in a column that takes none", "missing part"]
)
def test_a_failure_inside_the_transaction_leaves_table_and_ledger_as_they_were(
    bench: Any, make_dataset: Any, write: Any, failure: Any
):
    dataset = make_dataset(write, quality=Quality(unique=("label",)))
    bench.load(dataset, [item(1, "a"), item(2, "b")])
    request = {
        "rule": lambda: bench.request(dataset, [item(3, "c"), item(4, "c")], day=2),
        "row count": lambda: _with_seal(bench.request(dataset, [item(3, "c")], day=2), curated=2, extracted=2),
        "equation": lambda: _with_seal(bench.request(dataset, [item(3, "c")], day=2), extracted=7),
        "null in a column that takes none": lambda: bench.request(dataset, [item(3, "c") | {"id": None}], day=2),
        "missing part": lambda: _without_part(bench, dataset),
    }[failure]()
    with pytest.raises(
        LoadError if failure in {"row count", "missing part"} or "null" in failure else DataQualityError
    ):
        bench.loader().load(request)
    assert bench.rows(dataset) == [(1, "a", 1), (2, "b", 1)]
    assert [entry.batch_id for entry in bench.ledger(dataset)] == ["2014-01-01-0123abcd"]


@pytest.mark.fault(47)
def test_a_part_whose_type_differs_from_the_table_is_refused_by_column(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    wrong = pa.schema([
        ("id", pa.int64()), ("label", pa.string()), ("amount", pa.int32()),
        ("changed_at", pa.timestamp("us", "UTC")), ("_esteira_position", pa.int64()),
    ])  # fmt: skip
    with pytest.raises(LoadError, match="amount"):
        bench.loader().load(bench.request(dataset, [item(1)], arrow=wrong))
    assert (bench.rows(dataset), bench.ledger(dataset)) == ([], [])


@pytest.mark.usefixtures("stack")
def test_a_wrong_password_is_an_error_of_credentials_that_names_the_secret(
    bench: Any, make_dataset: Any, open_warehouse: Any
):
    warehouse = open_warehouse(password="Cc3wrong")
    request = bench.request(make_dataset(), [item(1)])
    with pytest.raises(AuthError, match=r"refuses the user of secret esteira/local/warehouse") as caught:
        bench.loader(warehouse).load(request)
    assert "Cc3wrong" not in repr(caught.value) + repr(warehouse._credentials)


@pytest.mark.usefixtures("stack")
def test_a_warehouse_that_does_not_listen_is_busy_after_bounded_tries(
    bench: Any, make_dataset: Any, open_warehouse: Any
):
    waits: list[float] = []
    warehouse = open_warehouse(port=Ports.free().resolved().warehouse)
    with pytest.raises(WarehouseBusy, match="does not answer"):
        Loader(warehouse, sleep=waits.append).load(bench.request(make_dataset(), [item(1)]))
    assert len(waits) == TRANSACTION_TRIES - 1


@pytest.mark.usefixtures("two_tries")
def test_a_lock_held_for_longer_than_the_statement_limit_is_busy_and_the_batch_loads_afterwards(
    bench: Any, make_dataset: Any, open_warehouse: Any
):
    dataset = make_dataset(Append())
    bench.load(dataset)
    request = bench.request(dataset, [item(1)], day=2)
    with bench.warehouse.session() as holder, holder.transaction():
        holder.run(f"LOCK esteira_lock.{dataset.name}")
        with pytest.raises(WarehouseBusy):
            bench.loader(open_warehouse(seconds=1)).load(request)
    assert bench.loader().load(request).is_new


def test_the_watermark_is_the_end_of_the_last_committed_window(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    assert bench.ledger(dataset) == []
    for day in (1, 3, 2):
        bench.load(dataset, [item(day)], day=day)
    (status,) = read_status(bench.warehouse, [dataset])
    assert status.watermark == datetime(2014, 1, 4, tzinfo=UTC)
    assert status.rows == 3
    assert [entry.window_end.day for entry in bench.ledger(dataset)] == [2, 3, 4]


def test_a_dataset_without_a_ledger_has_no_rows_and_no_watermark(bench: Any, make_dataset: Any):
    (status,) = read_status(bench.warehouse, [make_dataset()])
    assert (status.rows, status.watermark, status.last) == (None, None, ())


def test_one_view_shows_the_batches_of_all_datasets(bench: Any, make_dataset: Any):
    first, second = make_dataset(), make_dataset(Append())
    bench.load(first, [item(1)])
    bench.load(second, [item(1), item(2)], quarantined=1)
    found = bench.query(
        f"SELECT dataset, batch_id, extracted, inserted FROM esteira.batch WHERE dataset IN ('{first.name}', '{second.name}') ORDER BY extracted"
    )
    assert found == [(first.name, "2014-01-01-0123abcd", 1, 1), (second.name, "2014-01-01-0123abcd", 3, 2)]


def test_the_ledger_keeps_seal_attempt_run_and_version(bench: Any, make_dataset: Any):
    request = bench.request(make_dataset(), [item(1)])
    entry = bench.loader().load(request).entry
    assert (entry.seal_hash, entry.attempt) == (request.seal.hash, request.seal.attempt)
    assert (entry.run, entry.version) == ("test", "0")
    assert entry.committed_at is not None


def _with_seal(request: Any, **facts: Any) -> Any:
    return replace(request, seal=msgspec.structs.replace(request.seal, **facts))


def _without_part(bench: Any, dataset: Any) -> Any:
    request = bench.request(dataset, [item(3, "c")], day=2)
    (part,) = request.seal.parts
    seal = msgspec.structs.replace(request.seal, parts=(msgspec.structs.replace(part, key=part.key + ".gone"),))
    return replace(request, seal=seal, manifest=bench.lake.put_manifest(seal))
