"""What a stage wants of its Prefect server: prefect.yaml, the catalogue and the environment, checked without asking the server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.workers.process import ProcessWorker

from deployments.deployed import Wanted
from deployments.ecs import check_job, ecs_template
from deployments.forms import check_parameters, load_flow, run_form
from deployments.place import Place
from deployments.things import Change
from deployments.written import HINT, WrittenDeployment, read_file, resolve, suggestion
from esteira.catalogue import find_dataset, load_catalogue, of_cadence
from esteira.catalogue.assets import load_assets
from esteira.contract import Asset, Dataset
from esteira.errors import ConfigError

CADENCE, BACKFILL, REFRESH = "cadence", "backfill", "refresh"
"""A deployment with the parameter `cadence` is for the datasets of that cadence, and needs one; the one that refreshes needs an asset."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is wanted, with everything resolved.

    Attributes:
        project: Name of the file; what carries it as a label is ours.
        deployments: In the file's order.
        left_out: Deployments of a cadence that no dataset has.
    """

    project: str
    deployments: tuple[Wanted, ...]
    left_out: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stage:
    """What all deployments of a plan have in common."""

    project: str
    folder: Path
    place: Place
    catalogue: dict[str, Dataset]
    assets: dict[str, Asset]
    variables: Mapping[str, str]
    pull_steps: list[dict[str, Any]]


def plan_stage(path: Path, place: Place, datasets: Path) -> Plan:
    """Read and check everything that needs no server.

    Args:
        path: prefect.yaml.
        place: Where runs happen.
        datasets: Folder of the contracts.

    Raises:
        ConfigError: The file, the environment or a flow is not as it must be.
    """
    file, catalogue = read_file(path), load_catalogue(datasets)
    variables = place.variables(os.environ)
    assets = load_assets(datasets)
    stage = _Stage(file.name, path.parent.resolve(), place, catalogue, assets, variables, resolve(file.pull, variables))
    wanted = [_wanted(stage, each) for each in file.deployments]
    chosen = tuple(
        each for each in wanted if _has_datasets(each.written, catalogue) and (assets or each.written.name != REFRESH)
    )
    _require_room(place, chosen)
    for name in place.task_sizes:
        find_dataset(datasets, name)
    return Plan(file.name, chosen, tuple(_left_out(each) for each in wanted if each not in chosen))


def known_variables(place: Place) -> dict[str, set[str]]:
    """Names of the job variables by kind of pool, from the workers' own templates."""
    templates = {"process": ProcessWorker.get_default_base_job_template(), "ecs": ecs_template(place)}
    return {kind: set(template["variables"]["properties"]) for kind, template in templates.items()}


def _wanted(stage: _Stage, written: WrittenDeployment) -> Wanted:
    flow = load_flow(stage.folder, written)
    form = run_form(flow, stage.catalogue, stage.assets)
    check_parameters(written, form)
    here = _known_here(written, stage.place)
    resolved = WrittenDeployment.model_validate(resolve(here.model_dump(), stage.variables))
    if stage.place.is_ecs:
        check_job(ecs_template(stage.place), resolved.work_pool.job_variables, written.name)
    return Wanted(stage.project, flow.name, resolved, form, stage.pull_steps)


def _known_here(written: WrittenDeployment, place: Place) -> WrittenDeployment:
    """Without the job variables that only another kind of pool has: a laptop's process has no memory to size."""
    variables, known = written.work_pool.job_variables, known_variables(place)
    everywhere = sorted(set().union(*known.values()))
    unknown = [name for name in variables if name not in everywhere]
    if unknown:
        raise ConfigError(
            f"Deployment {written.name} has a job variable {unknown[0]} that no pool knows{suggestion(unknown[0], everywhere)}.",
            hint=HINT,
        )
    here = known["ecs" if place.is_ecs else "process"]
    kept = {name: value for name, value in variables.items() if name in here}
    pool = written.work_pool.model_copy(update={"job_variables": kept})
    return written.model_copy(update={"work_pool": pool})


def _require_room(place: Place, chosen: tuple[Wanted, ...]) -> None:
    """A run over many datasets or windows holds a place in the pool while it waits for theirs: with too few, all would wait for ever."""
    waiting, limit = sum(map(_may_wait, chosen)), place.work_pool_limit
    if place.is_ecs and place.fan_out and limit is not None and limit <= waiting:
        raise ConfigError(
            f"The pool would start {limit} runs at once, and {waiting} of them may be waiting for runs of their own.",
            hint=f"Set ESTEIRA_WORK_POOL_LIMIT to {waiting + place.fan_out}, or ESTEIRA_FAN_OUT to 0.",
        )


def _may_wait(wanted: Wanted) -> bool:
    return CADENCE in wanted.written.parameters or wanted.written.name == BACKFILL


def _has_datasets(written: WrittenDeployment, catalogue: dict[str, Dataset]) -> bool:
    cadence = written.parameters.get(CADENCE)
    return cadence is None or bool(of_cadence(catalogue, cadence))


def _left_out(wanted: Wanted) -> Change:
    cadence = wanted.written.parameters.get(CADENCE)
    return Change(
        "deployment", wanted.name, "left out", f"no dataset is {cadence}" if cadence else "there is no BI asset"
    )
