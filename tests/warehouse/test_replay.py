"""Refused rows that pass now join their batch: whatever happened meanwhile, the table is what the mended contract would have loaded."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from esteira.batch import Batch, Window
from esteira.contract import Dataset, Quality, Scd2
from esteira.curate import curate
from esteira.errors import ConfigError
from esteira.lake import Layout, PagePointer, Seal
from esteira.quarantine import replay
from esteira.quarantine.run import Outcome, Places, Request, perform
from esteira.rebuild import Selection, curated_again, plan_rebuild, raw_seal
from esteira.reconcile import reconcile
from esteira.renaming import rename_everywhere
from esteira.warehouse import LoadRequest, UndoRequest
from esteira.warehouse.life import retire
from esteira.warehouse.reads import standing, table_counts
from esteira.warehouse.states import Act
from tests.warehouse.folding import COLUMNS, MIDNIGHT, Load, Model, Row, Thing, random_rows
from tests.warehouse.test_fold import MODES

SEEDS = (0, pytest.param(1, marks=pytest.mark.nightly), pytest.param(2, marks=pytest.mark.nightly))
STEPS = 9
NUMBER, LETTER = "id: less_than(20)", "label: not_equal_to(ç)"


def schema(*mistakes: str) -> type[pandera.DataFrameModel]:
    """The schema of things with these rules that it should not have."""
    wrong = {NUMBER: ("id", pandera.Field(lt=20)), LETTER: ("label", pandera.Field(nullable=True, ne="ç"))}
    fields = dict(wrong[each] for each in mistakes)
    annotations = {name: Thing.__annotations__[name] for name in fields}
    facts = {"__annotations__": annotations, "__doc__": Thing.__doc__, "__module__": Thing.__module__}
    return type("Wrong", (Thing,), facts | fields)


LENIENT = Quality(max_quarantine_ratio=1.0)
LEVELS = (schema(NUMBER, LETTER), schema(LETTER), Thing)
"""The contract as it was, half mended, and mended."""


def refuses(level: int, row: Row) -> bool:
    return (level < 1 and row["id"] >= 20) or (level < 2 and row["label"] == "ç")


@dataclass
class Mill:
    """Batches from raw to the table, and the replays of their refused rows."""

    bench: Any
    contract: Dataset
    level: int = 0
    rows: dict[str, Load] = field(default_factory=dict)
    quality: Quality = LENIENT

    @property
    def dataset(self) -> Dataset:
        return replace(self.contract, schema=LEVELS[self.level], quality=self.quality)

    @property
    def places(self) -> Places:
        return Places(self.bench.lake, self.bench.warehouse, self.bench.loader())

    def load(self, batch_id: str, load: Load) -> Any:
        self.rows[batch_id] = load
        return self._commit(batch_id, self._raw(batch_id, load), 1)

    def again(self, batch_id: str) -> Any:
        """From raw, under the contract of today."""
        entries, lake = self.bench.ledger(self.dataset), self.bench.lake
        (rebuild,) = plan_rebuild(self.dataset, entries, Selection((batch_id,)), lake)
        return self._commit(batch_id, raw_seal(rebuild, lake), rebuild.generation)

    def replay(self, batch_id: str, rule: str | None = None) -> Outcome:
        return perform(Request(self.dataset, rule, "replay", "0"), batch_id, self.places)

    def _commit(self, batch_id: str, raw: Seal, generation: int) -> Any:
        lake, load = self.bench.lake, self.rows[batch_id]
        seal = curate(self.dataset, raw, lake=lake, generation=generation)
        window = Window(load.start, load.start + timedelta(days=load.days))
        batch = Batch(self.dataset.name, batch_id, window, is_snapshot=True)
        return self.bench.loader().load(LoadRequest(self.dataset, batch, seal, lake.put_manifest(seal)))

    def _raw(self, batch_id: str, load: Load) -> Seal:
        page = json.dumps(load.rows, default=lambda moment: moment.isoformat()).encode()
        content = pa.Codec("zstd").compress(page, asbytes=True)
        count, layout = len(load.rows), Layout(self.dataset.name, batch_id)
        pages = (PagePointer(1, len(page), count),)
        part = self.bench.lake.put_part(layout.part("raw", "a1", 1), content, rows=count, pages=pages)
        return self.bench.lake.put_seal("raw", Seal(self.dataset.name, batch_id, "a1", (part,), count))

    def table(self) -> list[tuple[Any, ...]]:
        added = ("valid_from", "valid_to", "is_current") if isinstance(self.dataset.write, Scd2) else ()
        found = self.bench.query(f"SELECT {', '.join((*COLUMNS, *added))} FROM loads.{self.dataset.name}")
        return sorted(found, key=repr)

    def compared(self) -> tuple[str, ...]:
        name = self.dataset.name
        counts = table_counts(self.bench.warehouse, name)
        return reconcile(name, self.bench.ledger(self.dataset), counts, self.bench.lake).differences


@pytest.fixture
def make_mill(bench: Any, make_dataset: Any) -> Any:
    def make(mode: str) -> Mill:
        write, incremental = MODES[mode]
        return Mill(bench, make_dataset(write, schema=Thing, incremental=incremental))

    return make


class History:
    """A random sequence of loads, mends, replays, rebuilds and undos, each checked against the model."""

    def __init__(self, mill: Mill, seed: str) -> None:
        self.mill, self.chance, self.model = mill, random.Random(seed), Model(mill.contract)

    def run(self) -> None:
        for _ in range(3):
            self.load()
        for _ in range(STEPS):
            self.chance.choices([self.load, self.mend, self.replay, self.again, self.undo], [3, 2, 5, 1, 1])[0]()
            assert self.mill.table() == self.model.rows()
        self.mill.level = 2
        for batch_id in self.model.committed:
            self.mill.replay(batch_id)
            self.model.committed[batch_id] = self.mill.rows[batch_id]
        assert self.mill.table() == self.model.rows()
        assert self.mill.compared() == ()

    def load(self) -> None:
        day, days = self.chance.randint(1, 9), self.chance.choice([1, 1, 2])
        batch_id = f"{self.chance.randrange(16**4):04x}-{len(self.mill.rows)}"
        load = Load(day, days, random_rows(self.chance, self.mill.contract, day))
        self.mill.load(batch_id, load)
        self.accept(batch_id, lambda row: not refuses(self.mill.level, row))

    def mend(self) -> None:
        self.mill.level = min(self.mill.level + 1, 2)

    def replay(self) -> None:
        batch_id = self.chance.choice(list(self.model.committed) or [""])
        if not batch_id:
            return
        rule = self.chance.choice([None, NUMBER, "label"])
        before = self.model.committed[batch_id].rows
        outcome = self.mill.replay(batch_id, rule)
        loaded, level = {id(row) for row in before}, self.mill.level

        def is_in(row: Row) -> bool:
            is_tried = rule is None or (row["id"] >= 20 if rule == NUMBER else row["label"] == "ç")
            return id(row) in loaded or (is_tried and not refuses(level, row))

        if rule is None:  # which reasons a row has depends on when it was refused last
            self.accept(batch_id, is_in)
        else:
            assert outcome.tally.passed <= len(self.mill.rows[batch_id].rows) - len(before)
            self.mill.replay(batch_id)
            self.accept(batch_id, lambda row: id(row) in loaded or not refuses(level, row))

    def again(self) -> None:
        if self.model.committed:
            batch_id = self.chance.choice(list(self.model.committed))
            self.mill.again(batch_id)
            self.accept(batch_id, lambda row: not refuses(self.mill.level, row))

    def undo(self) -> None:
        if len(self.model.committed) > 1:
            batch_id = self.chance.choice(list(self.model.committed))
            self.mill.bench.loader().undo(UndoRequest(self.mill.dataset, batch_id, "wrong"))
            del self.model.committed[batch_id]

    def accept(self, batch_id: str, is_in: Any) -> None:
        load = self.mill.rows[batch_id]
        self.model.committed[batch_id] = replace(load, rows=tuple(row for row in load.rows if is_in(row)))


@pytest.mark.parametrize(
    "mode", [mode if mode.endswith("deleted") else pytest.param(mode, marks=pytest.mark.long) for mode in MODES]
)
@pytest.mark.parametrize("seed", SEEDS)
def test_any_history_of_mends_and_replays_leaves_the_fold_of_the_mended_contract(make_mill: Any, mode: str, seed: int):
    History(make_mill(mode), f"{mode} {seed}").run()


def thing(key: int, label: str | None, hours: int = 0, **more: Any) -> Row:
    moment = MIDNIGHT + timedelta(hours=hours)
    return {"id": key, "team": "a", "label": label, "changed_at": moment, "is_deleted": None} | more


def labels(mill: Mill) -> list[tuple[Any, ...]]:
    return [(row[0], row[2]) for row in mill.table()]


def test_a_later_batch_that_repeats_a_row_unchanged_still_beats_what_its_batch_refused(make_mill: Any):
    """The table names the earlier batch for both; only the lake knows the later one."""
    mill = make_mill("upsert newest")
    mill.load("first", Load(1, 1, (thing(1, "a"), thing(1, "ç"))))
    mill.load("second", Load(2, 1, (thing(1, "a"),)))
    mill.level = 2
    outcome = mill.replay("first")
    assert outcome.tally.passed == 1
    assert labels(mill) == [(1, "a")]


@pytest.mark.parametrize("mode", MODES)
def test_a_replay_never_overwrites_a_newer_row(make_mill: Any, mode: str):
    mill = make_mill(mode)
    newer = thing(1, "newer", 30)
    mill.load("first", Load(1, 1, (thing(1, "ç", 1), thing(2, "old", 1))))
    mill.load("second", Load(2, 1, (newer, thing(2, "new", 30))))
    mill.level = 2
    entry = mill.replay("first").loaded.entry
    assert entry.curated == entry.inserted + entry.updated + entry.unchanged + entry.stale + entry.duplicate == 2
    model = Model(mill.contract, mill.rows)
    assert mill.table() == model.rows()
    assert (1, "newer") in labels(mill)
    if mode.startswith("upsert"):
        assert entry.stale >= 1


@pytest.mark.parametrize("mode", ["upsert newest", "append", "delete-insert", "scd2 snapshots"])
def test_twice_the_same_replay_loads_once(make_mill: Any, mode: str):
    mill = make_mill(mode)
    mill.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"), thing(20, "ç"))))
    mill.level = 1
    assert mill.replay("first").loaded is None  # each of them has a reason that stands
    mill.level = 2
    first, second = mill.replay("first"), mill.replay("first")
    assert (first.tally.passed, first.loaded.entry.generation) == (2, 2)
    assert (second.tally.tried, second.loaded) == (0, None)
    assert sorted(labels(mill)) == [(1, "ç"), (2, "a"), (20, "ç")]
    assert mill.compared() == ()


def test_two_replays_at_once_load_once(make_mill: Any):
    """Both plan from the same generation, under numbers of their own; the one that commits last finds nothing left."""
    mill = make_mill("append")
    mill.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"))))
    mill.level = 2
    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(lambda _: mill.replay("first"), range(2)))
    assert sorted(labels(mill)) == [(1, "ç"), (2, "a")]
    assert sum(outcome.loaded is not None and outcome.loaded.is_new for outcome in outcomes) == 1
    assert mill.compared() == ()


@pytest.mark.parametrize("other", ["again", "undo"])
def test_a_seal_whose_base_is_no_longer_in_the_table_is_not_loaded(make_mill: Any, other: str):
    mill = make_mill("append")
    mill.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"))))
    mill.level = 2
    (planned,) = replay.plan(mill.dataset, mill.bench.ledger(mill.dataset), mill.bench.lake)
    seal, _ = replay.seal(mill.dataset, planned, mill.bench.lake)
    assert seal is not None
    if other == "again":
        mill.again("first")
    else:
        mill.bench.loader().undo(UndoRequest(mill.dataset, "first", "wrong"))
    before = mill.table()
    late = LoadRequest(mill.dataset, planned.batch, seal, mill.bench.lake.put_manifest(seal))
    result = mill.bench.loader().load(late)
    assert (result.is_new, result.entry.seal_hash != seal.hash) == (False, True)
    assert mill.table() == before


def test_a_batch_that_is_not_in_the_table_is_refused_with_what_to_do(make_mill: Any):
    mill = make_mill("append")
    mill.load("first", Load(1, 1, (thing(1, "ç"),)))
    mill.bench.loader().undo(UndoRequest(mill.dataset, "first", "wrong"))
    with pytest.raises(ConfigError) as caught:
        mill.replay("first")
    assert "--from raw" in caught.value.hint
    with pytest.raises(ConfigError, match="not in the ledger"):
        mill.replay("second")


def test_watermark_and_settled_batches_are_those_of_before(make_mill: Any):
    mill = make_mill("upsert")
    mill.load("first", Load(1, 1, (thing(1, "ç"),)))
    before = standing(mill.bench.warehouse, mill.dataset.name)
    mill.level = 2
    mill.replay("first")
    assert standing(mill.bench.warehouse, mill.dataset.name) == before


class Wider(Thing):
    """Things with a number more."""

    amount: pd.Int64Dtype = pandera.Field(nullable=True)


def test_a_contract_whose_columns_changed_brings_the_rows_that_stand_along(make_mill: Any):
    mill = make_mill("upsert")
    mill.load("first", Load(1, 1, (thing(1, "ç", amount=1), thing(2, "a", amount=2))))
    wider = replace(mill.contract, schema=Wider)
    outcome = perform(Request(wider), "first", mill.places)
    assert outcome.tally.passed == 1
    found = mill.bench.query(f"SELECT id, label, amount FROM loads.{wider.name} ORDER BY id")
    assert found == [(1, "ç", 1), (2, "a", None)]
    assert mill.compared() == ()


def test_undo_takes_the_replayed_rows_along_and_curated_brings_them_back(make_mill: Any):
    mill = make_mill("append")
    mill.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"))))
    mill.level = 2
    mill.replay("first")
    mill.bench.loader().undo(UndoRequest(mill.dataset, "first", "wrong"))
    assert mill.table() == []
    (rebuild,) = plan_rebuild(mill.dataset, mill.bench.ledger(mill.dataset), Selection(("first",)), mill.bench.lake)
    seal = curated_again(rebuild, mill.bench.lake)
    mill.bench.loader().load(LoadRequest(mill.dataset, rebuild.batch, seal, mill.bench.lake.put_manifest(seal)))
    assert sorted(labels(mill)) == [(1, "ç"), (2, "a")]


def test_a_batch_from_before_a_rename_is_replayed_under_the_new_name(make_mill: Any):
    mill = make_mill("append")
    mill.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"))))
    old, new = mill.contract.name, f"{mill.contract.name}_new"
    rename_everywhere(mill.bench.warehouse, mill.bench.lake, (old, new), Act("test"))
    mill.level, mill.contract = 2, replace(mill.contract, name=new)
    assert mill.replay("first").tally.passed == 1
    assert sorted(labels(mill)) == [(1, "ç"), (2, "a")]
    assert mill.compared() == ()
    mill.bench.loader().undo(UndoRequest(mill.dataset, "first", "wrong"))
    assert mill.table() == []


def test_nothing_is_replayed_into_a_table_that_is_retired(make_mill: Any):
    mill = make_mill("append")
    mill.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"))))
    retire(mill.bench.warehouse, mill.contract.name, Act("test"), drops_table=False)
    mill.level = 2
    with pytest.raises(ConfigError, match="retired"):
        mill.replay("first")


@pytest.mark.parametrize("kind", ["kill before", "lost"])
def test_a_commit_whose_answer_was_lost_loads_the_rows_once(
    make_mill: Any, open_warehouse: Any, cut_at_commit: Any, kind: Any
):
    mill = make_mill("append")
    mill.load("first", Load(1, 1, (thing(1, "ç"), thing(2, "a"))))
    mill.level = 2
    wire = cut_at_commit(kind)
    cut = replace(mill.places, loader=mill.bench.loader(open_warehouse(port=wire.port)))
    outcome = perform(Request(mill.dataset), "first", cut)
    assert wire.director.times_left == 0
    assert outcome.loaded.entry.generation == 2
    assert sorted(labels(mill)) == [(1, "ç"), (2, "a")]
    assert mill.compared() == ()
