"""Why a stack failed, in CloudFormation's words: the first resource that did, or what its validation found before any was touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

_VALIDATION = "DescribeEvents"
"""Since November 2025 the stack's own event only says how many errors there are, and to ask there."""


def newest_event(client: CloudFormationClient, stack: str) -> str:
    """Where the events of what comes next begin; empty when the stack has just gone."""
    try:
        return client.describe_stack_events(StackName=stack)["StackEvents"][0]["EventId"]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return ""
        raise


def why(client: CloudFormationClient, stack: str, since: str | None) -> str:
    """The reason of a failure.

    Args:
        client: Of the region.
        stack: Its name.
        since: The newest event before the change; None looks at all.
    """
    # The newest event comes first. The last failure among those read is the first that happened: the others follow from it.
    reasons = []
    for event in client.describe_stack_events(StackName=stack)["StackEvents"]:
        if event["EventId"] == since:
            break
        if event.get("ResourceStatus", "").endswith("_FAILED") and event.get("ResourceStatusReason"):
            reasons.append(f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}")
    first = reasons[-1] if reasons else "AWS gives no reason"
    return _validation_errors(client, stack) or first if _VALIDATION in first else first


def _validation_errors(client: CloudFormationClient, stack: str) -> str:
    found = client.describe_events(StackName=stack, Filters={"FailedEvents": True})["OperationEvents"]
    newest = found[0]["OperationId"] if found else None
    return "; ".join(
        f"{each['LogicalResourceId']}: {each['ValidationStatusReason']}"
        for each in found
        if each["OperationId"] == newest and each.get("ValidationStatusReason")
    )
