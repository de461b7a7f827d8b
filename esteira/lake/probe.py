"""May this process do in the bucket what a run does there? Asked so that nothing is left behind: the task role may delete nothing."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from esteira.errors import ConfigError
from esteira.lake.bucket import Bucket
from esteira.lake.inbox import INBOX

PROBE = "_esteira-doctor/probe"
"""No dataset has a name with a hyphen or a leading underscore."""


def probe_prefix(bucket: Bucket, prefix: str) -> None:
    """List, read and write below a prefix.

    Raises:
        AuthError: It names the action that is denied.
        ConfigError: There is no such bucket.
        LakeUnavailable: S3 does not answer.
    """
    next(iter(bucket.entries(f"{prefix}/{PROBE}")), None)
    bucket.get(f"{prefix}/{PROBE}")
    probe_put(bucket, prefix)


def server_time(bucket: Bucket, prefix: str) -> datetime | None:
    """What S3's clock says, from the Date header of an answer, or None when it sends none."""
    with bucket.translated("s3:ListBucket", prefix):
        answer = bucket.client.list_objects_v2(Bucket=bucket.bucket, Prefix=f"{prefix}/", MaxKeys=1)
    value = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(value) if value else None


def probe_inbox(bucket: Bucket) -> int:
    """List and take what lies in the inbox; returns how many versions wait, up to a page of them.

    Taking out is asked for a version that is not there: an object that never was has no version `null`, so nothing is deleted and no marker is made.

    Raises:
        AuthError, ConfigError, LakeUnavailable: As `probe_prefix`.
    """
    key = f"{INBOX}{PROBE}"
    with bucket.translated("s3:ListBucketVersions", key):
        found = bucket.client.list_object_versions(Bucket=bucket.bucket, Prefix=INBOX)
    bucket.get(key)
    with bucket.translated("s3:DeleteObjectVersion", key):
        bucket.client.delete_object(Bucket=bucket.bucket, Key=key, VersionId="null")
    return len(found.get("Versions", ()))


def probe_put(bucket: Bucket, prefix: str) -> None:
    """Write below a prefix.

    It is an upload in pieces that is begun and given up, which needs the same permission as a put and makes no object:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions

    Raises:
        As `probe_prefix`.
    """
    key = f"{prefix}/{PROBE}"
    with bucket.translated("s3:PutObject", key):
        upload = bucket.client.create_multipart_upload(Bucket=bucket.bucket, Key=key)["UploadId"]
    with bucket.translated("s3:AbortMultipartUpload", key):
        bucket.client.abort_multipart_upload(Bucket=bucket.bucket, Key=key, UploadId=upload)


def probe_versioning(bucket: Bucket) -> None:
    """Whether the bucket keeps versions: without them a file that is overwritten while it waits is lost.

    Raises:
        ConfigError: It does not.
    """
    with bucket.translated("s3:GetBucketVersioning", ""):
        state = bucket.client.get_bucket_versioning(Bucket=bucket.bucket).get("Status", "never enabled")
    if state != "Enabled":
        raise ConfigError(
            f"Versioning of bucket {bucket.bucket} is {state.lower()}.",
            hint="Enable it (infra/lake.yaml does): a drop is a version of an object, and seals rely on versions too.",
        )
