"""What an event of S3 is about, and whether it is ours: an event is unsigned, comes twice, late and out of order.

Whose a file is and whether it can be read the flow decides, which has the contracts.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

INBOX = "inbox/"
GONE = frozenset({"403", "404"})
"""S3's answers to HEAD of what is not there; it tells 404 only to who may list without a prefix."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes both by position
    """The facts of one drop, with a verdict: `take`, `nothing` (taken before, taken back, a folder) or `refuse`.

    Args:
        event: Input of the state machine, `{"event": <what EventBridge delivered>}`.
        context: Not used.
    """
    told = event.get("event") or {}
    detail = told.get("detail") or {}
    subject = detail.get("object") or {}
    facts = {
        "account": str(told.get("account", "")),
        "bucket": str((detail.get("bucket") or {}).get("name", "")),
        "key": str(subject.get("key", "")),
        "version": str(subject.get("version-id", "")),
    }
    reason = _foreign(told, facts)
    return _verdict(facts, "refuse", reason) if reason else _looked_at(facts)


def _foreign(told: dict[str, Any], facts: dict[str, str]) -> str:
    """Why an event is none of ours; empty when it is."""
    if (told.get("source"), told.get("detail-type")) != ("aws.s3", "Object Created"):
        return "It is no event of S3 about a new object."
    for what, own in (("account", os.environ["ACCOUNT"]), ("bucket", os.environ["LAKE_BUCKET"])):
        if facts[what] != own:
            return f"Its {what} is not this stage's."
    if not facts["key"].startswith(INBOX):
        return f"Its object is not below {INBOX}."
    if facts["version"] in {"", "null"}:
        return "It names no version: the bucket must be versioned."
    return ""


def _looked_at(facts: dict[str, str]) -> dict[str, Any]:
    """What S3 itself says of the version; what the event says of size and type is not asked."""
    prefix, _, name = facts["key"].rpartition("/")
    dataset, slash, _ = facts["key"].removeprefix(INBOX).partition("/")
    facts = facts | {"prefix": f"{prefix}/", "dataset": dataset if slash else ""}
    if not name:
        return _verdict(facts, "nothing", "It only stands for a folder.")
    found = _version(facts)
    if found is None:
        return _verdict(facts, "nothing", "The version is not there: taken before, or taken back.")
    return _verdict(facts, "take", "", **found)


def _version(facts: dict[str, str]) -> dict[str, Any] | None:
    """Size and type of a version; None when it is not there. Only who may list is told that, so it is asked by a listing."""
    s3: Any = boto3.client("s3")
    mine = {"Bucket": facts["bucket"], "ExpectedBucketOwner": facts["account"]}
    pages = s3.get_paginator("list_object_versions").paginate(**mine, Prefix=facts["key"])
    listed = (each for page in pages for each in page.get("Versions", ()))
    if not any((each["Key"], each["VersionId"]) == (facts["key"], facts["version"]) for each in listed):
        return None
    try:
        head = s3.head_object(**mine, Key=facts["key"], VersionId=facts["version"])
    except ClientError as exc:
        if exc.response["Error"]["Code"] in GONE:  # in this very moment
            return None
        raise
    return {"size": int(head["ContentLength"]), "type": str(head.get("ContentType", ""))}


def _verdict(facts: dict[str, str], verdict: str, reason: str, **more: object) -> dict[str, Any]:
    place = f"s3://{facts['bucket']}/{facts['key']}?versionId={facts['version']}"
    return {**facts, "place": place, "verdict": verdict, "reason": reason, "size": 0, "type": "", **more}
