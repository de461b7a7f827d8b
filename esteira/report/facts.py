"""What the pages are made of: plain facts, gathered once. Making a page of them asks nobody and reads no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from esteira.contract import Dataset
from esteira.lake import Seal
from esteira.warehouse import LedgerEntry
from esteira.warehouse.states import DatasetState


class Profiled(Protocol):
    """What is known of a column's values in a batch: the shape of `ColumnProfile`."""

    @property
    def column(self) -> str:
        """Its name."""

    @property
    def rows(self) -> int:
        """Curated rows of the batch."""

    @property
    def nulls(self) -> int:
        """Those without a value."""

    @property
    def distinct(self) -> int | None:
        """Different values, estimated; None of nested ones."""

    @property
    def minimum(self) -> str | None:
        """As text."""

    @property
    def maximum(self) -> str | None:
        """As text."""

    @property
    def mean(self) -> float | None:
        """None where it has no sense."""

    @property
    def quantiles(self) -> tuple[float, ...]:
        """p0, p10 to p100 of numbers, moments and days (seconds since 1970 UTC); empty for others."""

    @property
    def top_values(self) -> tuple[tuple[str, int], ...]:
        """The most frequent values and their estimated counts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A refused record, as it may be shown.

    Attributes:
        reason: `column: rule`, as the seal counts it.
        place: Where it stood: `page 3, record 17` or `Plan1!C17`.
        value: The value that broke the rule; masked when it is personal.
    """

    reason: str
    place: str
    value: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything stands, and when the page is made.

    Attributes:
        as_of: The run's moment, from which ages are counted.
        made_at: When the page was made.
        bucket, schema: Of the lake, and of the tables.
        name: dev, prod.
    """

    as_of: datetime
    made_at: datetime
    bucket: str
    schema: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """One generation of a batch.

    Attributes:
        dataset: The contract of today.
        entry: The ledger row that the page is about.
        history: The current entry of each batch in the order of windows, this one's last.
        stage: Where and when.
        raw, curated: Its seals; None when the lake no longer has them or nothing was sealed.
        watermark: End of the dataset's newest window; freshness is the dataset's, not a batch's. None takes the batch's.
        replaced_by: The generation that took its place, or None.
        before: The generation that this one replaced or took out, or None.
        profiles: Of its columns; empty when none was made.
        past_nulls: Column to the share of nulls in each batch of `history` that has a profile, oldest first.
        samples: Refused records, some of each reason.
        children: Datasets that refer to this one.
        has_neighbours: Whether the pages that it may link to are beside it.
    """

    dataset: Dataset
    entry: LedgerEntry
    history: tuple[LedgerEntry, ...]
    stage: Stage
    raw: Seal | None = None
    curated: Seal | None = None
    watermark: datetime | None = None
    replaced_by: int | None = None
    before: LedgerEntry | None = None
    profiles: tuple[Profiled, ...] = ()
    past_nulls: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()
    children: tuple[str, ...] = ()
    has_neighbours: bool = True

    @property
    def personal(self) -> frozenset[str]:
        """Columns of which no value is shown, whatever the facts hold."""
        return frozenset(column.name for column in self.dataset.columns if column.is_pii)


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """One dataset for the catalogue.

    Attributes:
        dataset: The contract.
        rows: Rows of its table, or None when there is no table.
        watermark: End of the last settled window, or None.
        history: The current entry of each batch in the order of windows.
        state: Whether it is paused, retired or renamed.
        children: Datasets that refer to it.
    """

    dataset: Dataset
    rows: int | None = None
    watermark: datetime | None = None
    history: tuple[LedgerEntry, ...] = ()
    state: DatasetState | None = None
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CatalogueFacts:
    """All datasets."""

    datasets: tuple[DatasetFacts, ...]
    stage: Stage


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest data are against what the contract allows.

    Attributes:
        age: From the end of the last window to the run's moment; None when nothing is loaded. A slot may end later than the run.
        limit: The contract's, or None.
    """

    age: timedelta | None
    limit: timedelta | None

    @property
    def is_stale(self) -> bool:
        """Whether it is older than the contract allows."""
        return self.age is not None and self.limit is not None and self.age > self.limit

    @classmethod
    def of(cls, dataset: Dataset, watermark: datetime | None, as_of: datetime) -> Freshness:
        """The age of a watermark at a moment, against the contract's limit."""
        age = None if watermark is None else max(timedelta(0), as_of - watermark)
        return cls(age, dataset.quality.freshness)


def children_of(dataset: str, catalogue: Mapping[str, Dataset]) -> tuple[str, ...]:
    """The datasets that refer to one, or walk its rows."""
    return tuple(name for name, each in catalogue.items() if dataset in each.parents and name != dataset)
