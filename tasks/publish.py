"""After the commit: artifacts and the event, from the ledger row. A failure here never undoes data."""

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.quarantine.run import Outcome
from esteira.warehouse import LoadResult
from tasks.announce import announce_loaded, contract_of
from tasks.report import Page

COUNTS = ("extracted", "curated", "quarantined", "inserted", "updated", "unchanged", "stale", "duplicate")


@task(task_run_name="publish {batch.dataset} {batch.window}", retries=2, retry_delay_seconds=5, persist_result=False)
def publish_batch(batch: Batch, result: LoadResult, page: Page | None = None) -> None:
    """Write the run's artifacts, with the way to the batch's page, and emit `esteira.batch.loaded`."""
    entry = result.entry
    counts = {name: getattr(entry, name) for name in COUNTS}
    create_table_artifact([counts], key=_key(batch, "counts"), description=f"Rows of {batch.dataset} {batch.window}")
    create_markdown_artifact(
        _summary(batch, result) + _way_to(page, batch),
        key=_key(batch, "summary"),
        description=f"{batch.dataset} {batch.window}",
    )
    if page is not None and page.address:
        create_link_artifact(page.address, link_text=f"{batch.dataset} {batch.window}", key=_key(batch, "report"))
    announce_loaded(batch, result, contract_of(batch.dataset), page.address if page else None)


@task(task_run_name="publish the replay of {dataset.name}", retries=2, retry_delay_seconds=5, persist_result=False)
def publish_replay(dataset: Dataset, outcomes: list[Outcome]) -> None:
    """Write the run's table artifact: counts alone, no row and no value."""
    rows = [
        {"batch": each.batch, "tried": each.tally.tried, "passed": each.tally.passed, "refused": each.tally.refused}
        | {"generation": each.loaded.entry.generation if each.loaded else None}
        for each in outcomes
    ]
    passed = sum(each.tally.passed for each in outcomes)
    key, description = f"{dataset.name.replace('_', '-')}-replay", f"{passed} refused rows of {dataset.name} pass now"
    create_table_artifact(rows, key=key, description=description)


def _summary(batch: Batch, result: LoadResult) -> str:
    entry = result.entry
    if entry.state == "unchanged":
        return f"# {batch.dataset} {batch.window}\n\n{entry.reason}"
    written = (
        f"{entry.inserted:,} inserted + {entry.updated:,} updated + {entry.unchanged:,} unchanged"
        f" + {entry.stale:,} stale + {entry.duplicate:,} duplicate"
    )
    lines = [
        f"# {batch.dataset} {batch.window}",
        "",
        f"Batch `{batch.id}` is {'now' if result.is_new else 'already'} in the warehouse (seal `{entry.seal_hash[:16]}`).",
        "",
        f"- **{entry.extracted:,}** extracted = **{entry.curated:,}** curated + **{entry.quarantined:,}** quarantined",
        f"- {entry.curated:,} curated = {written}",
        *(f"- ⚠ {warning}" for warning in entry.warnings),
    ]
    return "\n".join(lines)


def _way_to(page: Page | None, batch: Batch) -> str:
    if page is None:
        return "\n"
    link = f"[Quality page]({page.address})" if page.address else "Quality page"
    return f"\n\n{link}: `{page.uri}`; on a laptop `esteira report {batch.dataset} --batch {batch.id}` opens it.\n"


def _key(batch: Batch, kind: str) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    return f"{batch.dataset.replace('_', '-')}-{kind}"
