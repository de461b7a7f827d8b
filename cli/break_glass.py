"""`esteira break-glass`: one dataset without Prefect. Settings and portals from the environment, or from Systems Manager below `/esteira/<stage>/`."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import click
from pydantic import ValidationError

from blocks import PortalBlock
from blocks.register import stage_blocks
from blocks.warehouse import WAREHOUSE_BLOCK, WarehouseBlock
from cli.output import dump, table
from esteira.break_glass import Places, Terms, load_due
from esteira.catalogue import find_dataset
from esteira.errors import ConfigError
from esteira.history import lake_history
from esteira.lake import Lake
from esteira.observe.lines import Lines
from esteira.portal import Portal
from esteira.settings import Settings, read_settings
from esteira.vault import read_parameters, read_secret
from esteira.warehouse import Loader, LoadResult
from esteira.warehouse.counts import SUMMARY_COUNTS


def run_break_glass(name: str, as_of: datetime | None, *, as_json: bool) -> int:
    """Load what is due; returns the exit code."""
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.WARNING, format=form, handlers=[Lines()])
    logging.getLogger("esteira").setLevel(logging.INFO)
    complete_environment()
    settings, moment = read_settings(), as_of or datetime.now(UTC)
    version = importlib.metadata.version("esteira")
    terms = Terms(moment, settings.max_attempts, f"break-glass {moment:%Y-%m-%dT%H:%M:%SZ}", version)
    results = load_due(find_dataset(settings.datasets, name), _places(settings), terms)
    click.echo(dump([_facts(each) for each in results]) if as_json else _summary(name, results))
    return 0


def complete_environment() -> None:
    """Take from Systems Manager what the environment does not say."""
    stage = os.environ.get("ESTEIRA_STAGE")
    if stage:
        for variable, value in read_parameters(f"/esteira/{stage}/settings").items():
            os.environ.setdefault(variable, value)


def _places(settings: Settings) -> Places:
    blocks, lake = stage_blocks(settings), Lake(settings.lake_bucket)
    warehouse_block = blocks[WAREHOUSE_BLOCK]
    assert isinstance(warehouse_block, WarehouseBlock)  # noqa: S101 - it is made under this name
    warehouse = warehouse_block.open()
    loader = Loader(warehouse, history=lake_history(lake), read_part=lake.read_part)
    written = read_parameters(f"/esteira/{settings.stage}/portals")

    def open_portal(name: str, dataset: str) -> Portal:
        known = blocks.get(name)
        block = _written(name, written) or (known if isinstance(known, PortalBlock) else None)
        if block is None:
            raise ConfigError(
                f"The portal {name} stands in no parameter of /esteira/{settings.stage}/portals.",
                hint=f"Write its block's fields there: docs/operations/events.md, section Before it is needed. Its name is {name}.",
            )
        values = read_secret(block.secret_name) if block.secret_name else {}
        return Portal(replace(block.config(dataset), name=name), values, read_secret=read_secret)

    return Places(lake, warehouse, loader, open_portal)


def _written(name: str, written: Mapping[str, str]) -> PortalBlock | None:
    """A portal by its parameter. The limits that runs share are Prefect's, and are not used."""
    if name not in written:
        return None
    try:
        return PortalBlock(**json.loads(written[name]))
    except (ValueError, TypeError, ValidationError) as exc:
        raise ConfigError(
            f"The parameter of the portal {name} is not a block's fields: {exc}",
            hint="docs/reference/portal.md names them.",
        ) from exc


def _summary(name: str, results: list[LoadResult]) -> str:
    if not results:
        return f"{name}: nothing was due."
    rows = [
        (each.entry.batch_id, each.is_new, *(getattr(each.entry, count) for count in SUMMARY_COUNTS))
        for each in results
    ]
    return table(("batch", "is new", *SUMMARY_COUNTS), rows)


def _facts(result: LoadResult) -> dict[str, object]:
    counts = {count: getattr(result.entry, count) for count in SUMMARY_COUNTS}
    return {"batch": result.entry.batch_id, "is_new": result.is_new, **counts}
