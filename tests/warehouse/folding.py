"""The fold of each write mode in plain Python, and random histories of batches: what the property tests hold the warehouse against."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pandas as pd
import pandera.pandas as pa

from esteira.contract import Append, Dataset, DeleteInsert, Replace, Scd2, Timestamp, Upsert

Row = dict[str, Any]
MIDNIGHT = datetime(2014, 1, 1, tzinfo=UTC)
COLUMNS = ("id", "team", "label", "changed_at", "is_deleted")


class Thing(pa.DataFrameModel):
    """Things that change."""

    id: pd.Int64Dtype
    team: pd.StringDtype = pa.Field(metadata={"max_bytes": 16})
    label: pd.StringDtype = pa.Field(nullable=True)
    changed_at: Timestamp
    is_deleted: pd.BooleanDtype = pa.Field(nullable=True)


@dataclass(frozen=True)
class Load:
    """A batch as the model knows it."""

    day: int
    days: int
    rows: tuple[Row, ...]

    @property
    def start(self) -> datetime:
        return MIDNIGHT + timedelta(days=self.day - 1)


@dataclass
class Model:
    """Committed batches by id, and the table that follows from them."""

    dataset: Dataset
    committed: dict[str, Load] = field(default_factory=dict)

    def rows(self) -> list[tuple[Any, ...]]:
        ordered = [
            load for _, load in sorted(self.committed.items(), key=lambda each: (each[1].day, each[1].days, each[0]))
        ]
        return sorted(_FOLDS[type(self.dataset.write)](self.dataset, ordered), key=repr)


def _append(dataset: Dataset, loads: list[Load]) -> Iterator[tuple[Any, ...]]:
    return (_plain(row) for load in loads for row in load.rows)


def _replace(dataset: Dataset, loads: list[Load]) -> Iterator[tuple[Any, ...]]:
    return (_plain(row) for load in loads[-1:] for row in load.rows)


def _upsert(dataset: Dataset, loads: list[Load]) -> Iterator[tuple[Any, ...]]:
    mode, best = dataset.write, {}
    assert isinstance(mode, Upsert)
    for row in (row for load in loads for row in load.rows):
        known = best.get(row["id"])
        if known is None or mode.newest_by is None or row[mode.newest_by] >= known[mode.newest_by]:
            best[row["id"]] = row
    return (_plain(row) for row in best.values() if not _is_gone(mode, row))


def _delete_insert(dataset: Dataset, loads: list[Load]) -> Iterator[tuple[Any, ...]]:
    mode, groups = dataset.write, {}
    assert isinstance(mode, DeleteInsert)
    for load in loads:
        groups |= {
            team: [row for row in load.rows if row["team"] == team] for team in {row["team"] for row in load.rows}
        }
    return (_plain(row) for rows in groups.values() for row in rows if not _is_gone(mode, row))


def _scd2(dataset: Dataset, loads: list[Load]) -> Iterator[tuple[Any, ...]]:
    mode = dataset.write
    assert isinstance(mode, Scd2)
    said: dict[int, dict[datetime, Row | None]] = {}
    is_snapshot = mode.newest_by is None and dataset.source.incremental is None
    for load in _last_of_each_start(loads) if is_snapshot else loads:
        if is_snapshot:
            for moments in said.values():
                moments[load.start] = None
        for row in load.rows:
            moment = row[mode.newest_by] if mode.newest_by else load.start
            said.setdefault(row["id"], {})[moment] = None if _is_gone(mode, row) else row
    return (version for moments in said.values() for version in _versions(moments))


def _last_of_each_start(loads: list[Load]) -> Iterable[Load]:
    return {load.start: load for load in loads}.values()


def _versions(moments: dict[datetime, Row | None]) -> Iterator[tuple[Any, ...]]:
    bounds: list[tuple[datetime, Row | None]] = [(datetime.min.replace(tzinfo=UTC), None)]
    bounds += [(moment, moments[moment]) for moment in sorted(moments)]
    changes = [new for old, new in pairwise(bounds) if old[1] != new[1]]
    ends = [*(moment for moment, _ in changes[1:]), None]
    for (moment, row), end in zip(changes, ends, strict=False):
        if row is not None:
            yield (*_plain(row), moment, end, end is None)


_FOLDS: dict[type, Any] = {
    Append: _append, Replace: _replace, Upsert: _upsert, DeleteInsert: _delete_insert, Scd2: _scd2,
}  # fmt: skip


def _plain(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in COLUMNS)


def _is_gone(mode: Upsert | DeleteInsert | Scd2, row: Row) -> bool:
    return mode.deleted_when is not None and row[mode.deleted_when[0]] is True


def random_rows(chance: random.Random, dataset: Dataset, day: int) -> tuple[Row, ...]:
    """Rows of a batch over few values, so that everything meets everything; a key repeats only where the mode can tell."""
    keys = chance.sample(range(30), chance.randint(0, 25))
    day = day if getattr(dataset.write, "newest_by", None) else 0
    rows = [_random_row(chance, key, day) for key in keys]
    repeats = chance.sample(rows, min(3, len(rows)))
    may_differ = getattr(dataset.write, "newest_by", None) or isinstance(dataset.write, Append | Replace | DeleteInsert)
    rows += [_random_row(chance, row["id"], day) if may_differ else row for row in repeats]
    chance.shuffle(rows)
    return tuple(rows)


def _random_row(chance: random.Random, key: int, day: int) -> Row:
    return {
        "id": key,
        "team": f"team {key // 5}",
        "label": chance.choice([None, "a", "ç", "a"]),
        "changed_at": MIDNIGHT + timedelta(days=day - 1, hours=12 * chance.randint(-3, 3) if day else 0),
        "is_deleted": chance.choice([None, False, False, True]),
    }
