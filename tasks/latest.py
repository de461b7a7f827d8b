"""How a dataset stands after the newest run that loaded something: one key for each dataset, whose history is the dataset's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact

from esteira.batch import Batch
from esteira.settings import read_settings
from esteira.warehouse import LedgerEntry
from tasks.report import Page
from tasks.wording import speed, steps_table, table, written

SHOWN = 30
"""Batches of one run; a longer table is nobody's reading."""
HEADER = ("window", "source", "raw", "curated", "quarantined", "loaded", "rows/s")
NUMBERS = frozenset(HEADER) - {"window", "loaded"}


@dataclass(frozen=True, slots=True)
class LoadedBatch:
    """One batch of the run: its ledger row, the seconds of each step, and its quality page."""

    batch: Batch
    entry: LedgerEntry
    seconds: Mapping[str, float]
    page: Page | None = None


def publish_latest(dataset: str, batches: Sequence[LoadedBatch]) -> None:
    """Write the artifact `latest-<dataset>`; a warning when that fails."""
    try:
        write_latest(dataset, list(batches))
    except Exception as exc:  # noqa: BLE001 - the rows are in, whatever is wrong with an artifact
        get_run_logger().warning("%s: how it stands is not shown (%s)", dataset, type(exc).__name__)


@task(task_run_name="tell how {dataset} stands", persist_result=False)
def write_latest(dataset: str, batches: list[LoadedBatch]) -> None:
    """Write the artifact. Prefect allows lower-case letters, digits and dashes in a key."""
    text = latest_text(f"{read_settings().warehouse_schema}.{dataset}", batches)
    create_markdown_artifact(text, key=f"latest-{dataset.replace('_', '-')}", description=_stand(batches[-1]))


def latest_text(name: str, batches: Sequence[LoadedBatch]) -> str:
    """The artifact's Markdown: where the table stands, the run's batches, where its time went."""
    rows = batches[-1].entry.table_rows
    stands = (
        f"`{name}` has **{rows:,}** rows, {_stand(batches[-1])}."
        if rows is not None
        else f"`{name}`: {_stand(batches[-1])}."
    )
    extracted = sum(each.entry.extracted for each in batches)
    total = Counter[str]()
    for each in batches:
        total.update(each.seconds)
    before = [(f"… and {len(batches) - SHOWN} before them", *[""] * (len(HEADER) - 1))] if len(batches) > SHOWN else []
    lines = table(HEADER, [*before, *map(_row, batches[-SHOWN:])], numbers=NUMBERS)
    return "\n".join([f"# {batches[-1].batch.dataset}", "", stands, "", *lines, "", *steps_table(total, extracted), ""])


def _stand(last: LoadedBatch) -> str:
    window = last.batch.window
    return f"as of {window.start:%Y-%m-%d}" if last.batch.is_snapshot else f"loaded up to {window.end:%Y-%m-%d %H:%M}Z"


def _row(each: LoadedBatch) -> tuple[str, ...]:
    entry, name = each.entry, each.batch.name.partition(" ")[2]
    linked = f"[{name}]({each.page.address})" if each.page and each.page.address else name
    source = "" if entry.total_reported is None else f"{entry.total_reported:,}"
    counts = tuple(f"{count:,}" for count in (entry.extracted, entry.curated, entry.quarantined))
    loaded = written(entry) if entry.state == "committed" else entry.reason
    return linked, source, *counts, loaded, speed(entry.extracted, sum(each.seconds.values()))
