"""A group's copies: the old star until the commit, then the new one; never a mixture, never twice, and no place where an erased person stays."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from esteira.batch import Window, batch_of
from esteira.contract import Dataset, Group, Quality, Replace, SpreadsheetSource, Upsert
from esteira.errors import EsteiraError, LoadError
from esteira.warehouse import SettleRequest, UndoRequest, erasures
from esteira.warehouse.bi import snapshots
from esteira.warehouse.bi.publish import Contracts, Published, Run, publish
from esteira.warehouse.connection import Session
from esteira.warehouse.life import retire
from esteira.warehouse.states import Act
from tests.warehouse.conftest import FIRST_DAY
from tests.warehouse.places import SCHEMA

ANA = Act("ana@laptop", "the portal moves")


def item(number: int, label: str = "a") -> dict[str, Any]:
    return {"id": number, "label": label, "amount": 1}


class Star:
    """Two datasets that are read together, each loaded by days."""

    def __init__(self, bench: Any, make_dataset: Any) -> None:
        self.bench = bench
        self.facts: Dataset = make_dataset(Upsert(key="id"), quality=Quality(freshness=timedelta(hours=26)))
        self.names: Dataset = make_dataset(Replace())
        self.group = Group(
            f"star_{self.facts.name}", of=(self.facts.name, self.names.name), title={"pt": "Estrela"}, owner="bi-team"
        )

    def load(self, dataset: Dataset, day: int, *items: dict[str, Any], **facts: Any) -> None:
        start = FIRST_DAY + timedelta(days=day - 1)
        batch = batch_of(dataset, Window(start, start + timedelta(days=1)))
        self.bench.load(dataset, list(items), day=day, batch_id=batch.id, **facts)

    def publish(self, day: int, *, of: str | None = None) -> Published:
        catalogue = {each.name: each for each in (self.facts, self.names)}
        contracts, moment = Contracts(catalogue, (self.group,)), FIRST_DAY + timedelta(days=day - 1, hours=6)
        return publish(self.bench.warehouse, [of] if of else catalogue, contracts, Run(moment, f"day {day}"))

    def shown(self) -> list[tuple[Any, ...]]:
        """What one query over both views sees."""
        facts, names = (f"bi_{self.group.name}.{each.name}" for each in (self.facts, self.names))
        return self.bench.query(
            f"SELECT f.id, f.label, n.label FROM {facts} f JOIN {names} n ON n.id = f.id ORDER BY f.id"
        )

    def snapshots(self) -> int:
        return self.bench.query(
            f"SELECT COUNT(DISTINCT snapshot_id) FROM esteira.group_snapshot WHERE group_name = '{self.group.name}'"
        )[0][0]


@pytest.fixture
def star(bench: Any, make_dataset: Any) -> Star:
    made = Star(bench, make_dataset)
    made.load(made.facts, 1, item(1, "one"))
    made.load(made.names, 1, item(1, "eins"))
    assert made.publish(1).copied == (made.group.name,)
    return made


def test_a_query_between_two_loads_sees_the_old_star_and_after_both_the_new_one(star: Star):
    assert star.shown() == [(1, "one", "eins")]
    star.load(star.facts, 2, item(1, "two"))
    assert star.publish(2, of=star.facts.name).waiting == {star.group.name: (star.names.name,)}
    assert star.shown() == [(1, "one", "eins")]
    star.load(star.names, 2, item(1, "zwei"))
    assert star.publish(2, of=star.names.name).copied == (star.group.name,)
    assert star.shown() == [(1, "two", "zwei")]


def test_a_member_that_ran_ahead_waits_for_the_others_whichever_run_asks(star: Star):
    star.load(star.facts, 2, item(1, "two"))
    assert star.publish(1).waiting == {star.group.name: (star.names.name,)}
    assert star.shown() == [(1, "one", "eins")]


def test_the_same_batches_are_copied_once(star: Star):
    assert star.publish(1) == Published()
    assert star.snapshots() == 1


def test_a_group_is_not_there_before_all_its_datasets_were_loaded(bench: Any, make_dataset: Any):
    star = Star(bench, make_dataset)
    star.load(star.facts, 1, item(1))
    assert star.publish(1).copied == ()
    with pytest.raises(LoadError, match="does not exist"):
        star.shown()


def test_the_freshness_of_a_group_is_that_of_its_oldest_member(star: Star):
    star.load(star.facts, 2, item(1, "two"), quarantined=1)
    star.publish(2)
    query = "kind, title_pt, owner, data_as_of, row_count, extracted, quarantined, is_fresh"
    before = star.bench.query(f"SELECT {query} FROM bi.freshness WHERE dataset = '{star.group.name}'")
    assert before == [("group", "Estrela", "bi-team", FIRST_DAY + timedelta(days=1), 2, 2, 0, False)]
    star.load(star.names, 2, item(1, "zwei"))
    star.publish(2)
    ((as_of, quarantined),) = star.bench.query(
        f"SELECT data_as_of, quarantined FROM bi.freshness WHERE dataset = '{star.group.name}'"
    )
    assert (as_of, quarantined) == (FIRST_DAY + timedelta(days=2), 1)


def test_a_snapshot_names_the_batches_that_it_shows(star: Star):
    query = (
        "SELECT b.batch_id FROM esteira.group_snapshot s JOIN esteira.batch b ON b.dataset = s.dataset AND b.sequence <= s.sequence "
        f"WHERE s.group_name = '{star.group.name}' AND s.dataset = '{star.facts.name}'"
    )
    star.load(star.facts, 2, item(2))
    assert star.bench.query(query) == [(batch_of(star.facts, Window(FIRST_DAY, FIRST_DAY)).id,)]


def test_an_undo_republishes_and_a_group_shows_the_table_as_it_is(star: Star):
    star.load(star.facts, 2, item(1, "wrong"))
    star.load(star.names, 2, item(1, "zwei"))
    star.publish(2)
    wrong = batch_of(star.facts, Window(FIRST_DAY + timedelta(days=1), FIRST_DAY)).id
    star.bench.loader().undo(UndoRequest(star.facts, wrong, reason="wrong"))
    assert star.shown() == [(1, "wrong", "zwei")]
    assert star.publish(2, of=star.facts.name).copied == (star.group.name,)
    assert star.shown() == [(1, "one", "zwei")]


def test_a_longer_text_of_a_load_fits_the_copy(star: Star):
    star.load(star.facts, 2, item(1, "x" * 300))
    star.load(star.names, 2, item(1, "zwei"))
    star.publish(2)
    assert star.shown() == [(1, "x" * 300, "zwei")]


def test_a_copy_that_a_person_dropped_is_whole_again_with_the_next_state(star: Star):
    for schema in (f"bi_{star.group.name}", f"bi_{star.group.name}_pt"):
        star.bench.run(f"DROP VIEW {schema}.{star.names.name}")
    star.bench.run(f"DROP TABLE bi_data_{star.group.name}.{star.names.name}")
    star.bench.run(f"DELETE FROM esteira.publication WHERE name = '{star.group.name}.{star.names.name}'")
    star.load(star.facts, 1, item(1, "again"), generation=2)
    assert star.publish(1).copied == (star.group.name,)
    assert star.shown() == [(1, "again", "eins")]


def meanwhile(monkeypatch: Any, text: str, act: Callable[[], Any]) -> None:
    """Do something once, right before the first statement that holds this text."""
    run, done = Session.run, []

    def watched(self: Session, statement: str, *rest: Any) -> int:
        if text in statement and not done:
            done.append(statement)
            act()
        return run(self, statement, *rest)

    monkeypatch.setattr(Session, "run", watched)


def test_a_reader_in_the_middle_of_a_copy_sees_the_whole_old_star(star: Star, monkeypatch: Any):
    star.load(star.facts, 2, item(1, "two"), item(2, "new"))
    star.load(star.names, 2, item(1, "zwei"), item(2, "neu"))
    seen: list[Any] = []
    meanwhile(monkeypatch, f'bi_data_{star.group.name}"."{star.names.name}" (', lambda: seen.append(star.shown()))
    star.publish(2)
    assert seen == [[(1, "one", "eins")]]
    assert star.shown() == [(1, "two", "zwei"), (2, "new", "neu")]


def test_a_batch_that_comes_between_the_look_and_the_copy_is_left_to_its_own_run(star: Star, monkeypatch: Any):
    star.load(star.facts, 2, item(1, "two"))
    star.load(star.names, 2, item(1, "zwei"))
    meanwhile(
        monkeypatch, f"LOCK {snapshots.lock_table(star.group.name)}", lambda: star.load(star.facts, 3, item(1, "three"))
    )
    assert star.publish(2).copied == ()
    assert star.shown() == [(1, "one", "eins")]


def test_of_two_runs_at_once_one_copies(star: Star, monkeypatch: Any):
    star.load(star.facts, 2, item(1, "two"))
    star.load(star.names, 2, item(1, "zwei"))
    both = threading.Barrier(2, timeout=20)
    run = Session.run

    def at_once(self: Session, statement: str, *rest: Any) -> int:
        if statement == f"LOCK {snapshots.lock_table(star.group.name)}":
            both.wait()
        return run(self, statement, *rest)

    monkeypatch.setattr(Session, "run", at_once)
    with ThreadPoolExecutor(2) as pool:
        ended = [each.result() for each in [pool.submit(star.publish, 2) for _ in range(2)]]
    assert sorted(each.copied for each in ended) == [(), (star.group.name,)]
    assert star.snapshots() == 2
    assert star.shown() == [(1, "two", "zwei")]


def test_two_first_runs_at_once_make_each_view_once(bench: Any, make_dataset: Any):
    star = Star(bench, make_dataset)
    star.load(star.facts, 1, item(1, "one"))
    star.load(star.names, 1, item(1, "eins"))

    def tried() -> None:
        for last in (False, False, True):  # a task is tried again where the catalogue was busy
            try:
                star.publish(1)
            except EsteiraError:
                if last:
                    raise

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(tried) for _ in range(2)]:
            each.result()
    assert star.shown() == [(1, "one", "eins")]
    assert star.publish(1) == Published()
    assert star.snapshots() == 1


def test_an_erasure_reaches_the_copies_also_when_the_group_waits(star: Star):
    star.load(star.facts, 2, item(2, "other"))
    key = {"id": 1}
    assert erasures.rows_with(star.bench.warehouse, star.facts.name, key) == 2
    erasures.clear_copies(star.bench.warehouse, star.facts.name, key)
    assert erasures.rows_with(star.bench.warehouse, star.facts.name, key) == 1
    assert star.shown() == []


def test_an_erasure_waits_for_a_copy_that_still_sees_the_person(star: Star, monkeypatch: Any):
    star.load(star.facts, 2, item(1, "two"), item(2, "person"))
    star.load(star.names, 2, item(1, "zwei"), item(2, "neu"))
    clearing = threading.Thread(target=erasures.clear_copies, args=(star.bench.warehouse, star.facts.name, {"id": 2}))

    def erase() -> None:
        star.bench.run(f"DELETE FROM {SCHEMA}.{star.facts.name} WHERE id = 2")
        clearing.start()
        clearing.join(timeout=1)  # it would be done by then

    meanwhile(monkeypatch, f'DELETE FROM "bi_data_{star.group.name}"."{star.facts.name}"', erase)
    star.publish(2)
    clearing.join(timeout=20)
    assert star.shown() == [(1, "two", "zwei")]


def test_a_member_that_is_retired_takes_its_copy_along(star: Star):
    retire(star.bench.warehouse, star.names.name, ANA, drops_table=True)
    with pytest.raises(LoadError, match="does not exist"):
        star.shown()
    assert star.bench.query(f"SELECT id FROM bi_{star.group.name}.{star.facts.name}") == [(1,)]
    with star.bench.warehouse.session() as session:
        assert snapshots.copies_of(session, star.names.name) == []


def test_of_files_nothing_is_ever_due_once_one_is_loaded(bench: Any, make_dataset: Any):
    star = Star(bench, make_dataset)
    files = SpreadsheetSource(match="names*.csv", columns={"Id": "id", "Label": "label", "Amount": "amount"})
    star.names = replace(star.names, source=files)
    star.load(star.facts, 1, item(1, "one"))
    assert star.publish(1).copied == ()
    star.bench.load(star.names, [item(1, "eins")], batch_id="file-0123456789abcdef-01234567")
    assert star.publish(1).copied == (star.group.name,)
    star.load(star.facts, 2, item(1, "two"))
    assert star.publish(2).copied == (star.group.name,)
    assert star.shown() == [(1, "two", "eins")]


def test_a_batch_that_was_given_up_holds_no_group_up_and_is_counted(star: Star):
    star.load(star.facts, 2, item(1, "two"))
    day = FIRST_DAY + timedelta(days=1)
    lost = batch_of(star.names, Window(day, day + timedelta(days=1)))
    star.bench.loader().settle(SettleRequest(lost, "three attempts"))
    assert star.publish(2).copied == (star.group.name,)
    assert star.shown() == [(1, "two", "eins")]
    query = f"SELECT missing_batches, data_as_of FROM bi.freshness WHERE dataset = '{star.group.name}'"
    assert star.bench.query(query) == [(1, FIRST_DAY + timedelta(days=1))]
