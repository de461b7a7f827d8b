"""The bucket of the functions' code: what `infra/package.py` packs is stored once under its hash, and all of it can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.package import Code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def upload(client: S3Client, bucket: str, code: Code) -> None:
    """Store what is not there yet; the key is the hash of the content, so what is there is the same."""
    for key, body in code.objects.items():
        if not _is_there(client, bucket, key):
            client.put_object(Bucket=bucket, Key=key, Body=body)


def empty(client: S3Client, bucket: str) -> None:
    """Delete every version: a bucket that holds any cannot be deleted."""
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found: list[Any] = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            entries: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            client.delete_objects(Bucket=bucket, Delete={"Objects": entries, "Quiet": True})


def _is_there(client: S3Client, bucket: str, key: str) -> bool:
    try:
        client.head_object(Bucket=bucket, Key=key)
    except ClientError as exc:
        if exc.response["Error"]["Code"] not in {"404", "NoSuchKey", "NotFound"}:
            raise
        return False
    return True
