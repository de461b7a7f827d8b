"""The policies of infra/ as the stack enforces them; tests/infra/test_rules.py holds what is only read."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.stack import Stack

SEAL = "curated/flights/b1/SEAL.json"


def refused(call: Any, **arguments: Any) -> bool:
    """Whether AWS answers that this is not allowed."""
    try:
        call(**arguments)
    except ClientError as exc:
        return exc.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
    return False


@pytest.fixture
def bucket(stack: Stack) -> str:
    return stack.env["ESTEIRA_LAKE_BUCKET"]


def test_the_laptop_user_reads_nothing_without_the_role(client: Any, bucket: str) -> None:
    laptop = client("s3", "laptop")
    assert refused(laptop.list_objects_v2, Bucket=bucket, Prefix="raw/")
    assert refused(laptop.get_object, Bucket=bucket, Key="raw/x")


def test_the_task_role_writes_and_lists_its_prefixes(client: Any, bucket: str) -> None:
    task = client("s3")
    task.put_object(Bucket=bucket, Key="raw/flights/b1/part", Body=b"x")
    assert task.list_objects_v2(Bucket=bucket, Prefix="raw/flights/")["KeyCount"] == 1


def test_the_task_role_cannot_list_the_whole_bucket(client: Any, bucket: str) -> None:
    assert refused(client("s3").list_objects_v2, Bucket=bucket)


@pytest.mark.parametrize("key", ["elsewhere/x", "inbox/x", "rawx"])
def test_the_task_role_cannot_write_elsewhere(client: Any, bucket: str, key: str) -> None:
    assert refused(client("s3").put_object, Bucket=bucket, Key=key, Body=b"x")


def test_a_seal_is_written_once_and_never_deleted(client: Any, bucket: str) -> None:
    task = client("s3")
    version = task.put_object(Bucket=bucket, Key=SEAL, Body=b"{}", IfNoneMatch="*")["VersionId"]
    with pytest.raises(ClientError, match="PreconditionFailed"):
        task.put_object(Bucket=bucket, Key=SEAL, Body=b"{}", IfNoneMatch="*")
    assert refused(task.delete_object, Bucket=bucket, Key=SEAL)
    assert refused(task.delete_object, Bucket=bucket, Key=SEAL, VersionId=version)


def test_a_seal_without_if_none_match_is_refused(client: Any, bucket: str) -> None:
    assert refused(client("s3").put_object, Bucket=bucket, Key="raw/flights/b2/SEAL.json", Body=b"{}")


def test_the_task_role_reads_its_own_secrets_only(client: Any, stack: Stack) -> None:
    client("secretsmanager", "root").create_secret(Name="esteira/prod/warehouse", SecretString="{}")
    task = client("secretsmanager")
    assert "token" in task.get_secret_value(SecretId=stack.env["ESTEIRA_PORTAL_SECRET"])["SecretString"]
    assert refused(task.get_secret_value, SecretId="esteira/prod/warehouse")


def test_the_task_role_sends_metrics_into_its_own_namespace_only(client: Any) -> None:
    task, data = client("cloudwatch"), [{"MetricName": "Rows", "Value": 1.0}]
    task.put_metric_data(Namespace="Esteira/local", MetricData=data)
    for other in ("Esteira/prod", "AWS/Lambda"):
        assert refused(task.put_metric_data, Namespace=other, MetricData=data)


def test_the_copy_role_reads_curated_only(client: Any, bucket: str) -> None:
    root, copy = client("s3", "root"), client("s3", "copy")
    for prefix in ("raw", "curated"):
        root.put_object(Bucket=bucket, Key=f"{prefix}/t/part", Body=b"x")
    assert copy.get_object(Bucket=bucket, Key="curated/t/part")["Body"].read() == b"x"
    assert copy.list_objects_v2(Bucket=bucket, Prefix="curated/t/")["KeyCount"] == 1
    assert refused(copy.get_object, Bucket=bucket, Key="raw/t/part")
    assert refused(copy.list_objects_v2, Bucket=bucket, Prefix="raw/")
    assert refused(copy.put_object, Bucket=bucket, Key="curated/t/other", Body=b"x")


def store(client: Any, bucket: str, key: str) -> str:
    """Put an object as the pipeline does; returns its version."""
    options = {"IfNoneMatch": "*"} if key.endswith("SEAL.json") else {}
    return str(client("s3").put_object(Bucket=bucket, Key=key, Body=b"{}", **options)["VersionId"])


@pytest.mark.parametrize("zone", ["raw", "curated", "quarantine"])
def test_the_task_role_deletes_nothing(client: Any, bucket: str, zone: str) -> None:
    key = f"{zone}/kept/b1/a1/part-00001.parquet"
    version, task = store(client, bucket, key), client("s3")
    assert refused(task.delete_object, Bucket=bucket, Key=key)
    assert refused(task.delete_object, Bucket=bucket, Key=key, VersionId=version)
    assert refused(task.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert client("s3", "root").head_object(Bucket=bucket, Key=key)["VersionId"] == version


@pytest.mark.parametrize("zone", ["raw", "curated", "quarantine", "export", "report/html"])
def test_the_upkeep_role_deletes_parts_and_their_versions(client: Any, bucket: str, zone: str) -> None:
    key = f"{zone}/gone/b1/a1/part-00001.parquet"
    version, upkeep = store(client, bucket, key), client("s3", "upkeep")
    assert "Errors" not in upkeep.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}], "Quiet": True})
    assert upkeep.list_objects_v2(Bucket=bucket, Prefix=f"{zone}/gone/")["KeyCount"] == 0
    assert upkeep.list_object_versions(Bucket=bucket, Prefix=f"{zone}/gone/")["Versions"][0]["VersionId"] == version
    upkeep.delete_object(Bucket=bucket, Key=key, VersionId=version)
    assert "Versions" not in upkeep.list_object_versions(Bucket=bucket, Prefix=f"{zone}/gone/")


@pytest.mark.parametrize("folder", ["", "generation-002/"])
@pytest.mark.parametrize("zone", ["raw", "curated"])
def test_the_upkeep_role_deletes_and_overwrites_no_seal(client: Any, bucket: str, zone: str, folder: str) -> None:
    key = f"{zone}/sealed/b1/{folder}SEAL.json"
    version, upkeep = store(client, bucket, key), client("s3", "upkeep")
    assert refused(upkeep.delete_object, Bucket=bucket, Key=key)
    assert refused(upkeep.delete_object, Bucket=bucket, Key=key, VersionId=version)
    for entry in ({"Key": key}, {"Key": key, "VersionId": version}):
        assert refused(upkeep.delete_objects, Bucket=bucket, Delete={"Objects": [entry]})
    assert refused(upkeep.put_object, Bucket=bucket, Key=key, Body=b"{}")
    assert upkeep.get_object(Bucket=bucket, Key=key)["VersionId"] == version


@pytest.mark.parametrize("key", ["inbox/x", "report/x", "report/attempts/x", "elsewhere/x"])
def test_the_upkeep_role_touches_nothing_outside_the_zones_and_export(client: Any, bucket: str, key: str) -> None:
    version = str(client("s3", "root").put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"])
    upkeep = client("s3", "upkeep")
    assert refused(upkeep.get_object, Bucket=bucket, Key=key)
    assert refused(upkeep.put_object, Bucket=bucket, Key=key, Body=b"y")
    assert refused(upkeep.delete_object, Bucket=bucket, Key=key)
    assert refused(upkeep.delete_object, Bucket=bucket, Key=key, VersionId=version)
    assert refused(upkeep.list_objects_v2, Bucket=bucket, Prefix=key)
    assert refused(upkeep.list_objects_v2, Bucket=bucket)


def test_the_upkeep_role_aborts_unfinished_uploads_which_the_task_role_cannot_list(client: Any, bucket: str) -> None:
    task, upkeep = client("s3"), client("s3", "upkeep")
    key = "raw/uploads/b1/a1/part-00001.json.zst"
    upload = task.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    assert refused(task.list_multipart_uploads, Bucket=bucket, Prefix="raw/uploads/")
    (found,) = upkeep.list_multipart_uploads(Bucket=bucket, Prefix="raw/uploads/")["Uploads"]
    assert found["UploadId"] == upload
    upkeep.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    assert "Uploads" not in upkeep.list_multipart_uploads(Bucket=bucket, Prefix="raw/uploads/")


def test_the_upkeep_role_reads_the_warehouse_secret_and_no_other(client: Any, stack: Stack) -> None:
    name, secret = f"{stack.env['ESTEIRA_WAREHOUSE_SECRET']}-of-another", client("secretsmanager", "upkeep")
    client("secretsmanager", "root").create_secret(Name=name, SecretString="{}")
    assert "password" in secret.get_secret_value(SecretId=stack.env["ESTEIRA_WAREHOUSE_SECRET"])["SecretString"]
    for other in (stack.env["ESTEIRA_PORTAL_SECRET"], name):
        assert refused(secret.get_secret_value, SecretId=other)


def test_a_well_known_root_key_is_refused(client: Any, stack: Stack) -> None:
    import boto3

    options = {"endpoint_url": stack.env["AWS_ENDPOINT_URL"], "region_name": "us-east-1"}
    session = boto3.Session()  # not the default one, which remembers the profile of whoever made it
    s3 = session.client("s3", aws_access_key_id="test", aws_secret_access_key="test", **options)
    with pytest.raises(ClientError, match=r"403|InvalidClientTokenId|Forbidden"):
        s3.list_buckets()


def test_the_client_environment_names_no_root_key(stack: Stack) -> None:
    root = (Path(stack.state) / "secrets" / "aws-root.json").read_text().split('"')[3]
    files = [Path(stack.env[name]) for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")]
    texts = [(Path(stack.state) / "stack.env").read_text(), *(file.read_text() for file in files)]
    assert not any(root in text for text in texts)


def test_who_drops_files_puts_lists_and_takes_back_and_reads_what_came_back(client: Any, bucket: str) -> None:
    drop = client("s3", "drop")
    drop.put_object(Bucket=bucket, Key="inbox/sales/x.csv", Body=b"x")
    assert drop.list_objects_v2(Bucket=bucket, Prefix="inbox/sales/")["KeyCount"] == 1
    drop.delete_object(Bucket=bucket, Key="inbox/sales/x.csv")
    client("s3").put_object(Bucket=bucket, Key="inbox-rejected/sales/x.csv", Body=b"x")
    assert drop.get_object(Bucket=bucket, Key="inbox-rejected/sales/x.csv")["Body"].read() == b"x"


@pytest.mark.fault(69)
def test_who_drops_files_sees_nothing_else_of_the_lake(client: Any, bucket: str) -> None:
    drop, version = (
        client("s3", "drop"),
        client("s3", "root").put_object(Bucket=bucket, Key="inbox/sales/y.csv", Body=b"x")["VersionId"],
    )
    for key in ("raw/x", "curated/x", "inbox-rejected/x", "report/x"):
        assert refused(drop.put_object, Bucket=bucket, Key=key, Body=b"x")
    assert refused(drop.list_objects_v2, Bucket=bucket, Prefix="raw/")
    assert refused(drop.get_object, Bucket=bucket, Key="inbox/sales/y.csv")
    assert refused(drop.delete_object, Bucket=bucket, Key="inbox/sales/y.csv", VersionId=version)


def test_the_task_role_takes_versions_out_of_the_inbox_and_gives_them_back(client: Any, bucket: str) -> None:
    put = client("s3", "drop").put_object(Bucket=bucket, Key="inbox/sales/z.csv", Body=b"x")
    task, key, version = client("s3"), "inbox/sales/z.csv", put["VersionId"]
    listed = task.list_object_versions(Bucket=bucket, Prefix="inbox/sales/z")["Versions"]
    assert [each["VersionId"] for each in listed] == [version]
    assert task.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read() == b"x"
    task.copy({"Bucket": bucket, "Key": key, "VersionId": version}, bucket, "inbox-rejected/sales/z.csv")
    task.delete_object(Bucket=bucket, Key=key, VersionId=version)
    assert "Versions" not in task.list_object_versions(Bucket=bucket, Prefix="inbox/sales/z")


@pytest.mark.fault(69)
def test_the_task_role_puts_nothing_into_the_inbox_and_deletes_nothing_beside_it(client: Any, bucket: str) -> None:
    task = client("s3")
    assert refused(task.put_object, Bucket=bucket, Key="inbox/sales/x.csv", Body=b"x")
    version = task.put_object(Bucket=bucket, Key="inbox-rejected/sales/w.csv", Body=b"x")["VersionId"]
    assert refused(task.delete_object, Bucket=bucket, Key="inbox-rejected/sales/w.csv", VersionId=version)
    assert refused(task.list_object_versions, Bucket=bucket, Prefix="raw/")
