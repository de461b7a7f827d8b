"""The base job template of pools whose runs are ECS tasks: one for the worker's pool and the push pool, made of what both know.

The task definition is pinned: delivery registers it once for each image digest, with logs, roles, volumes and stop timeout. A run overrides
its size, its role and its environment.
"""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from typing import Any

from prefect.utilities.schema_tools import validate
from prefect_aws.workers.ecs_worker import ECSJobConfiguration, ECSWorker
from pydantic import ValidationError

from deployments.place import Place
from esteira.errors import ConfigError

CONTAINER = "esteira"
"""Of the task definition; the image's only container."""
ON_SIGTERM = {"PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule"}
"""StopTask and Spot send SIGTERM; without this a run would stay Running."""
VARIABLES = (
    "name", "env", "labels", "command", "aws_credentials", "cluster", "task_definition_arn", "container_name", "launch_type", "cpu",
    "memory", "task_role_arn",
)  # fmt: skip
"""Of prefect-aws' own, those that a push pool has too and that a pinned task definition does not make meaningless."""
_NO_SERVER: Any = object()
"""Given as the client, it keeps Prefect from starting a server: nothing in the template names a block or a variable."""
CONFIGURATION = ("command", "env", "labels", "name", "aws_credentials", "cluster", "container_name")


def ecs_template(place: Place, credentials_id: str | None = None) -> dict[str, Any]:
    """The template of a place.

    Args:
        place: Where runs happen.
        credentials_id: Id of the block that a push pool logs in with.
    """
    default = ECSWorker.get_default_base_job_template()
    variables = {
        **default["variables"],
        "properties": _variables(default["variables"]["properties"], place, credentials_id),
    }
    written = default["job_configuration"]
    request = deepcopy(written["task_run_request"])
    del request["capacityProviderStrategy"]  # a push pool does not know it
    request["networkConfiguration"] = {"awsvpcConfiguration": _network(place)}
    configuration = {name: written[name] for name in CONFIGURATION} | {"task_run_request": request}
    return {"variables": variables, "job_configuration": configuration}


def check_job(template: dict[str, Any], job_variables: dict[str, Any], deployment: str) -> ECSJobConfiguration:
    """The job of a deployment as prefect-aws' worker would make it; asks no server.

    Raises:
        ConfigError: prefect-aws refuses it.
    """
    offline = deepcopy(template)
    offline["variables"]["properties"]["aws_credentials"].pop("default", None)
    errors = validate(job_variables, offline["variables"])
    if errors:
        raise _refused(deployment, [f"{error.json_path.removeprefix('$.')}: {error.message}" for error in errors])
    try:
        return asyncio.run(ECSJobConfiguration.from_template_and_values(offline, job_variables, client=_NO_SERVER))
    except ValidationError as exc:
        wrong = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors()]
        raise _refused(deployment, wrong) from exc


def _refused(deployment: str, wrong: list[str]) -> ConfigError:
    return ConfigError(
        f"Deployment {deployment} is no ECS task that prefect-aws would start: {'; '.join(wrong)}.",
        hint="Correct its job variables in prefect.yaml, or the ESTEIRA_* variables of the pool.",
    )


def _variables(known: dict[str, Any], place: Place, credentials_id: str | None) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "cluster": place.ecs_cluster,
        "task_definition_arn": place.task_definition_arn,
        "container_name": CONTAINER,
        "env": ON_SIGTERM | _fan_out(place) | _runner(place),
    }
    if credentials_id:
        defaults["aws_credentials"] = {"$ref": {"block_document_id": credentials_id}}
    return {name: {**known[name], **({"default": defaults[name]} if name in defaults else {})} for name in VARIABLES}


def _fan_out(place: Place) -> dict[str, str]:
    """What the daily flow reads in its container."""
    sizes = {name: size.model_dump(exclude_none=True) for name, size in sorted(place.task_sizes.items())}
    return {"ESTEIRA_FAN_OUT": str(place.fan_out)} | ({"ESTEIRA_TASK_SIZES": json.dumps(sizes)} if sizes else {})


def _runner(place: Place) -> dict[str, str]:
    """Who curates the parts of a batch."""
    told = {"RUNNER": place.runner, "WORKERS": place.workers, "DASK_SCHEDULER": place.dask_scheduler}
    return {f"ESTEIRA_{name}": str(value) for name, value in told.items() if value is not None}


def _network(place: Place) -> dict[str, Any]:
    """Said to ECS as it is: prefect-aws' own field would first ask EC2 whether the subnets exist, which needs rights on everything."""
    network: dict[str, Any] = {
        "subnets": list(place.subnets),
        "assignPublicIp": "ENABLED" if place.has_public_ip else "DISABLED",
    }
    return network | ({"securityGroups": list(place.security_groups)} if place.security_groups else {})
