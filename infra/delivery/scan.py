"""The registry's scan of a pushed image: wait for it, and stop the delivery at what is too severe."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.deploy.problem import LATER, DeployError, translated

STOPPING = ("CRITICAL", "HIGH")
"""What is only waited for by a base image that has no mend yet is said in docs/operations/aws.md."""
FINDINGS = 65
_WAIT_SECONDS, _PAUSE_SECONDS = 900.0, 5.0


def check(image: str, digest: str, tell: Callable[[str], None]) -> int:
    """Tell the counts of an image's findings; returns 65 when some stop the delivery.

    Args:
        image: `<account>.dkr.ecr.<region>.amazonaws.com/<name>[:tag]`, or the name alone.
        digest: Of what was pushed.
        tell: Takes each line.

    Raises:
        DeployError: The registry does not scan it.
    """
    name = image.rpartition("amazonaws.com/")[2].partition(":")[0]
    with translated(f"the scan of {name}@{digest}"):
        client: Any = boto3.client("ecr")
        found = _findings(client, name, digest)
    counts = found.get("findingSeverityCounts", {})
    tell(", ".join(f"{severity} {count}" for severity, count in sorted(counts.items())) or "The scan finds nothing.")
    for each in found.get("findings", []):
        if each["severity"] in STOPPING:
            tell(f"  {each['severity']} {each['name']} {each.get('uri', '')}")
    return FINDINGS if any(counts.get(severity) for severity in STOPPING) else 0


def _findings(client: Any, name: str, digest: str) -> dict[str, Any]:
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            answer = client.describe_image_scan_findings(repositoryName=name, imageId={"imageDigest": digest})
            status = answer["imageScanStatus"]["status"]
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "ScanNotFoundException":
                raise
            status = "PENDING"
        else:
            if status in {"COMPLETE", "ACTIVE"}:
                return dict(answer["imageScanFindings"])
        if status == "FAILED" or time.monotonic() > until:
            raise DeployError(
                f"The scan of {name}@{digest} is {status}.",
                "Is ScanOnPush on? Start it again in the registry's console.",
                LATER,
            )
        time.sleep(_PAUSE_SECONDS)
