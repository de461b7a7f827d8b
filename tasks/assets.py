"""The lake's zone and the table of a dataset as Prefect's assets: Cloud draws the lineage, an open server keeps the events."""

from __future__ import annotations

from typing import TypedDict

from prefect.assets import Asset, AssetProperties, add_asset_metadata
from prefect.assets.core import MAX_ASSET_DESCRIPTION_LENGTH
from prefect.context import AssetContext

from esteira.contract import Dataset
from esteira.settings import read_settings
from esteira.warehouse import LedgerEntry
from tasks.wording import COUNTS

TOOL = "esteira"


class Declared(TypedDict, total=False):
    """Options of a task: what it writes, and from what."""

    assets: list[Asset]
    asset_deps: list[Asset | str]


def declared(dataset: Dataset) -> Declared:
    """What a load writes and reads; nothing where Prefect takes a name for no asset's (a picture of lineage is worth no load)."""
    try:
        return {"assets": [table_asset(dataset)], "asset_deps": [raw_asset(dataset)]}
    except ValueError:
        return {}


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
