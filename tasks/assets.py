"""The lake's zone and the table of a dataset as Prefect's assets: Cloud draws the lineage, an open server keeps the events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect.assets import Asset, AssetProperties, add_asset_metadata
from prefect.assets.core import MAX_ASSET_DESCRIPTION_LENGTH
from prefect.context import AssetContext
from prefect.tasks import MaterializingTask

from esteira.contract import Dataset
from esteira.settings import read_settings
from esteira.warehouse import LedgerEntry
from tasks.retrying import is_transient
from tasks.wording import COUNTS

TOOL = "esteira"


P = ParamSpec("P")
R = TypeVar("R")


def table_task(name: str) -> Callable[[Callable[P, R]], MaterializingTask[P, R]]:
    """Decorate a step that changes the table of a dataset; which one is known when it is called: `on_table`.

    Args:
        name: Template of the task run's name.
    """

    def made(work: Callable[P, R]) -> MaterializingTask[P, R]:
        return MaterializingTask(
            work, assets=[], materialized_by=TOOL, task_run_name=name, retry_condition_fn=is_transient, persist_result=False
        )  # fmt: skip

    return made


def on_table(task: MaterializingTask[P, R], dataset: Dataset, policy: dict[str, Any]) -> MaterializingTask[P, R]:
    """The step for a dataset, with what it reads and writes declared, under a policy of retries.

    Nothing is declared where Prefect takes a name for no asset's: a picture of lineage is worth no load.
    """
    try:
        assets: dict[str, Any] = {"assets": [table_asset(dataset)], "asset_deps": [raw_asset(dataset)]}
    except ValueError:
        assets = {}
    return task.with_options(**assets, **policy)


def table_asset(dataset: Dataset) -> Asset:
    """The table that a load writes."""
    settings = read_settings()
    key = f"redshift://{settings.warehouse_database}/{settings.warehouse_schema}/{dataset.name}"
    owners = [dataset.owner] if dataset.owner else None
    properties = AssetProperties(
        name=dataset.name, description=dataset.description[:MAX_ASSET_DESCRIPTION_LENGTH] or None, owners=owners
    )
    return Asset(key=key, properties=properties)


def raw_asset(dataset: Dataset) -> Asset:
    """Where its bytes as the source sent them lie."""
    return Asset(key=f"s3://{read_settings().lake_bucket}/raw/{dataset.name}")


def tell_counts(entry: LedgerEntry) -> None:
    """Put a load's counts beside the asset; nothing where the step declares none."""
    context = AssetContext.get()
    asset = next((each for each in context.downstream_assets), None) if context else None
    if asset is None:
        return
    add_asset_metadata(asset, {"batch": entry.batch_id} | {name: getattr(entry, name) for name in COUNTS})
