"""The template of ECS pools, held against prefect-aws' own models and against the shape of RunTask that botocore knows."""

from __future__ import annotations

import logging
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from prefect_aws.workers.ecs_worker import ECSWorker

from deployments.ecs import CONTAINER, check_job, ecs_template
from deployments.place import Place
from esteira.errors import ConfigError
from esteira.settings import TaskSize

NOT_IN_PUSH = {
    "stream_output", "task_watch_poll_interval", "cloudwatch_logs_prefix", "match_latest_revision_in_family",
    "prefect_api_auth_string_secret_arn", "capacity_provider_strategy", "execution_role_arn",
}  # fmt: skip
"""Of prefect-aws' worker, what a push pool of Prefect Cloud does not know."""
PINNED = {
    "family": "esteira-dev",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [{"name": CONTAINER, "image": "esteira@sha256:0123", "memory": 2048}],
}


def request(place: Place, **job_variables: Any) -> dict[str, Any]:
    """What the worker would send to ECS for a run with these job variables."""
    job = check_job(ecs_template(place), job_variables, "a")
    worker = object.__new__(ECSWorker)
    worker._logger = logging.getLogger("test")
    arn = job.task_run_request["taskDefinition"]
    found: dict[str, Any] = ECSWorker._prepare_task_run_request(worker, job, PINNED, arn, False)
    return found


def test_the_template_takes_nothing_that_only_one_of_the_two_kinds_knows(ecs: Place) -> None:
    template = ecs_template(ecs)
    assert not NOT_IN_PUSH & (template["variables"]["properties"].keys() | template["job_configuration"].keys())
    assert "capacityProviderStrategy" not in template["job_configuration"]["task_run_request"]


def test_a_run_starts_the_pinned_task_in_its_subnets_with_its_size_and_role(ecs: Place) -> None:
    sent = request(
        ecs, cpu=1024, memory=4096, task_role_arn="arn:aws:iam::123456789012:role/x", command="prefect flow-run execute"
    )
    assert sent["taskDefinition"] == ecs.task_definition_arn
    assert (sent["cluster"], sent["launchType"]) == ("esteira-dev", "FARGATE")
    network = {"subnets": ["subnet-a", "subnet-b"], "assignPublicIp": "DISABLED", "securityGroups": ["sg-1"]}
    assert sent["networkConfiguration"] == {"awsvpcConfiguration": network}
    overrides = sent["overrides"]
    assert (overrides["cpu"], overrides["memory"]) == ("1024", "4096")
    assert overrides["taskRoleArn"] == "arn:aws:iam::123456789012:role/x"
    (container,) = overrides["containerOverrides"]
    assert (container["name"], container["command"]) == (CONTAINER, ["prefect", "flow-run", "execute"])


def test_what_is_sent_is_a_request_that_ecs_knows(ecs: Place) -> None:
    model = ServiceModel(Loader().load_service_model("ecs", "service-2")).operation_model("RunTask").input_shape
    for variables in ({}, {"cpu": 512, "memory": 1024, "env": {"A": "b"}}):
        assert not ParamValidator().validate(request(ecs, **variables), model).has_errors()


def test_a_container_that_is_stopped_has_its_run_planned_again_whatever_else_a_deployment_sets(ecs: Place) -> None:
    (container,) = request(ecs, env={"A": "b"})["overrides"]["containerOverrides"]
    wanted = {"A": "b", "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR": "reschedule"}
    assert wanted.items() <= {each["name"]: each["value"] for each in container["environment"]}.items()


def test_a_run_finds_in_its_container_who_curates_the_parts(ecs: Place) -> None:
    place = ecs.model_copy(update={"runner": "dask", "workers": 8, "dask_scheduler": "tcp://scheduler:8786"})
    told = {"ESTEIRA_RUNNER": "dask", "ESTEIRA_WORKERS": "8", "ESTEIRA_DASK_SCHEDULER": "tcp://scheduler:8786"}
    assert told.items() <= _environment(place).items()
    assert not told.keys() & _environment(ecs).keys()


def _environment(place: Place) -> dict[str, str]:
    (container,) = request(place)["overrides"]["containerOverrides"]
    return {each["name"]: each["value"] for each in container["environment"]}


def test_the_daily_flow_finds_in_its_container_how_to_fan_out(ecs: Place) -> None:
    place = ecs.model_copy(update={"fan_out": 2, "task_sizes": {"flights": TaskSize(memory=8192)}})
    env = _environment(place)
    assert (env["ESTEIRA_FAN_OUT"], env["ESTEIRA_TASK_SIZES"]) == ("2", '{"flights": {"memory": 8192}}')


def test_prefect_aws_never_asks_ec2_for_the_network(ecs: Place) -> None:
    job = check_job(ecs_template(ecs), {}, "a")
    job.aws_credentials = Mock()
    ECSWorker._prepare_task_run_request(
        Mock(), job, PINNED, str(ecs.task_definition_arn), new_task_definition_registered=False
    )
    job.aws_credentials.get_client.assert_not_called()


def test_a_push_pool_logs_in_through_a_block(ecs: Place) -> None:
    variable = ecs_template(ecs, "a-block")["variables"]["properties"]["aws_credentials"]
    assert variable["default"] == {"$ref": {"block_document_id": "a-block"}}


def test_job_variables_that_prefect_aws_refuses_are_named(ecs: Place) -> None:
    with pytest.raises(ConfigError, match=r"Deployment daily is no ECS task .*env"):
        check_job(ecs_template(ecs), {"env": "A=b"}, "daily")
