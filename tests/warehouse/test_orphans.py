"""Sessions that hold what a load waits for: our own orphans are ended, anybody else is named, and two runs at once load once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esteira.contract import Append
from esteira.errors import WarehouseBusy
from esteira.warehouse import Warehouse, attempts
from esteira.warehouse.attempts import Attempt

CHECKOUT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("isolation")


def item(number: int, label: str = "a") -> dict[str, Any]:
    return {"id": number, "label": label, "amount": 1}


@pytest.fixture
def patient(bench: Any) -> Any:
    """The warehouse with other bounds."""

    def with_bounds(**bounds: Any) -> Warehouse:
        facts = {"lock_wait_seconds": 1, "ddl_wait_seconds": 1, "statement_timeout_seconds": 20} | bounds
        return Warehouse(replace(bench.warehouse.config, **facts), bench.warehouse._credentials)

    return with_bounds


@contextmanager
def holding_the_lock(warehouse: Warehouse, name: str, attempt: Attempt | None) -> Iterator[Any]:
    """A session that took the dataset's lock and says no more, noted as a try of a load or not."""
    with warehouse.session() as session:
        if attempt:
            attempts._write(session, attempt)
        with suppress(WarehouseBusy), session.transaction():
            session.run(f"LOCK esteira_lock.{name}")
            yield session


def notes(bench: Any, name: str) -> list[Any]:
    return bench.query(f"SELECT batch_id, pid FROM esteira.attempt WHERE dataset = '{name}'")


@pytest.mark.fault(44)
def test_an_orphan_of_an_earlier_load_that_holds_the_lock_is_ended_and_the_batch_loads(
    bench: Any, make_dataset: Any, patient: Any
):
    dataset = make_dataset(Append())
    bench.load(dataset)
    request = bench.request(dataset, [item(1)], day=2)
    with holding_the_lock(bench.warehouse, dataset.name, Attempt(dataset.name, "some batch")) as orphan:
        assert bench.loader(patient()).load(request).is_new
        assert bench.query(f"SELECT process FROM stv_sessions WHERE process = {orphan.pid}") == []
    assert bench.rows(dataset) == [(1, "a", 1)]


@pytest.mark.usefixtures("two_tries")
def test_a_session_that_no_load_noted_is_named_and_left_alone(bench: Any, make_dataset: Any, patient: Any):
    dataset = make_dataset(Append())
    bench.load(dataset)
    request = bench.request(dataset, [item(1)], day=2)
    with holding_the_lock(bench.warehouse, dataset.name, None) as stranger:
        with pytest.raises(WarehouseBusy) as caught:
            bench.loader(patient(statement_timeout_seconds=2)).load(request)
        assert stranger.count("SELECT 1") == 1
    assert f"session {stranger.pid} of user esteira, in a transaction since 20" in caught.value.message
    assert f"holds esteira_lock.{dataset.name}" in caught.value.message
    assert f"SELECT pg_terminate_backend({stranger.pid});" in caught.value.hint


@pytest.mark.usefixtures("two_tries")
def test_a_note_of_another_session_with_the_same_number_proves_nothing(bench: Any, make_dataset: Any, patient: Any):
    dataset = make_dataset(Append())
    bench.load(dataset)
    request = bench.request(dataset, [item(1)], day=2)
    with holding_the_lock(bench.warehouse, dataset.name, Attempt(dataset.name, "some batch")) as stranger:
        bench.run(f"UPDATE esteira.attempt SET session_started = '2014-01-01' WHERE pid = {stranger.pid}")
        with pytest.raises(WarehouseBusy, match=f"session {stranger.pid} of user esteira"):
            bench.loader(patient(statement_timeout_seconds=2)).load(request)


def test_a_load_of_ours_that_is_at_work_is_waited_for(bench: Any, make_dataset: Any, patient: Any):
    dataset = make_dataset(Append())
    bench.load(dataset)
    request = bench.request(dataset, [item(1)], day=2)
    with ThreadPoolExecutor(1) as pool:
        with holding_the_lock(bench.warehouse, dataset.name, Attempt(dataset.name, "some batch")) as worker:
            future = pool.submit(bench.loader(patient()).load, request)
            assert worker.count("SELECT COUNT(*) FROM (SELECT pg_sleep(3)) AS slept") == 1
            assert not future.done()
        assert future.result().is_new


def test_a_load_removes_its_notes(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    assert notes(bench, dataset.name) == []


def test_a_load_goes_on_unnoted_where_the_warehouse_does_not_show_its_sessions(
    bench: Any, make_dataset: Any, monkeypatch: pytest.MonkeyPatch
):
    """What Redshift Serverless may do; the gateway cannot be told to, so the answer is taken away here."""
    monkeypatch.setattr(attempts, "_session_start", lambda _: None)
    dataset = make_dataset(Append())
    assert bench.load(dataset, [item(1)]).is_new
    assert notes(bench, dataset.name) == []


@pytest.mark.fault(44)
def test_a_client_that_vanished_without_a_word_before_its_commit_is_recovered_by_its_own_next_try(
    bench: Any, make_dataset: Any, patient: Any, cut_at_commit: Any
):
    wire = cut_at_commit("unheard")
    request = bench.request(make_dataset(Append()), [item(1)])
    began = time.monotonic()
    config = replace(patient(lock_wait_seconds=60).config, port=wire.port)
    result = bench.loader(Warehouse(config, bench.warehouse._credentials)).load(request)
    assert (wire.director.times_left, result.is_new) == (0, True)
    assert time.monotonic() - began < 20, "the next try must not wait for a lock that its own orphan holds"
    assert bench.rows(request.dataset) == [(1, "a", 1)]


ZOMBIE = """
import os, pickle, signal, sys
from esteira.warehouse import Loader, staging
warehouse, request = pickle.load(open(sys.argv[1], "rb"))
stops = iter([True])
def stop(name):
    if name == "load.copy" and next(stops, False):
        os.kill(os.getpid(), signal.SIGSTOP)
staging.failpoint = stop
result = Loader(warehouse, sleep=lambda _: None).load(request)
print(result.is_new)
"""


@pytest.mark.fault(56)
@pytest.mark.fault(44)
def test_a_zombie_that_was_stopped_in_its_transaction_wakes_up_after_the_second_run_and_finds_the_batch_loaded(
    bench: Any, make_dataset: Any, patient: Any, tmp_path: Path
):
    import pickle

    dataset = make_dataset(Append())
    bench.load(dataset)
    request = bench.request(dataset, [item(1), item(2)], day=2)
    (tmp_path / "orders").write_bytes(pickle.dumps((patient(), request)))
    zombie = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", ZOMBIE, str(tmp_path / "orders")], stdout=subprocess.PIPE, cwd=CHECKOUT
    )
    try:
        os.waitid(os.P_PID, zombie.pid, os.WSTOPPED | os.WNOWAIT)
        assert len(notes(bench, dataset.name)) == 1
        assert bench.loader(patient()).load(request).is_new
        zombie.send_signal(signal.SIGCONT)
        out, _ = zombie.communicate(timeout=60)
    finally:
        zombie.kill()
        zombie.wait()
    assert (zombie.returncode, out.strip()) == (0, b"False")
    assert bench.rows(dataset) == [(1, "a", 1), (2, "a", 1)]
    assert len(bench.ledger(dataset)) == 2


@pytest.mark.usefixtures("two_tries")
def test_an_idle_reader_that_keeps_a_table_from_being_altered_is_named_with_what_to_run(
    bench: Any, make_dataset: Any, patient: Any
):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1, "a")])
    request = bench.request(dataset, [item(2, "b" * 300)], day=2)
    with bench.warehouse.session("dashboard") as reader, reader.transaction():
        reader.rows(f"SELECT * FROM loads.{dataset.name}")
        with pytest.raises(WarehouseBusy) as caught:
            bench.loader(patient()).load(request)
        assert reader.count(f"SELECT COUNT(*) FROM loads.{dataset.name}") == 1
    assert f"session {reader.pid} of user esteira, in a transaction since 20" in caught.value.message
    assert f"holds loads.{dataset.name}" in caught.value.message
    assert f"SELECT pg_terminate_backend({reader.pid});" in caught.value.hint
    assert bench.loader(patient()).load(request).is_new


def test_an_orphan_that_keeps_a_table_from_being_altered_is_ended(bench: Any, make_dataset: Any, patient: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1, "a")])
    request = bench.request(dataset, [item(2, "b" * 300)], day=2)
    with bench.warehouse.session() as orphan:
        attempts._write(orphan, Attempt(dataset.name, "some batch"))
        with suppress(WarehouseBusy), orphan.transaction():
            orphan.run(f"INSERT INTO loads.{dataset.name} SELECT * FROM loads.{dataset.name}")
            time.sleep(1)
            assert bench.loader(patient()).load(request).is_new
    assert len(bench.rows(dataset)) == 2
