"""When an `Append` is copied into its table without a staging table between, and that nothing differs but the way."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from esteira.contract import Append, Quality, Replace, Upsert
from esteira.errors import DataQualityError, LoadError
from esteira.warehouse.connection import Session

pytestmark = pytest.mark.usefixtures("isolation")
ROWS = [{"id": number, "label": "a", "amount": number} for number in range(3)]
STAMPS = "SELECT COUNT(*) FROM loads.{} WHERE _esteira_loaded_at BETWEEN DATEADD(minute, -5, GETDATE()) AND GETDATE()"


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where each COPY went."""
    seen: list[str] = []
    run = Session.run

    def noting(session: Session, sql: str, *rest: Any) -> Any:
        if sql.startswith("COPY"):
            seen.append(sql.split()[1])
        return run(session, sql, *rest)

    monkeypatch.setattr(Session, "run", noting)
    return seen


def table_of(dataset: Any) -> str:
    return f'"loads"."{dataset.name}"'


def test_an_append_without_rules_is_copied_into_its_table(bench: Any, make_dataset: Any, copies: list[str]):
    dataset = make_dataset(Append())
    result = bench.load(dataset, ROWS[:2], ROWS[2:])
    assert copies == [table_of(dataset)]
    assert (result.entry.curated, result.entry.inserted) == (3, 3)
    found = f"SELECT id, _esteira_position, _esteira_batch FROM loads.{dataset.name} ORDER BY id"
    assert bench.query(found) == [(number, number, result.entry.batch_id) for number in range(3)]
    assert bench.query(STAMPS.format(dataset.name)) == [(3,)]


def test_a_new_generation_takes_the_place_of_the_rows_of_the_old_one(bench: Any, make_dataset: Any, copies: list[str]):
    dataset = make_dataset(Append())
    bench.load(dataset, ROWS)
    bench.load(dataset, ROWS, day=2)
    bench.load(dataset, [ROWS[0] | {"label": "b"}], generation=2)
    assert copies == [table_of(dataset)] * 3
    assert bench.rows(dataset) == [(0, "a", 0), (0, "b", 0), (1, "a", 1), (2, "a", 2)]


@pytest.mark.parametrize("write", [Replace(), Upsert(key="id")])
def test_rows_that_meet_others_are_staged(bench: Any, make_dataset: Any, copies: list[str], write: Any):
    bench.load(make_dataset(write), ROWS)
    assert copies == ["esteira_staging"]


def test_a_rule_of_the_whole_batch_is_asked_before_a_row_touches_the_table(
    bench: Any, make_dataset: Any, copies: list[str]
):
    dataset = make_dataset(Append(), quality=Quality(unique=("id",)))
    with pytest.raises(DataQualityError, match="must be unique"):
        bench.load(dataset, ROWS, ROWS)
    assert copies == ["esteira_staging"]
    assert bench.load(dataset, ROWS).entry.inserted == 3
    assert bench.rows(dataset, "id") == [(0,), (1,), (2,)]


def test_parts_that_do_not_name_their_batch_are_staged(bench: Any, make_dataset: Any, copies: list[str]):
    dataset = make_dataset(Append())
    bench.load(dataset, ROWS, names_batch=False)
    assert copies == ["esteira_staging"]
    bench.load(dataset, ROWS, day=2)
    assert copies == ["esteira_staging", table_of(dataset)]
    assert bench.query(f"SELECT COUNT(*), COUNT(DISTINCT _esteira_batch) FROM loads.{dataset.name}") == [(6, 2)]


def test_a_table_from_before_it_stamped_its_rows_is_loaded_through_staging(
    bench: Any, make_dataset: Any, copies: list[str]
):
    dataset = make_dataset(Append())
    bench.load(dataset, ROWS)
    bench.run(f"ALTER TABLE loads.{dataset.name} DROP COLUMN _esteira_loaded_at")
    bench.run(f"ALTER TABLE loads.{dataset.name} ADD COLUMN _esteira_loaded_at TIMESTAMPTZ")
    bench.load(dataset, ROWS, day=2)
    assert copies == [table_of(dataset), "esteira_staging"]
    assert bench.query(STAMPS.format(dataset.name)) == [(3,)]


def test_a_dataset_that_appended_before_can_be_told_by_keys_later(bench: Any, make_dataset: Any, copies: list[str]):
    """Its earlier parts name their batch, and a fold reads them again."""
    dataset = make_dataset(Append())
    bench.load(dataset, ROWS)
    keyed = replace(dataset, write=Upsert(key="id"))
    bench.load(keyed, [ROWS[0] | {"label": "b"}], day=2)
    bench.load(keyed, [ROWS[0] | {"label": "c"}], day=2, generation=2)
    assert bench.rows(keyed) == [(0, "c", 0), (1, "a", 1), (2, "a", 2)]
    assert copies[0] == table_of(dataset)
    assert set(copies[1:]) == {"esteira_staging"}


def test_another_number_of_rows_than_was_sealed_leaves_nothing(bench: Any, make_dataset: Any, copies: list[str]):
    dataset = make_dataset(Append())
    request = bench.request(dataset, ROWS)
    wrong = replace(request, seal=msgspec.structs.replace(request.seal, curated=4, extracted=4))
    with pytest.raises(LoadError, match="COPY brought 3 rows; the seal says 4"):
        bench.loader().load(wrong)
    assert copies == [table_of(dataset)]
    assert bench.rows(dataset) == bench.ledger(dataset) == []
