"""Publishing the built documentation: a bucket holds exactly what a folder holds, and readers see it at once.

It builds nothing (`make docs` does), and keeps nothing: the bucket's versions do.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from infra.deploy.problem import DeployError, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
"""By suffix. Python's own table differs between versions and machines."""
OTHER_TYPE = "application/octet-stream"
FOR_EVER = "public, max-age=31536000, immutable"
"""For files whose name changes with their content."""
ASKED_AGAIN = "public, max-age=0, s-maxage=86400, must-revalidate"
"""For all others: a browser asks each time whether they changed; CloudFront keeps them for a day, or until an invalidation."""
_FINGERPRINT = re.compile(r"\.[0-9a-f]{8}\.min\.(js|css)(\.map)?$")
"""How Material for MkDocs names its bundles."""


def publish(folder: Path, bucket: str, distribution: str, tell: Callable[[str], None]) -> None:
    """Make a bucket hold what a folder holds, and nothing else. Can be repeated.

    Args:
        folder: A built site; its `index.html` is the start page.
        bucket: Of the documentation alone: whatever else lies in it is deleted.
        distribution: The id of the CloudFront distribution in front of it; empty when there is none.
        tell: Takes each line.

    Raises:
        DeployError: The folder holds no site, or AWS refuses.
    """
    if not (folder / "index.html").is_file():
        raise DeployError(f"{folder} holds no built site: it has no index.html.", "make docs")
    pages = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    with translated(f"publishing to {bucket}"):
        client = boto3.client("s3")
        old = sorted(set(_stored(client, bucket)) - pages.keys())
        for key in _in_order(pages):
            client.put_object(
                Bucket=bucket, Key=key, Body=pages[key].read_bytes(), ContentType=content_type(key), CacheControl=cache_control(key),
            )  # fmt: skip
        for key in old:
            client.delete_object(Bucket=bucket, Key=key)
    tell(f"{bucket}: {len(pages)} files published, {len(old)} removed")
    if distribution:
        _forget(distribution)
        tell(f"{distribution}: forgets what it had")


def content_type(key: str) -> str:
    """What a browser is told that a file is."""
    return CONTENT_TYPES.get(Path(key).suffix, OTHER_TYPE)


def cache_control(key: str) -> str:
    """How long a file may be kept by who fetched it."""
    return FOR_EVER if _FINGERPRINT.search(key) else ASKED_AGAIN


def _in_order(pages: dict[str, Path]) -> list[str]:
    """Pages last: none may name a script or a picture that is not there yet."""
    return sorted(pages, key=lambda key: (key.endswith(".html"), key))


def _stored(client: S3Client, bucket: str) -> Iterator[str]:
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (each["Key"] for each in page.get("Contents", []))


def _forget(distribution: str) -> None:
    """One path with a star counts as one, however many pages there are.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PayingForInvalidation.html
    """
    with translated(f"the invalidation of {distribution}"):
        boto3.client("cloudfront").create_invalidation(
            DistributionId=distribution,
            InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": uuid.uuid4().hex},
        )
