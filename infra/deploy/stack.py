"""One CloudFormation stack: what state it is in, what a template would change in it, the change itself, its end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.deploy.problem import LATER, DeployError, failed
from infra.deploy.reason import newest_event, why
from infra.deploy.stage import KEPT
from infra.deploy.template import Template

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

WAIT_SECONDS = 3600.0
"""A warehouse takes minutes, a deletion with network interfaces of Lambda up to half an hour."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0
_HALF_CREATED = frozenset(
    {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS", "DELETE_FAILED"}
)
"""No template can be applied to these: AWS asks for the stack to be deleted first."""
_STUCK = "UPDATE_ROLLBACK_FAILED"
_NOTHING = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Change:
    """What would happen to one resource: `Add`, `Modify`, `Remove`; whether it is made anew: `True`, `Conditional` or not."""

    action: str
    logical_id: str
    kind: str
    replacement: str = ""


@dataclass(frozen=True)
class ChangeSet:
    """What a template would change; empty when nothing."""

    id: str
    changes: tuple[Change, ...]


class Stack:
    """One stack of one stage.

    Args:
        client: Of the region.
        name: As `esteira-dev-lake`.
        tags: Of everything in it.
    """

    def __init__(self, client: CloudFormationClient, name: str, tags: list[dict[str, str]]) -> None:
        self._client = client
        self._tags = tags
        self.name = name

    def status(self) -> str | None:
        """Its status; None when there is none."""
        found = self._find()
        return found["StackStatus"] if found else None

    def is_there(self) -> bool:
        """Whether a template can be compared with it."""
        return self.status() not in {None, *_HALF_CREATED}

    def outputs(self) -> dict[str, str]:
        """Its outputs; empty when there is none."""
        listed = (self._find() or {}).get("Outputs", [])
        return {each["OutputKey"]: each["OutputValue"] for each in listed}

    def settle(self) -> str | None:
        """Wait until nothing is under way, and remove what is half created; returns the status that was mended.

        Raises:
            DeployError: Only a person can get it out of its state.
        """
        status = self._wait()
        if status == _STUCK:
            raise DeployError(
                f"Stack {self.name} is {_STUCK}: a change failed, and so did taking it back: {why(self._client, self.name, None)}",
                f"Mend what the reason names, then: aws cloudformation continue-update-rollback --stack-name {self.name}",
                LATER,
            )
        if status not in _HALF_CREATED:
            return None
        self.delete()
        return status

    def compare(self, template: Template, parameters: Mapping[str, str]) -> ChangeSet:
        """Ask AWS what a template would change; changes nothing.

        Raises:
            DeployError: AWS refuses the template or a parameter.
        """
        is_new = not self.is_there()
        made = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=f"esteira-{uuid.uuid4().hex[:12]}",
            ChangeSetType="CREATE" if is_new else "UPDATE",
            TemplateBody=template.body,
            Parameters=self._parameters(template, parameters),  # type: ignore[arg-type]
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=self._tags,  # type: ignore[arg-type]
        )
        return self._read_change_set(made["Id"])

    def forget(self, change_set: ChangeSet) -> None:
        """Take a change set back, and the empty stack that it may have brought."""
        self._client.delete_change_set(ChangeSetName=change_set.id)
        if self.status() == "REVIEW_IN_PROGRESS":
            self.delete()

    def execute(self, change_set: ChangeSet) -> None:
        """Do it, and wait for the end.

        Raises:
            DeployError: It failed; the reason is that of the first resource that did.
        """
        since = newest_event(self._client, self.name)
        self._client.execute_change_set(ChangeSetName=change_set.id)
        status = self._wait(since)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise failed(f"Stack {self.name} is {status}", why(self._client, self.name, since))

    def delete(self) -> None:
        """Delete it, and wait for the end.

        Raises:
            DeployError: Something in it cannot be deleted.
        """
        since = newest_event(self._client, self.name)
        self._client.delete_stack(StackName=self.name)
        status = self._wait(since)
        if status is not None:
            raise failed(f"Stack {self.name} is {status}", why(self._client, self.name, since))

    def _parameters(self, template: Template, given: Mapping[str, str]) -> list[dict[str, Any]]:
        values: list[dict[str, Any]] = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        there = {each["ParameterKey"] for each in (self._find() or {}).get("Parameters", [])}
        kept = KEPT & template.parameters.keys() & there - given.keys()
        return values + [{"ParameterKey": key, "UsePreviousValue": True} for key in sorted(kept)]

    def _read_change_set(self, change_set_id: str) -> ChangeSet:
        pause = _Pause()
        while True:
            found: Any = self._client.describe_change_set(ChangeSetName=change_set_id)
            if found["Status"] not in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                break
            pause.take(self.name)
        reason = found.get("StatusReason", "")
        if found["Status"] == "FAILED" and not any(words in reason for words in _NOTHING):
            self.forget(ChangeSet(change_set_id, ()))
            raise failed(f"Stack {self.name} cannot be changed", reason)
        pages = self._client.get_paginator("describe_change_set").paginate(ChangeSetName=change_set_id)
        return ChangeSet(
            change_set_id, tuple(_change(each["ResourceChange"]) for page in pages for each in page["Changes"])
        )

    def _find(self) -> Any:
        try:
            found = self._client.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as exc:
            if "does not exist" in str(exc):
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def _wait(self, since: str | None = None) -> str | None:
        """Until nothing is under way; after a request, also until the first event tells that it has begun."""
        pause = _Pause()
        while True:
            status = self.status()
            has_begun = since is None or newest_event(self._client, self.name) != since
            if status is None or (has_begun and not self._is_under_way(status, since)):
                return status
            pause.take(self.name)

    @staticmethod
    def _is_under_way(status: str, since: str | None) -> bool:
        # A stack in review waits for a person, unless its change set was just told to run.
        return status.endswith("_IN_PROGRESS") and (status != "REVIEW_IN_PROGRESS" or since is not None)


class _Pause:
    """Short at first, since most changes are; bounded in all."""

    def __init__(self) -> None:
        self._seconds = _FIRST_PAUSE_SECONDS
        self._until = time.monotonic() + WAIT_SECONDS

    def take(self, name: str) -> None:
        if time.monotonic() > self._until:
            raise DeployError(
                f"Stack {name} is still being changed after {WAIT_SECONDS / 60:.0f} minutes.",
                "Run the same command again: it waits on.",
                LATER,
            )
        time.sleep(self._seconds)
        self._seconds = min(self._seconds * 1.5, _LONGEST_PAUSE_SECONDS)


def _change(said: Mapping[str, Any]) -> Change:
    return Change(said["Action"], said["LogicalResourceId"], said["ResourceType"], said.get("Replacement", ""))
