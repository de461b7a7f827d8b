"""The quality pages, after the commit: at least once, never in a load's way. A page that cannot be written is a warning."""

from dataclasses import dataclass
from datetime import UTC, datetime

from prefect import get_run_logger, runtime, task
from prefect.artifacts import create_link_artifact

from blocks import open_lake, open_warehouse
from esteira.batch import plain, short
from esteira.catalogue import load_catalogue
from esteira.contract import Dataset
from esteira.report.address import page_address
from esteira.report.facts import Stage
from esteira.report.gather import Sources
from esteira.report.shelf import put_batch_page, put_catalogue_page
from esteira.settings import Settings, read_settings
from tasks.retrying import is_transient

RETRIES, RETRY_SECONDS = 1, 2
"""The next run, or `esteira report`, makes the page all the same."""


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page lies, and how a browser finds it."""

    uri: str
    address: str | None = None


def _page_name() -> str:
    parameters = runtime.task_run.parameters
    return f"page of {parameters['dataset'].name} {plain(short(parameters['batch_id']))}"


@task(
    task_run_name=_page_name, retries=RETRIES, retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=is_transient, persist_result=False,
)  # fmt: skip
def write_batch_page(dataset: Dataset, batch_id: str, as_of: datetime) -> Page:
    """Write the page of a batch as the ledger has it now."""
    settings = read_settings()
    found = open_sources(settings)
    key = put_batch_page(found, dataset, batch_id, stage_of(settings, found, as_of))
    page = Page(found.lake.uri(key), page_address(found.lake, key, settings.report_url))
    get_run_logger().info("%s %s: quality page %s", dataset.name, short(batch_id), page.address or page.uri)
    return page


@task(
    task_run_name="catalogue page",
    retries=RETRIES,
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=is_transient,
    persist_result=False,
)
def write_catalogue_page(as_of: datetime) -> Page:
    """Write the page over all datasets."""
    settings = read_settings()
    found = open_sources(settings)
    key = put_catalogue_page(found, stage_of(settings, found, as_of))
    page = Page(found.lake.uri(key), page_address(found.lake, key, settings.report_url))
    if page.address:
        create_link_artifact(page.address, link_text="Data catalogue", key="catalogue")
    return page


def report_batch(dataset: Dataset, batch_id: str, as_of: datetime) -> Page | None:
    """Write a batch's page; None, and a warning, when that fails."""
    try:
        return write_batch_page(dataset, batch_id, as_of)
    except Exception as exc:  # noqa: BLE001 - whatever is wrong with a picture, the data are in
        _warn(f"{dataset.name} {batch_id}", exc, f"esteira report {dataset.name} --batch {batch_id}")
        return None


def report_catalogue(as_of: datetime) -> None:
    """Write the catalogue; a warning when that fails."""
    try:
        write_catalogue_page(as_of)
    except Exception as exc:  # noqa: BLE001 - the same
        _warn("the catalogue", exc, "esteira report")


def open_sources(settings: Settings) -> Sources:
    """Lake, warehouse and contracts: where the facts of a page come from."""
    return Sources(open_lake(), open_warehouse(), load_catalogue(settings.datasets))


def stage_of(settings: Settings, found: Sources, as_of: datetime) -> Stage:
    """Where and when a page is made."""
    return Stage(as_of, datetime.now(UTC), found.lake.bucket, found.warehouse.config.schema, settings.stage)


def _warn(what: str, exc: Exception, command: str) -> None:
    get_run_logger().warning(
        "The quality page of %s is not written: %s: %s Nothing of the data is affected; `%s` makes it (runbook: A page is missing).",
        what, type(exc).__name__, exc, command,
    )  # fmt: skip
