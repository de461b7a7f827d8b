"""Refused rows tried under today's contract: JSON records as they were kept, rows of a file by reading the file again."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from esteira.contract import Dataset
from esteira.contract.columns import POSITION_COLUMN
from esteira.errors import ConfigError, SealConflict
from esteira.lake import Lake, Seal
from esteira.quality import curate_records
from esteira.quarantine.again import lenient_form, validated
from esteira.quarantine.read import sealed_tables
from esteira.quarantine.refused import is_named


@dataclass(slots=True)
class Tally:
    """What became of the rows that were tried.

    Attributes:
        tried: Rows that break the rule that was asked for.
        passed: Those of them that are good today.
        reasons: Of all that are refused now, records by `column: rule`.
        nulled: Bad values of records that passed without them, by `column: rule`; of rows of a file they are not counted.
    """

    tried: int = 0
    passed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    nulled: Counter[str] = field(default_factory=Counter)

    @property
    def refused(self) -> int:
        """Rows that were tried and are refused again."""
        return self.tried - self.passed


@dataclass(frozen=True, slots=True)
class Tried:
    """Some of the rows, at their positions in the batch: good ones, and one row for each reason of the others."""

    good: pa.Table
    bad: pa.Table


class Trial:
    """One pass over the refused rows of a batch.

    Args:
        dataset: The contract of today.
        base: The curated seal whose quarantine is tried.
        lake: Where its parts are.
        rule: Only rows that break this one.
    """

    def __init__(self, dataset: Dataset, base: Seal, lake: Lake, rule: str | None) -> None:
        self._dataset, self._base, self._lake, self._rule = lenient_form(dataset), base, lake, rule
        self.tally = Tally()

    def run(self) -> Iterator[Tried]:
        """All of them, those that were not asked for with the reasons that they have.

        Raises:
            ConfigError: The contract reads other rows in the file than those that were refused.
            SealConflict: A part is not what was sealed.
        """
        for tried in self._in_file() if self._base.provenance.file else self._on_pages():
            self.tally.passed += tried.good.num_rows
            self.tally.reasons.update(f"{row['column']}: {row['rule']}" for row in _names(tried.bad))
            yield tried

    def _on_pages(self) -> Iterator[Tried]:
        for table in sealed_tables(self._base, self._lake):
            chosen = _chosen(table, self._rule)
            tried = self._records(table.filter(chosen))
            yield Tried(tried.good, pa.concat_tables([table.filter(pc.invert(chosen)), tried.bad]))

    def _records(self, table: pa.Table) -> Tried:
        positions, first = np.unique(table.column(POSITION_COLUMN).to_numpy(), return_index=True)
        texts = table.column("record").take(pa.array(first)).to_pylist()
        curated = curate_records([msgspec.Raw(text.encode()) for text in texts], self._dataset)
        self.tally.tried += len(texts)
        self.tally.nulled.update(curated.nulled)
        return Tried(_placed(curated.good, positions), _placed(curated.bad, positions))

    def _in_file(self) -> Iterator[Tried]:
        """A printed row does not say what its cells are, so the file is read again; rows that were good are passed over."""
        wanted: dict[int, str] = {}
        untouched: list[pa.Table] = []
        for table in sealed_tables(self._base, self._lake):
            chosen = _chosen(table, self._rule)
            untouched.append(table.filter(pc.invert(chosen)))
            rows = table.filter(chosen).select([POSITION_COLUMN, "record"]).to_pylist()
            wanted |= {row[POSITION_COLUMN]: row["record"] for row in rows}
        self.tally.tried = len(wanted)
        chosen, ordered, first = pa.array(wanted, pa.int64()), sorted(wanted), 0
        for curated, records in validated(self._dataset, self._raw(), self._lake):
            own = ordered[bisect_left(ordered, first) : bisect_left(ordered, first + len(records))]
            self._require_same(all(bytes(records[each - first]).decode() == wanted[each] for each in own))
            rest = untouched.pop(0) if untouched else curated.bad.slice(0, 0)
            yield Tried(_among(curated.good, chosen), pa.concat_tables([rest, _among(curated.bad, chosen)]))
            first += len(records)
        self._require_same(first == self._base.extracted)
        for rest in untouched:
            yield Tried(rest.slice(0, 0), rest)

    def _raw(self) -> Seal:
        base, name = self._base, self._dataset.name
        raw = self._lake.find_settled_seal("raw", name, base.batch, base.raw_generation)
        if raw is None or base.raw_seal not in {None, raw.hash}:
            raise SealConflict(
                "The raw seal that the batch was made from is not in the lake.", dataset=name, batch=base.batch
            )
        return raw

    def _require_same(self, is_same: bool) -> None:  # noqa: FBT001 - what is required
        if not is_same:
            raise ConfigError(
                "Under today's contract the file has other rows than those that were refused: its sheet, header or footer is read otherwise.",
                dataset=self._dataset.name,
                batch=self._base.batch,
                hint=f"Load it again as a whole: `esteira ingest {self._dataset.name} --from raw --batch {self._base.batch}`.",
            )


def _names(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.select(["column", "rule"]).to_pylist()
    return rows


def _chosen(table: pa.Table, rule: str | None) -> pa.Array:
    """All reasons of the records of which one is named."""
    named = pa.array([is_named(rule, row["column"], row["rule"]) for row in _names(table)], pa.bool_())
    positions = table.column(POSITION_COLUMN)
    return pc.is_in(positions, value_set=positions.filter(named).combine_chunks())


def _among(table: pa.Table, positions: pa.Array) -> pa.Table:
    return table.filter(pc.is_in(table.column(POSITION_COLUMN), value_set=positions))


def _placed(table: pa.Table, positions: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Table:
    """Rows numbered among those that were tried, under their positions in the batch."""
    at = table.schema.get_field_index(POSITION_COLUMN)
    numbers = table.column(POSITION_COLUMN).to_numpy()
    return table.set_column(at, POSITION_COLUMN, pa.array(positions[numbers], pa.int64()))
