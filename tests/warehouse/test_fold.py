"""Whatever is loaded, again, late, anew or taken out: the table is the fold of its write mode over the committed batches."""

import random
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from esteira.contract import Append, DeleteInsert, Incremental, Replace, Scd2, Upsert
from esteira.warehouse import UndoRequest
from tests.warehouse.folding import COLUMNS, Load, Model, Thing, random_rows

WINDOWS = Incremental("changed_at", "from", "to", initial=date(2014, 1, 1))
MODES = {
    "append": (Append(), WINDOWS),
    "replace": (Replace(), None),
    "upsert": (Upsert("id"), WINDOWS),
    "upsert newest": (Upsert("id", newest_by="changed_at"), WINDOWS),
    "upsert deleted": (Upsert("id", deleted_when="is_deleted"), WINDOWS),
    "upsert newest deleted": (Upsert("id", newest_by="changed_at", deleted_when="is_deleted"), WINDOWS),
    "delete-insert": (DeleteInsert("team"), WINDOWS),
    "delete-insert deleted": (DeleteInsert("team", deleted_when="is_deleted"), WINDOWS),
    "scd2 snapshots": (Scd2("id"), None),
    "scd2 snapshots deleted": (Scd2("id", deleted_when="is_deleted"), None),
    "scd2 windows": (Scd2("id"), WINDOWS),
    "scd2 windows deleted": (Scd2("id", deleted_when="is_deleted"), WINDOWS),
    "scd2 newest": (Scd2("id", newest_by="changed_at"), WINDOWS),
    "scd2 newest deleted": (Scd2("id", newest_by="changed_at", deleted_when="is_deleted"), WINDOWS),
}
STEPS = {"snapshot": 5, "serializable": 2}
"""The fold is SQL under a lock: the level can only make it fail, not fold otherwise, so the second level takes fewer steps."""
MARGIN = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


class History:
    """A random sequence of loads, repeats, new generations and undos, each checked against the model."""

    def __init__(self, bench: Any, dataset: Any, seed: str) -> None:
        self.bench, self.dataset, self.chance = bench, dataset, random.Random(seed)
        self.model = Model(dataset)
        self.known: dict[str, Load] = {}
        self.generations: dict[str, int] = {}
        self.last: Any = None

    def step(self) -> None:
        action = self.chance.choices(["load", "anew", "several", "undo", "repeat"], [6, 2, 1, 2, 1])[0]
        if not self.known or action == "load":
            self.check([self.bench.loader().load(self.request(self.fresh()))])
        elif action == "anew":
            self.check([self.bench.loader().load(self.request(self.chance.choice(list(self.known))))])
        elif action == "several":
            ids = self.chance.sample(list(self.known), min(2, len(self.known)))
            requests = [self.request(batch_id) for batch_id in dict.fromkeys([*ids, self.fresh()])]
            self.check(self.bench.loader().rebuild(requests))
        elif action == "repeat":
            result = self.bench.loader().load(self.last)
            assert not result.is_new
            self.check([result])
        else:
            self.undo(self.chance.choice(list(self.known)))

    def fresh(self) -> str:
        day, days = self.chance.randint(1, 9), self.chance.choice([1, 1, 1, 2])
        batch_id = f"{self.chance.randrange(16**4):04x}-{len(self.known)}"
        self.known[batch_id] = Load(day, days, ())
        return batch_id

    def request(self, batch_id: str) -> Any:
        known = self.known[batch_id]
        rows = random_rows(self.chance, self.dataset, known.day)
        cut = self.chance.randint(0, len(rows))
        self.generations[batch_id] = self.generations.get(batch_id, 0) + 1
        self.model.committed[batch_id] = Load(known.day, known.days, rows)
        self.last = self.bench.request(
            self.dataset, *(part for part in (rows[:cut], rows[cut:]) if part), day=known.day, days=known.days,
            batch_id=batch_id, generation=self.generations[batch_id],
        )  # fmt: skip
        return self.last

    def undo(self, batch_id: str) -> None:
        was_there = self.model.committed.pop(batch_id, None) is not None
        result = self.bench.loader().undo(UndoRequest(self.dataset, batch_id, "wrong"))
        assert (result.is_new, result.entry.state) == (was_there, "undone")
        self.generations[batch_id] += was_there
        self.check([result])

    def check(self, results: list[Any]) -> None:
        table = self.rows()
        assert table == self.model.rows()
        assert not results[-1].is_new or results[-1].entry.table_rows == len(table)
        for result in results:
            entry = result.entry
            counted = entry.inserted + entry.updated + entry.unchanged + entry.stale + entry.duplicate
            committed = self.model.committed.get(entry.batch_id)
            assert entry.curated == counted == len(committed.rows if committed else ())

    def rows(self) -> list[tuple[Any, ...]]:
        added = ("valid_from", "valid_to", "is_current") if isinstance(self.dataset.write, Scd2) else ()
        found = self.bench.query(f"SELECT {', '.join((*COLUMNS, *added))} FROM loads.{self.dataset.name}")
        return sorted(found, key=repr)


@pytest.mark.fault(46, 50)
@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=1, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=MARGIN)
@given(seed=st.integers(0, 2**32))
def test_any_sequence_of_loads_generations_and_undos_leaves_the_fold(
    bench: Any, make_dataset: Any, isolation: str, mode: str, seed: int
):
    write, incremental = MODES[mode]
    history = History(bench, make_dataset(write, schema=Thing, incremental=incremental), f"{mode} {seed}")
    for _ in range(STEPS[isolation]):
        history.step()
