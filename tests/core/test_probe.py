"""What the doctor asks of the bucket and of AWS, in this process; what IAM denies is asked of the real stack in `tests/hands`."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from esteira.aws import aws_identity
from esteira.errors import AuthError, ConfigError
from esteira.lake import Lake
from esteira.lake.probe import probe_inbox, probe_prefix, probe_put, probe_versioning, server_time


def test_a_prefix_is_tried_and_nothing_is_left_in_it(lake: Lake, s3: Any) -> None:
    probe_prefix(lake, "raw")
    assert "Contents" not in s3.list_objects_v2(Bucket="lake")
    assert not s3.list_multipart_uploads(Bucket="lake").get("Uploads")


def test_a_bucket_that_is_not_there_is_named(lake: Lake, session: boto3.Session) -> None:
    with pytest.raises(ConfigError, match="Bucket nowhere answers NoSuchBucket"):
        probe_prefix(Lake("nowhere", session), "raw")


def test_the_inbox_is_tried_and_what_waits_stays(lake: Lake, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    assert probe_inbox(lake) == 0
    s3.put_object(Bucket="lake", Key="inbox/sales/a.csv", Body=b"x")
    assert probe_inbox(lake) == 1
    probe_put(lake, "inbox-rejected")
    listed = s3.list_object_versions(Bucket="lake")
    assert [each["Key"] for each in listed["Versions"]] == ["inbox/sales/a.csv"]
    assert "DeleteMarkers" not in listed
    assert not s3.list_multipart_uploads(Bucket="lake").get("Uploads")


def test_a_bucket_that_keeps_no_versions_is_told(lake: Lake, s3: Any) -> None:
    with pytest.raises(ConfigError, match="Versioning of bucket lake is never enabled"):
        probe_versioning(lake)
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    probe_versioning(lake)
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Suspended"})
    with pytest.raises(ConfigError, match="is suspended"):
        probe_versioning(lake)


def test_the_clock_of_s3_is_read_from_an_answer(lake: Lake) -> None:
    told = server_time(lake, "raw")
    assert told is None or abs((datetime.now(UTC) - told).total_seconds()) < 60


def test_aws_says_who_we_are(aws: None) -> None:
    assert aws_identity().startswith("arn:aws:")


def test_no_credentials_are_an_error_that_says_where_to_get_some(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    with pytest.raises(AuthError, match="has no AWS credentials") as caught:
        aws_identity()
    assert "AWS_PROFILE" in caught.value.hint
