"""What each role of a stage may not do, tried with its own temporary keys in an account that checks every request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.infra.conftest import REGION, Aws

STAGE, OTHER = "guarded", "neighbour"
ACCOUNT = "000000000000"
BUCKET, OTHER_BUCKET = (f"esteira-{stage}-lake-{ACCOUNT}" for stage in (STAGE, OTHER))
ROLES = ("task", "upkeep", "drop", "copy")
DENIED = {"AccessDenied", "AccessDeniedException", "403"}
Client = Callable[[str], Any]


def role_arn(name: str, stage: str = STAGE) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/esteira-{stage}-{name}"


@dataclass
class Guarded:
    """Two stages in one account, and the person who may assume the first one's roles."""

    aws: Aws
    user: dict[str, str]

    @cached_property
    def sessions(self) -> dict[str, boto3.Session]:
        """Each role's temporary keys; making a client is what takes long here, so each role's are made from one session."""
        sts = self.aws.client("sts", **self.user)
        return {
            role: _session(sts.assume_role(RoleArn=role_arn(role), RoleSessionName="tried")["Credentials"])
            for role in ROLES
        }

    def client(self, role: str, service: str) -> Any:
        """A client with a role's temporary keys."""
        return self.sessions[role].client(service, endpoint_url=self.aws.url)


def _session(got: dict[str, Any]) -> boto3.Session:
    return boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region_name=REGION)


@pytest.fixture(scope="module")
def guarded(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    from tests.infra.test_deploying import ROOT, stage

    iam, folder = aws.client("iam"), tmp_path_factory.mktemp("guarded")
    arn = iam.create_user(UserName="stand-in")["User"]["Arn"]
    allow = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [role_arn(each) for each in ROLES]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName="stand-in", PolicyName="roles", PolicyDocument=document)
    key = iam.create_access_key(UserName="stand-in")["AccessKey"]
    (folder / "stages").mkdir()
    for file in (ROOT / "infra").glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    for name in (STAGE, OTHER):
        named = stage(folder, name, "lake", "access", LocalPrincipalArnForTask=arn, LocalPrincipalArnForCopy=arn)
        done = aws.deploy("apply", *named, "--yes")
        assert done.returncode == 0, done.stderr
    _fill(aws)
    return Guarded(aws, {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]})


def _fill(aws: Aws) -> None:
    """Put something there that each request would find, so that a denial is no absence."""
    s3, secrets, ssm = aws.client("s3"), aws.client("secretsmanager"), aws.client("ssm")
    for bucket in (BUCKET, OTHER_BUCKET):
        for zone in ("raw", "curated", "quarantine", "export", "inbox", "inbox-rejected", "report/html", "elsewhere"):
            s3.put_object(Bucket=bucket, Key=f"{zone}/d/x", Body=b"x")
    for stage in (STAGE, OTHER):
        for name in ("warehouse", "portal/p", "prefect", "slack"):
            secrets.create_secret(Name=f"esteira/{stage}/{name}", SecretString="{}")
        ssm.put_parameter(Name=f"/esteira/{stage}/settings/X", Value="x", Type="String")


def error(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as exc:
        return exc.response["Error"]["Code"]
    return "allowed"


OBJECTS: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda s3, key: s3.get_object(Bucket=BUCKET, Key=key),
    "put": lambda s3, key: s3.put_object(Bucket=BUCKET, Key=key, Body=b"y"),
    "delete": lambda s3, key: s3.delete_object(Bucket=BUCKET, Key=key),
    "list": lambda s3, key: s3.list_objects_v2(Bucket=BUCKET, Prefix=key.rpartition("/")[0] + "/"),
}
MAY: dict[str, set[tuple[str, str]]] = {
    "task": {
        *((verb, zone) for verb in ("get", "put", "list") for zone in ("raw", "curated", "quarantine", "export", "report/html")),
        ("get", "inbox"), ("list", "inbox"), ("put", "inbox-rejected"),
    },
    "upkeep": {
        *((verb, zone) for verb in ("get", "delete", "list") for zone in ("raw", "curated", "quarantine", "export", "report/html")),
        *(("put", zone) for zone in ("raw", "curated", "quarantine")),
    },
    "drop": {("put", "inbox"), ("delete", "inbox"), ("list", "inbox"), ("get", "inbox-rejected"), ("list", "inbox-rejected")},
    "copy": {("get", "curated"), ("list", "curated"), ("put", "export"), ("list", "export")},
}  # fmt: skip
"""All that a role may do with objects; whatever is not here is denied."""
ZONES = ("raw", "curated", "quarantine", "export", "report/html", "inbox", "inbox-rejected", "elsewhere")


@pytest.mark.fault(69)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_with_objects_what_the_table_says_and_nothing_else(guarded: Guarded, role: str) -> None:
    s3 = guarded.client(role, "s3")
    for verb, call in OBJECTS.items():
        for zone in ZONES:
            told = error(lambda call=call, zone=zone: call(s3, f"{zone}/d/x"))
            wanted = (verb, zone) in MAY[role]
            assert (told in DENIED) is not wanted, f"{role}: {verb} below {zone}/ is {told}"
            if verb == "delete":
                guarded.aws.client("s3").put_object(Bucket=BUCKET, Key=f"{zone}/d/x", Body=b"x")


ELSEWHERE: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "another stage's lake": ("s3", lambda c: c.get_object(Bucket=OTHER_BUCKET, Key="curated/d/x")),
    "writing into another stage's lake": ("s3", lambda c: c.put_object(Bucket=OTHER_BUCKET, Key="raw/d/x", Body=b"y")),
    "every bucket": ("s3", lambda c: c.list_buckets()),
    "the bucket's policy": ("s3", lambda c: c.delete_bucket_policy(Bucket=BUCKET)),
    "the bucket's versioning": ("s3", lambda c: c.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})),
    "the bucket's lifecycle": ("s3", lambda c: c.delete_bucket_lifecycle(Bucket=BUCKET)),
    "another stage's secret": ("secretsmanager", lambda c: c.get_secret_value(SecretId=f"esteira/{OTHER}/warehouse")),
    "writing a secret": ("secretsmanager", lambda c: c.put_secret_value(SecretId=f"esteira/{STAGE}/warehouse", SecretString="x")),
    "the list of secrets": ("secretsmanager", lambda c: c.list_secrets()),
    "another stage's parameters": ("ssm", lambda c: c.get_parameter(Name=f"/esteira/{OTHER}/settings/X")),
    "writing a parameter": ("ssm", lambda c: c.put_parameter(Name=f"/esteira/{STAGE}/settings/X", Value="y", Type="String", Overwrite=True)),
    "another role": ("sts", lambda c: c.assume_role(RoleArn=role_arn("upkeep"), RoleSessionName="tried")),
    "another stage's role": ("sts", lambda c: c.assume_role(RoleArn=role_arn("task", OTHER), RoleSessionName="tried")),
    "a wider policy for itself": ("iam", lambda c: c.attach_role_policy(RoleName=f"esteira-{STAGE}-task", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")),
    "a new role": ("iam", lambda c: c.create_role(RoleName="x", AssumeRolePolicyDocument="{}")),
    "a key for a user": ("iam", lambda c: c.create_access_key(UserName="stand-in")),
    "the lake's key": ("kms", lambda c: c.schedule_key_deletion(KeyId=f"alias/esteira-{STAGE}-lake")),
    "a task of its own": ("ecs", lambda c: c.run_task(taskDefinition="x")),
    "changing a stack": ("cloudformation", lambda c: c.delete_stack(StackName=f"esteira-{STAGE}-access")),
}  # fmt: skip


@pytest.mark.fault(69)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_nothing_beside_its_stages_lake(guarded: Guarded, role: str) -> None:
    clients: dict[str, Any] = {}
    for what, (service, call) in ELSEWHERE.items():
        client = clients.setdefault(service, guarded.client(role, service))
        told = error(lambda call=call, client=client: call(client))
        assert told in DENIED, f"{role}: {what} is {told}"


SECRETS = {"task": {"warehouse", "portal/p", "prefect", "slack"}, "upkeep": {"warehouse"}, "drop": set(), "copy": set()}


@pytest.mark.fault(69)
@pytest.mark.parametrize("role", ROLES)
def test_a_role_reads_its_own_secrets_alone(guarded: Guarded, role: str) -> None:
    client = guarded.client(role, "secretsmanager")
    read = {name for name in ("warehouse", "portal/p", "prefect", "slack")
            if error(lambda name=name: client.get_secret_value(SecretId=f"esteira/{STAGE}/{name}")) == "allowed"}  # fmt: skip
    assert read == SECRETS[role]


@pytest.mark.parametrize("role", ["upkeep", "drop", "copy"])
def test_no_role_but_the_tasks_reads_the_stages_parameters(guarded: Guarded, role: str) -> None:
    client = guarded.client(role, "ssm")
    assert error(lambda: client.get_parameters_by_path(Path=f"/esteira/{STAGE}/settings")) in DENIED


@pytest.mark.fault(69)
@pytest.mark.parametrize("who", [*ROLES, "administrator"])
def test_nobody_talks_to_the_lake_in_clear_text(guarded: Guarded, who: str) -> None:
    client = _administrator(guarded.aws) if who == "administrator" else guarded.client(who, "s3")
    key = "inbox-rejected/d/x" if who == "drop" else "curated/d/x"
    assert error(lambda: client.get_object(Bucket=BUCKET, Key=key)) == "allowed"
    client.meta.events.register("before-send.s3", _in_clear_text)
    assert error(lambda: client.get_object(Bucket=BUCKET, Key=key)) in DENIED


@pytest.mark.fault(69)
def test_an_administrator_deletes_no_seal_overwrites_none_and_stores_nothing_under_another_key(
    guarded: Guarded,
) -> None:
    s3 = _administrator(guarded.aws)
    seal = "curated/d/b1/SEAL.json"
    s3.put_object(Bucket=BUCKET, Key=seal, Body=b"{}", IfNoneMatch="*")
    assert error(lambda: s3.delete_object(Bucket=BUCKET, Key=seal)) in DENIED
    assert error(lambda: s3.put_object(Bucket=BUCKET, Key=seal, Body=b"{}")) in DENIED
    assert (
        error(lambda: s3.put_object(Bucket=BUCKET, Key="raw/d/y", Body=b"y", ServerSideEncryption="AES256")) in DENIED
    )
    assert error(lambda: s3.put_object(Bucket=BUCKET, Key="raw/d/y", Body=b"y")) == "allowed"


@pytest.mark.parametrize("role", ROLES)
def test_a_stranger_assumes_no_role(guarded: Guarded, role: str) -> None:
    iam = guarded.aws.client("iam")
    name = f"stranger-of-{role}"
    iam.create_user(UserName=name)
    # All but the drop role trust one principal; people of the account come to that one by a policy of their own, which a stranger lacks.
    key = iam.create_access_key(UserName=name)["AccessKey"]
    sts = guarded.aws.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    assert error(lambda: sts.assume_role(RoleArn=role_arn(role), RoleSessionName="tried")) in DENIED


def _administrator(aws: Aws) -> Any:
    """A user who may do everything; the emulator's root passes by every policy, which nobody on AWS does."""
    iam = aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    name = "administrator"
    if name not in {each["UserName"] for each in iam.list_users()["Users"]}:
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return aws.client("s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def _in_clear_text(request: Any, **_: Any) -> None:
    request.headers["x-test-in-clear-text"] = "yes"
