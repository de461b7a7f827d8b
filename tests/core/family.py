"""Projects and their tasks: a parent with committed rows, and a portal that is asked for the children of each."""

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq

from esteira.batch import Batch, Known, plan
from esteira.contract import Dataset, Offset, Parent, Upsert
from esteira.curate import curate
from esteira.lake import Lake, Layout, Seal
from esteira.portal import Portal
from esteira.warehouse import LedgerEntry
from tests.core.small import Key, dataset, source
from tests.extract.hostile import Asked, Say, page

Opened = Callable[[str], Portal]
NOW = datetime(2014, 1, 2, 9, tzinfo=UTC)


class Task(pandera.DataFrameModel):
    """Tasks, one per id; the portal does not say of which project."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    project_id: pd.Int64Dtype = pandera.Field(description="Project")


PROJECTS = dataset(name="projects", schema=Key)


def tasks(**changes: Any) -> Dataset:
    facts: dict[str, Any] = {
        "path": "/projects/{parent.id}/tasks",
        "paginator": Offset(limit=2, total="total"),
        "total": "total",
    }
    facts |= {"parent": Parent("projects", columns={"project_id": "id"}), "pages_per_part": 2}
    return dataset(
        name="tasks", schema=Task, write=Upsert(key=("project_id", "id")), source=source(**(facts | changes))
    )


class Children:
    """A portal with so many tasks of each project; a task's id is unique in its project only."""

    def __init__(self, **counts: int) -> None:
        self.counts = {f"/projects/{name.removeprefix('p')}/tasks": count for name, count in counts.items()}

    def __call__(self, asked: Asked) -> Say:
        start, limit = int(asked.query["offset"]), int(asked.query["limit"])
        count = self.counts[asked.path]
        rows = [{"id": number} for number in range(count)[start : start + limit]]
        return page({"rows": rows, "total": count})

    @property
    def rows(self) -> list[tuple[int, int]]:
        found = ((int(path.split("/")[2]), count) for path, count in self.counts.items())
        return sorted((project, number) for project, count in found for number in range(count))


def sealed_parent(
    lake: Lake, ids: list[int], contract: Dataset = PROJECTS, day: int = 0, rows_per_part: int = 2
) -> LedgerEntry:
    """A committed batch of the parent with these rows."""
    (batch,) = plan(contract, NOW + timedelta(days=day), Known())
    parts = []
    for number, start in enumerate(range(0, len(ids), rows_per_part), 1):
        some = ids[start : start + rows_per_part]
        sink = io.BytesIO()
        pq.write_table(pa.table({"id": pa.array(some, pa.int64()), "_esteira_position": range(len(some))}), sink)
        key = Layout(contract.name, batch.id).part("curated", f"a{day}", number)
        parts.append(lake.put_part(key, sink.getvalue(), rows=len(some), first_row=start))
    seal = lake.put_seal("curated", Seal(contract.name, batch.id, "a", tuple(parts), len(ids), curated=len(ids)))
    return LedgerEntry(batch.id, batch.window.start, batch.window.end, seal.hash)


def batch_of(contract: Dataset) -> Batch:
    return plan(contract, NOW, Known())[0]


def rows_of(contract: Dataset, sealed: Seal, lake: Lake) -> list[tuple[int, int]]:
    curated = curate(contract, sealed, lake=lake)
    tables = [pq.read_table(io.BytesIO(lake.read_part(part))) for part in curated.parts]
    return sorted((row["project_id"], row["id"]) for table in tables for row in table.to_pylist())
