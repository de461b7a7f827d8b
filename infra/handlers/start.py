"""From the queue to the state machine: one execution for each version of an object, however often its event comes."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ENDED_BADLY = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
MOST_EXECUTIONS = 20
"""Of one version. An event is put back from the dead-letter queue by a person, who will not do it so often."""


def handler(event: dict[str, Any], context: object) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001 - Lambda passes both by position
    """Start what a batch of messages asks for; answers which of them must come again."""
    states = boto3.client("stepfunctions")
    failed = []
    for record in event["Records"]:
        try:
            _start(states, os.environ["MACHINE_ARN"], str(record["body"]))
        except (ClientError, BotoCoreError, _TooManyError) as exc:
            print(json.dumps({"level": "WARNING", "message_id": record["messageId"], "not_started": str(exc)}))
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


class _TooManyError(Exception):
    """A version whose executions all failed."""


def _start(states: Any, machine: str, body: str) -> None:
    told, name = _told(body), _name(body)
    for number in range(1, MOST_EXECUTIONS + 1):
        execution = name if number == 1 else f"{name}-{number}"
        try:
            states.start_execution(stateMachineArn=machine, name=execution, input=json.dumps({"event": told}))
        except states.exceptions.ExecutionAlreadyExists:
            if _status(states, machine, execution) not in ENDED_BADLY:
                return
        else:
            return
    raise _TooManyError(f"{MOST_EXECUTIONS} executions of {name} ended badly.")


def _status(states: Any, machine: str, execution: str) -> str:
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{execution}"
    return str(states.describe_execution(executionArn=arn)["status"])


def _told(body: str) -> Any:
    """The event; what is none goes on as it is, for `inspect` to refuse."""
    try:
        return json.loads(body)
    except ValueError:
        return {"unreadable": body[:1000]}


def _name(body: str) -> str:
    """The same for the same version, whatever else the event says."""
    told = _told(body)
    try:
        subject = told["detail"]["object"]
        what = json.dumps([told["detail"]["bucket"]["name"], subject["key"], subject["version-id"]])
    except (KeyError, TypeError):
        what = body
    return sha256(what.encode()).hexdigest()
