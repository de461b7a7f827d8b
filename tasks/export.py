"""Files of a table after the commit, from the ledger: at least once, and never in a load's way."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task

from blocks import open_lake, open_warehouse
from esteira.contract import Dataset
from esteira.errors import EsteiraError
from esteira.export.delivery import Delivered, Places, deliver
from esteira.lake.glue import Catalogue
from esteira.settings import read_settings
from tasks.announce import announce_failure, announce_well
from tasks.retrying import is_transient
from tasks.run import code_version

RETRIES, RETRY_SECONDS = 2, 5
"""The next run makes them all the same."""


@task(
    task_run_name="export {dataset.name}", retries=RETRIES, retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=is_transient, persist_result=False,
)  # fmt: skip
def export_table(dataset: Dataset, as_of: datetime) -> Delivered | None:
    """Make what the contract asks for of the table as it stands, unless it is there; None when nothing was ever loaded."""
    settings, lake = read_settings(), open_lake()
    catalogue = Catalogue(f"esteira_{settings.stage}", lake)
    places = Places(lake, open_warehouse(), catalogue, code_version())
    made = deliver(dataset, places, as_of)
    if made is not None and made.is_new:
        names = ", ".join(each.name or "parquet" for each in made.version.files)
        get_run_logger().info(
            "%s: exported %s rows as of %s: %s", dataset.name, made.version.rows, made.version.batch, names
        )
    return made


def export_loaded(dataset: Dataset, as_of: datetime) -> None:
    """Export; a warning, and one message until it works again, when that fails: the rows are in."""
    if not dataset.exports:
        return
    try:
        export_table(dataset, as_of)
    except EsteiraError as exc:
        _warn(dataset, exc)
        announce_failure(exc.located(dataset=dataset.name), dataset, "export")
    except Exception as exc:  # noqa: BLE001 - whatever is wrong with a file, the data are in
        _warn(dataset, exc)
        announce_failure(_defect(exc, dataset), dataset, "export")
    else:
        announce_well(dataset, "export")


def _warn(dataset: Dataset, exc: Exception) -> None:
    get_run_logger().warning(
        "%s: its files are not made: %s: %s Nothing of the data is affected, `latest` is as it was, and the next run tries again (runbook: An export failed).",
        dataset.name, type(exc).__name__, exc,
    )  # fmt: skip


def _defect(exc: Exception, dataset: Dataset) -> EsteiraError:
    """What it says may hold values and is not shown."""
    what = f"The files of the table are not made: {type(exc).__name__}, which is none of Esteira's errors."
    return EsteiraError(
        what, dataset=dataset.name, hint="Open the run's log, and report the traceback: this is a defect of Esteira."
    )
