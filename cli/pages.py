"""The files that `esteira report` writes: one page, or the catalogue with the newest page of each dataset beside it, so that its links lead there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from cli.environment import require_prefect, state_folder
from esteira.catalogue import find_dataset
from esteira.errors import ConfigError
from esteira.lake.layout import CATALOGUE_PAGE, Layout, latest_page
from esteira.report import render_batch, render_catalogue
from esteira.report.facts import Stage
from esteira.report.gather import Sources, batch_facts, catalogue_facts, read_ledger, standing
from esteira.settings import read_settings
from tasks.report import open_sources, stage_of


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for."""

    name: str | None = None
    batch: str | None = None
    out: Path | None = None
    as_of: datetime | None = None


def write_pages(request: Request) -> Path:
    """Make the pages from what ledger and lake say now; returns the one to look at.

    Raises:
        ConfigError: There is no such dataset or batch, or the file cannot be written.
    """
    settings = read_settings()
    require_prefect()  # the blocks are there
    found = open_sources(settings)
    stage = stage_of(settings, found, request.as_of or datetime.now(UTC))
    if request.name is None:
        return _catalogue(found, stage, request.out)
    find_dataset(settings.datasets, request.name)
    return _batch(found, stage, request)


def _batch(found: Sources, stage: Stage, request: Request) -> Path:
    """A page by itself: what it would link to is not beside it."""
    dataset = found.catalogue[str(request.name)]
    ledger = read_ledger(found, dataset.name)
    entry = standing(ledger, dataset.name, request.batch)
    facts = replace(batch_facts(found, dataset, ledger, entry, stage), has_neighbours=False)
    path = request.out or _local(Layout(dataset.name, entry.batch_id, entry.generation).page)
    return _written(path, render_batch(facts))


def _catalogue(found: Sources, stage: Stage, out: Path | None) -> Path:
    facts = catalogue_facts(found, stage)
    path = out or _local(CATALOGUE_PAGE)
    if out is None:
        for each in facts.datasets:
            if each.history:
                _written(_local(latest_page(each.dataset.name)), _latest(found, stage, each.dataset.name))
    return _written(path, render_catalogue(facts))


def _latest(found: Sources, stage: Stage, name: str) -> bytes:
    ledger = read_ledger(found, name)
    facts = batch_facts(found, found.catalogue[name], ledger, standing(ledger, name), stage)
    return render_batch(replace(facts, has_neighbours=False))


def _local(key: str) -> Path:
    return state_folder() / key


def _written(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as exc:
        raise ConfigError(
            f"The page cannot be written to {path}: {exc.strerror}.", hint="Name another file with --out."
        ) from exc
    return path
