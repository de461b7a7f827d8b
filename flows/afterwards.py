"""Behind the loads of a run, in the order in which readers meet it. Each of these fails no run, and the next one does again what this one missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prefect import runtime

from esteira.contract import Dataset
from tasks.bi import publish_views
from tasks.export import export_loaded
from tasks.refresh import ask_for_refreshes
from tasks.report import report_catalogue


def bring_up_to_date(contract: Dataset, as_of: datetime, *, is_window: bool = False) -> None:
    """The views of `bi`, the files below `export/`, the catalogue of the quality pages, and then the BI tools, which read all of that.

    Args:
        contract: Of what was loaded.
        as_of: The run's moment.
        is_window: One window of a backfill leaves all of it to the backfill. Of the others that another flow started, each dataset's tools are not to wait for
            the slowest one; only the catalogue, which is about all of them, is left to that flow.
    """
    is_child = runtime.flow_run.parent_flow_run_id is not None
    if is_window and is_child:
        return
    publish_views([contract.name], as_of)
    export_loaded(contract, as_of)
    if not is_child:
        report_catalogue(as_of)
    ask_for_refreshes([contract.name], as_of)


def bring_all_up_to_date(datasets: Sequence[Dataset], as_of: datetime) -> None:
    """Views, catalogue and BI tools once more, behind runs of their own for many datasets; each of those runs has made its files.

    Args:
        datasets: Contracts of what the run was about.
        as_of: The run's moment.
    """
    names = [dataset.name for dataset in datasets]
    publish_views(names, as_of)
    report_catalogue(as_of)
    ask_for_refreshes(names, as_of)
