"""May this process do in the bucket what a run does there? Asked so that nothing is left behind: the task role may delete nothing."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from esteira.lake.bucket import Bucket

PROBE = "_esteira-doctor/probe"
"""No dataset has a name with a hyphen or a leading underscore."""


def probe_prefix(bucket: Bucket, prefix: str) -> None:
    """List, read and write below a prefix.

    The write is an upload in pieces that is begun and given up, which needs the same permission as a put and makes no object:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions

    Raises:
        AuthError: It names the action that is denied.
        ConfigError: There is no such bucket.
        LakeUnavailable: S3 does not answer.
    """
    next(iter(bucket.entries(f"{prefix}/{PROBE}")), None)
    bucket.get(f"{prefix}/{PROBE}")
    key = f"{prefix}/{PROBE}"
    with bucket.translated("s3:PutObject", key):
        upload = bucket.client.create_multipart_upload(Bucket=bucket.bucket, Key=key)["UploadId"]
    with bucket.translated("s3:AbortMultipartUpload", key):
        bucket.client.abort_multipart_upload(Bucket=bucket.bucket, Key=key, UploadId=upload)


def server_time(bucket: Bucket, prefix: str) -> datetime | None:
    """What S3's clock says, from the Date header of an answer, or None when it sends none."""
    with bucket.translated("s3:ListBucket", prefix):
        answer = bucket.client.list_objects_v2(Bucket=bucket.bucket, Prefix=f"{prefix}/", MaxKeys=1)
    value = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(value) if value else None
