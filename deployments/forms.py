"""The run form of a deployment: its flow's signature, with the catalogue's names as choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prefect import Flow
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate

from deployments.written import HINT, WrittenDeployment, suggestion
from esteira.errors import ConfigError

DATASET, DATASETS, ASSET = "dataset", "datasets", "asset"
"""Parameters of these names mean contracts: one, and a list of them; and a BI asset."""


def load_flow(folder: Path, deployment: WrittenDeployment) -> Flow[..., Any]:
    """The flow that a deployment names.

    Raises:
        ConfigError: It is not there, or its module does not import here.
    """
    try:
        return load_flow_from_entrypoint(f"{folder}/{deployment.entrypoint}", use_placeholder_flow=False)
    except Exception as exc:  # running a module can fail in any way
        cause = exc.__cause__ or exc
        raise ConfigError(
            f"Deployment {deployment.name}: {deployment.entrypoint} does not import: {type(cause).__name__}: {cause}",
            hint=f"Correct the entrypoint, or the module. {HINT}",
        ) from exc


def run_form(flow: Flow[..., Any], names: Iterable[str], assets: Iterable[str] = ()) -> dict[str, Any]:
    """The JSON schema that the UI makes a form of, and that the server holds every run's parameters against."""
    schema = parameter_schema(flow).model_dump()
    choices = sorted(names)
    for name, field in schema["properties"].items():
        if name == DATASET:
            field["enum"] = choices
        if name == ASSET:
            field["anyOf"][0]["enum"] = sorted(assets)
        if name == DATASETS:
            for items in _lists(field):
                items["enum"] = choices
    return schema


def check_parameters(deployment: WrittenDeployment, form: Mapping[str, Any]) -> None:
    """Refuse parameters of a deployment, or of one of its schedules, that its flow would refuse.

    Raises:
        ConfigError: A name is unknown, or a value is none of the form's.
    """
    for where, parameters in _all_parameters(deployment):
        known = list(form["properties"])
        unknown = [name for name in parameters if name not in known]
        if unknown:
            raise ConfigError(
                f"{where} has a parameter {unknown[0]} that its flow does not take{suggestion(unknown[0], known)}.",
                hint=HINT,
            )
        errors = validate(parameters, dict(form), ignore_required=True)
        wrong = [f"{error.json_path.removeprefix('$.')}: {error.message}" for error in errors]
        if wrong:
            raise ConfigError(f"{where} has parameters that its flow refuses: {'; '.join(wrong)}.", hint=HINT)


def _all_parameters(deployment: WrittenDeployment) -> list[tuple[str, dict[str, Any]]]:
    own = [(f"Deployment {deployment.name}", deployment.parameters)]
    return own + [(f"Schedule {each.slug} of {deployment.name}", each.parameters) for each in deployment.schedules]


def _lists(field: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The item schemas of a list that may be optional."""
    return [each["items"] for each in (field, *field.get("anyOf", ())) if "items" in each]
