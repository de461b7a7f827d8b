"""After the commit: artifacts and the event, from the ledger row. A failure here never undoes data."""

from __future__ import annotations

from collections.abc import Mapping

from prefect import get_run_logger, task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from esteira.batch import Batch
from esteira.contract import Dataset
from esteira.quarantine.run import Outcome
from esteira.warehouse import LoadResult
from tasks.announce import contract_of
from tasks.loaded import announce_loaded
from tasks.measure import measure_loaded
from tasks.report import Page
from tasks.wording import COUNTS, rows_of, steps_table


@task(task_run_name="publish {batch.plain_name}", persist_result=False)
def publish_batch(
    batch: Batch, result: LoadResult, page: Page | None = None, seconds: Mapping[str, float] | None = None
) -> None:
    """Write the run's artifacts (Prefect's client tries each request for a minute by itself), with the way to the batch's page, and emit `esteira.batch.loaded`."""
    announce_loaded(batch, result, contract_of(batch.dataset), page.address if page else None)
    entry = result.entry
    counts = {name: getattr(entry, name) for name in COUNTS}
    create_table_artifact([counts], key=_key(batch, "counts"), description=f"Rows of {batch.name}")
    create_markdown_artifact(
        _summary(batch, result, seconds or {}) + _way_to(page, batch),
        key=_key(batch, "summary"),
        description=batch.name,
    )
    if page is not None and page.address:
        create_link_artifact(page.address, link_text=batch.name, key=_key(batch, "report"))


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


def publish(batch: Batch, result: LoadResult, page: Page | None, seconds: Mapping[str, float] | None = None) -> None:
    """Publish; a warning when that fails: the rows are in, and the next batch is not to wait for a picture of this one."""
    measure_loaded(contract_of(batch.dataset), batch, result, seconds or {})
    try:
        publish_batch(batch, result, page, seconds)
    except Exception as exc:  # noqa: BLE001 - whatever is wrong with an artifact
        text = "%s %s: its artifacts are not written (%s). Nothing of the data is affected; the ledger and the quality page tell the same"
        get_run_logger().warning(text, batch.dataset, batch.id, type(exc).__name__)


def _summary(batch: Batch, result: LoadResult, seconds: Mapping[str, float]) -> str:
    entry = result.entry
    if entry.state == "unchanged":
        return f"# {batch.name}\n\n{entry.reason}"
    lines = [
        f"# {batch.name}",
        "",
        f"Batch `{batch.id}` is {'now' if result.is_new else 'already'} in the warehouse (seal `{entry.seal_hash[:16]}`).",
        "",
        *(f"- {line}" for line in rows_of(entry)),
        *(f"- ⚠ {warning}" for warning in entry.warnings),
    ]
    if steps := steps_table(seconds, entry.extracted):
        lines += ["", *steps]
    return "\n".join(lines)


def _way_to(page: Page | None, batch: Batch) -> str:
    if page is None:
        return "\n"
    link = f"[Quality page]({page.address})" if page.address else "Quality page"
    return f"\n\n{link}: `{page.uri}`; on a laptop `esteira report {batch.dataset} --batch {batch.id}` opens it.\n"


def _key(batch: Batch, kind: str) -> str:
    """Prefect allows lower-case letters, digits and dashes."""
    return f"{batch.dataset.replace('_', '-')}-{kind}"
