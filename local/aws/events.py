"""What AWS tells in events and errors, and ministack leaves out.

An object's version, an exception's class, a container's exit code, a message's attributes; and what parameters below a path are to a policy. State
machines and handlers rest on all of them. Patches private names of ministack; `check_pins` of gate.py knows them.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from typing import Any

_VERSION: ContextVar[str | None] = ContextVar("version", default=None)
_RAISED = re.compile(r"^(?:\w+\.)*(\w+)(?:: .*)?$", re.MULTILINE)
"""The last line of a traceback."""


def tell_more() -> None:
    """Patch all of them."""
    _tell_versions()
    _tell_error_classes()
    _tell_exit_codes()
    _tell_attributes()
    _tell_paths()


def _tell_versions() -> None:
    """`version-id` in the events that S3 gives to EventBridge: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html."""
    from ministack.services import eventbridge, s3

    fire, dispatch = s3._fire_s3_event, eventbridge._dispatch_event  # noqa: SLF001

    def firing(*arguments: Any, version_id: str | None = None, **more: Any) -> None:
        _VERSION.set(version_id)  # each event is fired in a context of its own
        fire(*arguments, version_id=version_id, **more)

    def dispatching(event: dict[str, Any], *more: Any) -> Any:
        version = _VERSION.get()
        if event.get("Source") == "aws.s3" and version:
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version
            event = event | {"Detail": json.dumps(detail)}
        return dispatch(event, *more)

    s3._fire_s3_event, eventbridge._dispatch_event = firing, dispatching  # noqa: SLF001


def _tell_error_classes() -> None:
    """The class of what a function raised, by which Retry and Catch choose: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html."""
    from ministack.services import lambda_svc

    execute = lambda_svc._execute_function_warm  # noqa: SLF001

    def executing(*arguments: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(*arguments)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            raised = _RAISED.findall(str(result.get("log", "")).strip())
            body["errorType"] = raised[-1] if raised else body["errorType"]
        return result

    lambda_svc._execute_function_warm = executing  # noqa: SLF001


def _tell_exit_codes() -> None:
    """A task of `ecs:runTask.sync` that ends with another code than 0 has failed: https://docs.aws.amazon.com/step-functions/latest/dg/connect-ecs.html."""
    from ministack.services import stepfunctions

    poll = stepfunctions._poll_ecs_tasks  # noqa: SLF001

    def polling(*arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = poll(*arguments)
        for task in found["tasks"]:
            if any(container.get("exitCode") != 0 for container in task["containers"]):
                raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(task, default=str))  # noqa: SLF001
        return found

    stepfunctions._poll_ecs_tasks = polling  # noqa: SLF001


def _tell_attributes() -> None:
    """Attributes of what a state machine publishes: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sns.html."""
    from ministack.services import sns

    publish = sns._publish  # noqa: SLF001

    def publishing(params: dict[str, Any]) -> Any:
        told = params.get("MessageAttributes")
        if isinstance(told, dict):
            for number, (name, value) in enumerate(told.items(), start=1):
                entry = f"MessageAttributes.entry.{number}"
                params = (
                    params | {f"{entry}.Name": name} | {f"{entry}.Value.{field}": text for field, text in value.items()}
                )
        return publish(params)

    sns._publish = publishing  # noqa: SLF001


def _tell_paths() -> None:
    """The resource of `GetParametersByPath` is its path, and not everything.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    """
    from ministack.core import iam_actions

    extract = iam_actions.extract_resource_arn

    def extracting(service: str, method: str, path: str, headers: Any, body: bytes, *more: Any) -> str:
        if service == "ssm" and any(str(value).endswith(".GetParametersByPath") for value in headers.values()):
            region, account = more[-2:]
            return f"arn:aws:ssm:{region}:{account}:parameter{json.loads(body)['Path']}"
        return str(extract(service, method, path, headers, body, *more))

    iam_actions.extract_resource_arn = extracting
