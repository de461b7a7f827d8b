"""What analysts see: views with business names, a dictionary, freshness, and who may read them."""

import secrets
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import Append, Quality, Replace, Scd2, Timestamp, Upsert
from esteira.errors import AuthError, ConfigError, LoadError
from esteira.warehouse import Credentials, UndoRequest, Warehouse
from esteira.warehouse.bi.publish import Contracts, Published, Run, publish
from esteira.warehouse.connection import Session
from esteira.warehouse.life import remains, rename, retire
from esteira.warehouse.states import Act
from tests.warehouse.conftest import FIRST_DAY

NOW = FIRST_DAY + timedelta(days=1)
ANA = Act("ana@laptop", "the portal moves")


class Named(pa.DataFrameModel):
    """Things of people's words; it's 100 % hostile."""

    id: pd.Int64Dtype = pa.Field(description="Number", metadata={"title": {"en": "item's id", "pt": "número d'água"}})
    label: pd.StringDtype = pa.Field(
        nullable=True,
        description="Tom's text",
        metadata={"title": {"en": "Label; drop table x --", "pt": "rótulo 100 %"}},
    )
    amount: pd.Int64Dtype = pa.Field(nullable=True, description="How many", metadata={"unit": "box", "pii": True})
    changed_at: Timestamp = pa.Field(nullable=True, description="When")


def item(number: int, label: str = "a") -> dict[str, Any]:
    return {"id": number, "label": label, "amount": 1}


def put(bench: Any, *datasets: Any, **others: Any) -> Published:
    catalogue = {each.name: each for each in datasets}
    groups = others.pop("groups", ())
    asked = others.pop("of", catalogue)
    return publish(bench.warehouse, asked, Contracts(catalogue, groups), Run(NOW, "test"), **others)


def fresh(bench: Any, name: str, columns: str) -> Any:
    (row,) = bench.query(f"SELECT {columns} FROM bi.freshness WHERE dataset = '{name}'")
    return row


def test_a_view_of_each_language_shows_the_table_under_its_business_names(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"), schema=Named)
    bench.load(dataset, [item(1), item(2)])
    assert dataset.name in put(bench, dataset).made
    english = f'SELECT "item\'s id", "label; DROP table x --", amount FROM bi.{dataset.name} ORDER BY 1'
    assert bench.query(english) == [(1, "a", 1), (2, "a", 1)]
    portuguese = f'SELECT "número d\'água", "rótulo 100 %", _esteira_batch FROM bi_pt.{dataset.name} ORDER BY 1'
    assert bench.query(portuguese)[0] == (1, "a", "2014-01-01-0123abcd")


def test_nothing_is_made_a_second_time_and_one_query_finds_that_out(bench: Any, make_dataset: Any, monkeypatch: Any):
    dataset = make_dataset(Upsert(key="id"))
    bench.load(dataset, [item(1)])
    assert put(bench, dataset).made
    said = statements(monkeypatch)
    assert put(bench, dataset) == Published()
    assert len(said) == 1


def statements(monkeypatch: Any) -> list[str]:
    """Each statement from here on, but those that open a session."""
    said: list[str] = []
    rows, run = Session.rows, Session.run
    keep = lambda text: None if text.startswith(("SET ", "SELECT pg_backend")) else said.append(text)  # noqa: E731
    monkeypatch.setattr(Session, "rows", lambda self, text, *a: (keep(text), rows(self, text, *a))[1])
    monkeypatch.setattr(Session, "run", lambda self, text, *a: (keep(text), run(self, text, *a))[1])
    return said


def test_a_dataset_without_a_ledger_is_left_out(bench: Any, make_dataset: Any):
    assert put(bench, make_dataset()) == Published()


def test_a_contracts_change_shows_in_the_view_with_the_next_load_and_not_before(bench: Any, make_dataset: Any):
    class More(Named):
        """Other things."""

        extra: pd.Int64Dtype = pa.Field(nullable=True, description="More", metadata={"title": {"en": "Added"}})

    before = make_dataset(Upsert(key="id"), schema=Named)
    bench.load(before, [item(1)])
    put(bench, before)
    after = replace(before, schema=More)
    assert after.name not in put(bench, after).made
    assert bench.query(f"SELECT amount FROM bi.{after.name}") == [(1,)]
    bench.load(after, [item(2) | {"extra": 7}], day=2)
    assert after.name in put(bench, after).made
    assert bench.query(f'SELECT "added" FROM bi.{after.name} ORDER BY "item\'s id"') == [(None,), (7,)]


def test_another_title_of_a_dataset_moves_its_view(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    bench.load(dataset, [item(1)])
    put(bench, dataset)
    moved = replace(dataset, title={"en": f"Moved {dataset.name}"})
    put(bench, moved)
    assert bench.query(f"SELECT id FROM bi.moved_{dataset.name}") == [(1,)]
    with pytest.raises(LoadError, match="does not exist"):
        bench.query(f"SELECT id FROM bi.{dataset.name}")


def test_the_dictionary_tells_each_column_of_each_dataset(bench: Any, make_dataset: Any):
    dataset = replace(make_dataset(Upsert(key="id"), schema=Named), owner="bi-team")
    bench.load(dataset, [item(1)])
    put(bench, dataset)
    rows = bench.query(f"SELECT * FROM bi.dictionary WHERE dataset = '{dataset.name}' ORDER BY position")
    views = (f"bi.{dataset.name}", f"bi_pt.{dataset.name}")
    assert rows[0] == (
        dataset.name, 1, "id", "item's id", "número d'água", "BIGINT", None, "Number", "bi-team", False, True, False, *views,
    )  # fmt: skip
    assert rows[2][5:12] == ("BIGINT", "box", "How many", "bi-team", True, False, True)
    assert [row[2] for row in rows] == ["id", "label", "amount", "changed_at"]


def test_a_dataset_with_versions_shows_their_validity_by_name(bench: Any, make_dataset: Any):
    dataset = make_dataset(Scd2(key="id"))
    bench.load(dataset, [item(1)])
    put(bench, dataset)
    assert bench.query(f'SELECT "é atual", "válido até" FROM bi_pt.{dataset.name}') == [(True, None)]


def test_freshness_tells_of_the_batches_that_stand_what_they_are_worth(bench: Any, make_dataset: Any):
    dataset = replace(
        make_dataset(Append(), quality=Quality(freshness=timedelta(hours=26))), owner="bi-team", title={"pt": "Coisas"}
    )
    bench.load(dataset, [item(1), item(2)], day=1, quarantined=1)
    bench.load(dataset, [item(3)], day=2)
    put(bench, dataset)
    facts = fresh(
        bench,
        dataset.name,
        "kind, title_en, title_pt, owner, last_batch, row_count, extracted, quarantined, missing_batches",
    )
    assert facts == ("dataset", dataset.name, "Coisas", "bi-team", "2014-01-02-0123abcd", 3, 4, 1, 0)
    data, loaded, age, expected, is_fresh, complete = fresh(
        bench, dataset.name, "data_as_of, loaded_at, age_hours, expected_hours, is_fresh, completeness"
    )
    hours = (datetime.now(UTC) - data).total_seconds() / 3600
    assert (data, float(expected), is_fresh, float(complete)) == (FIRST_DAY + timedelta(days=2), 26, False, 0.75)
    assert float(age) == pytest.approx(hours, abs=0.1)
    assert loaded > datetime.now(UTC) - timedelta(minutes=5)


def test_the_history_tells_each_batch_with_what_it_changed(bench: Any, make_dataset: Any):
    dataset = make_dataset(Upsert(key="id"))
    bench.load(dataset, [item(1), item(2)], day=1)
    put(bench, dataset)
    bench.load(dataset, [item(2, "b"), item(3)], day=2, quarantined=1)
    bench.loader().undo(UndoRequest(dataset, "2014-01-01-0123abcd", reason="wrong file"))
    columns = "batch, generation, is_current, state, inserted, updated, quarantined, row_count, reason"
    rows = bench.query(f"SELECT {columns} FROM bi.history WHERE dataset = '{dataset.name}' ORDER BY batch, generation")
    assert rows == [
        ("2014-01-01-0123abcd", 1, False, "committed", 2, 0, 0, 2, ""),
        ("2014-01-01-0123abcd", 2, True, "undone", 0, 0, 0, 2, "wrong file"),
        ("2014-01-02-0123abcd", 1, True, "committed", 1, 1, 1, 3, ""),
    ]


def test_freshness_counts_only_the_last_of_batches_that_are_the_whole_table(bench: Any, make_dataset: Any):
    dataset = make_dataset(Replace())
    bench.load(dataset, [item(1)], day=1, quarantined=3)
    bench.load(dataset, [item(2)], day=2)
    put(bench, dataset)
    assert fresh(bench, dataset.name, "row_count, extracted, quarantined, is_fresh") == (1, 1, 0, None)
    bench.loader().undo(UndoRequest(dataset, "2014-01-02-0123abcd"))
    assert fresh(bench, dataset.name, "extracted, quarantined, missing_batches") == (4, 3, 1)
    bench.load(dataset, [item(3)], day=3)
    assert fresh(bench, dataset.name, "extracted, quarantined, missing_batches") == (1, 0, 0)


def test_a_batch_of_this_moment_is_fresh_and_data_are_never_younger_than_their_load(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append(), quality=Quality(freshness=timedelta(hours=26)))
    today = (datetime.now(UTC) - FIRST_DAY).days + 1
    bench.load(dataset, [item(1)], day=today)
    put(bench, dataset)
    age, is_fresh, data, loaded = fresh(bench, dataset.name, "age_hours, is_fresh, data_as_of, loaded_at")
    assert (float(age), is_fresh, data) == (0, True, loaded)


def test_an_undo_is_in_the_freshness_at_once_though_nobody_publishes(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)], day=1)
    bench.load(dataset, [item(2)], day=2)
    put(bench, dataset)
    bench.loader().undo(UndoRequest(dataset, "2014-01-02-0123abcd", reason="wrong"))
    wanted = ("2014-01-01-0123abcd", 1, 1, 1)
    assert fresh(bench, dataset.name, "last_batch, row_count, extracted, missing_batches") == wanted
    assert bench.query(f"SELECT id FROM bi.{dataset.name}") == [(1,)]
    assert put(bench, dataset) == Published()


@pytest.mark.parametrize("drops_table", [True, False])
def test_a_retired_dataset_leaves_bi(bench: Any, make_dataset: Any, *, drops_table: bool):
    gone, other = make_dataset(Append()), make_dataset(Append())
    bench.load(gone, [item(1)])
    bench.load(other, [item(1)])
    put(bench, gone, other)
    assert remains(bench.warehouse, gone.name).views == ()
    retire(bench.warehouse, gone.name, ANA, drops_table=drops_table)
    assert bench.query(f"SELECT dataset FROM bi.freshness WHERE dataset IN ('{gone.name}', '{other.name}')") == [
        (other.name,)
    ]
    assert bench.query(f"SELECT COUNT(*) FROM bi.dictionary WHERE dataset = '{gone.name}'") == [(0,)]
    with pytest.raises(LoadError, match="does not exist"):
        bench.query(f"SELECT * FROM bi.{gone.name}")


def test_a_renamed_dataset_takes_its_views_along(bench: Any, make_dataset: Any):
    old = make_dataset(Append())
    bench.load(old, [item(1)])
    put(bench, old)
    new = replace(make_dataset(Append()), formerly=(old.name,))
    rename(bench.warehouse, old.name, new.name, ANA)
    put(bench, new)
    assert bench.query(f"SELECT id FROM bi_pt.{new.name}") == [(1,)]
    assert fresh(bench, new.name, "row_count") == (1,)
    assert remains(bench.warehouse, old.name).tables == ()
    assert bench.query(f"SELECT COUNT(*) FROM bi.freshness WHERE dataset = '{old.name}'") == [(0,)]


@pytest.mark.usefixtures("stack")  # a late-binding view of Redshift's holds up nobody
def test_a_view_of_somebodys_own_stands_in_the_way_and_the_views_stay_as_they_were(bench: Any, make_dataset: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    put(bench, dataset)
    bench.run(f"CREATE VIEW bi.own_{dataset.name} AS SELECT id FROM bi.{dataset.name}")
    moved = replace(dataset, title={"en": f"Moved {dataset.name}"})
    with pytest.raises(LoadError, match="depend"):
        put(bench, moved)
    assert bench.query(f"SELECT id FROM bi.{dataset.name}") == [(1,)]
    bench.run(f"DROP VIEW bi.own_{dataset.name}")
    assert dataset.name in put(bench, moved).made


@pytest.fixture
def reader(bench: Any, warehouse: Warehouse) -> Warehouse:
    """A user of a group that may read `bi` and nothing else, as the bench's settings say."""
    name, password = f"bi_{secrets.token_hex(3)}", f"Aa1{secrets.token_hex(8)}"
    bench.run(f"CREATE USER {name} PASSWORD '{password}'")
    bench.run(f'CREATE GROUP "{name}_group" WITH USER {name}')
    config = replace(warehouse.config, bi_group=f"{name}_group")
    bench.warehouse = Warehouse(config, warehouse._credentials)
    return Warehouse(replace(config, secret="none", workgroup=None, cluster=None), Credentials(name, password))


def test_a_reader_of_bi_sees_its_views_and_nothing_else(bench: Any, make_dataset: Any, reader: Warehouse):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    put(bench, dataset)
    with reader.session() as session:
        assert session.rows(f"SELECT id FROM bi.{dataset.name}") == [(1,)]
        assert session.rows(f"SELECT id FROM bi_pt.{dataset.name}") == [(1,)]
        assert session.count(f"SELECT COUNT(*) FROM bi.dictionary WHERE dataset = '{dataset.name}'") == 4
        assert session.count(f"SELECT COUNT(*) FROM bi.history WHERE dataset = '{dataset.name}'") == 1
        assert session.count(f"SELECT row_count FROM bi.freshness WHERE dataset = '{dataset.name}'") == 1
        for table in (
            f"loads.{dataset.name}",
            "esteira.batch",
            f"esteira_ledger.{dataset.name}",
            "esteira.publication",
        ):
            with pytest.raises(AuthError, match="permission denied"):
                session.rows(f"SELECT * FROM {table}")
        for act in (f"DROP VIEW bi.{dataset.name}", "DELETE FROM bi.dictionary", "CREATE TABLE bi.mine (id INTEGER)"):
            with pytest.raises((AuthError, LoadError), match=r"permission denied|must be owner"):
                session.run(act)


def test_a_group_of_readers_that_does_not_exist_is_refused_by_name(bench: Any, make_dataset: Any, warehouse: Warehouse):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    bench.warehouse = Warehouse(replace(warehouse.config, bi_group="nobody_here"), warehouse._credentials)
    with pytest.raises(ConfigError, match="no group nobody_here, which ESTEIRA_BI_GROUP"):
        put(bench, dataset)


def test_contracts_of_another_folder_keep_their_rows_and_their_views(bench: Any, make_dataset: Any):
    ours, theirs = make_dataset(Append()), make_dataset(Append())
    bench.load(ours, [item(1)])
    bench.load(theirs, [item(1)])
    put(bench, ours)
    put(bench, theirs)
    assert fresh(bench, ours.name, "row_count") == fresh(bench, theirs.name, "row_count") == (1,)
    thief = replace(theirs, title={"pt": ours.name})
    with pytest.raises(
        ConfigError, match=f"bi_pt.*{ours.name}.* of {theirs.name} would have the name of one of {ours.name}"
    ):
        put(bench, thief)
    assert bench.query(f"SELECT id FROM bi_pt.{ours.name}") == [(1,)]


def test_of_two_runs_that_make_one_view_the_later_finds_it_made(bench: Any, make_dataset: Any, monkeypatch: Any):
    dataset = make_dataset(Append())
    bench.load(dataset, [item(1)])
    ended: list[Published] = []
    second = threading.Thread(target=lambda: ended.append(put(bench, dataset)))
    run = Session.run

    def watched(self: Session, statement: str, *rest: Any) -> int:
        if 'INSERT INTO "esteira"."publication"' in statement and not second.ident:
            second.start()
            second.join(timeout=1)  # without the lock it would be in the way by then
        return run(self, statement, *rest)

    monkeypatch.setattr(Session, "run", watched)
    assert put(bench, dataset).made == (dataset.name,)
    second.join(timeout=20)
    assert ended == [Published()]
