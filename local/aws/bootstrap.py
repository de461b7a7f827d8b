"""What the laptop's AWS must contain before a flow can run: the stacks of `infra/`, two users, two secrets.

Owns nothing at run time. Idempotent: every start runs it, on an empty emulator and on a full one.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "us-east-1"
STAGE = "local"
ACCOUNT = "000000000000"
LAPTOP_USER = "laptop"
REDSHIFT_USER = "redshift-service"
PORTAL_SECRET = f"esteira/{STAGE}/portal/flights"
WAREHOUSE_SECRET = f"esteira/{STAGE}/warehouse"
INFRA = Path(__file__).resolve().parents[2] / "infra"
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


@dataclass(frozen=True)
class AccessKey:
    """One access key of one user (or of the emulator's root)."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Deployed:
    """What the rest of the stack needs to know after the bootstrap."""

    bucket: str
    task_role_arn: str
    upkeep_role_arn: str
    drop_role_arn: str
    copy_role_arn: str
    laptop: AccessKey
    redshift: AccessKey


class Bootstrap:
    """Deploys into one emulator with its root key."""

    def __init__(self, endpoint_url: str, root: AccessKey, keys_folder: Path) -> None:
        import boto3
        from botocore.config import Config

        self._session: Any = boto3.Session(root.access_key_id, root.secret_access_key, region_name=REGION)
        self._options: dict[str, Any] = {
            "endpoint_url": endpoint_url,
            "config": Config(retries={"total_max_attempts": 3}, connect_timeout=5, read_timeout=20),
        }
        self._keys_folder = keys_folder

    def run(self, secrets: Mapping[str, Mapping[str, object]]) -> Deployed:
        """Deploy templates, users and secrets.

        Args:
            secrets: secret name → its JSON fields.
        """
        users = {name: self._ensure_user(name) for name in (LAPTOP_USER, REDSHIFT_USER)}
        lake = self._deploy("esteira-local-lake", "lake.yaml", {"Stage": STAGE})
        roles = self._deploy(
            "esteira-local-access",
            "access.yaml",
            {
                "Stage": STAGE,
                "LakeBucket": lake["LakeBucket"],
                "LakeKeyArn": lake["LakeKeyArn"],
                "LocalPrincipalArnForTask": users[LAPTOP_USER],
                "LocalPrincipalArnForCopy": users[REDSHIFT_USER],
            },
        )
        self._allow_assume(LAPTOP_USER, roles["TaskRoleArn"], roles["UpkeepRoleArn"], roles["DropRoleArn"])
        self._allow_assume(REDSHIFT_USER, roles["CopyRoleArn"])
        for name, fields in secrets.items():
            self._ensure_secret(name, json.dumps(fields))
        keys = {name: self._ensure_key(name) for name in users}
        return Deployed(
            lake["LakeBucket"], roles["TaskRoleArn"], roles["UpkeepRoleArn"], roles["DropRoleArn"], roles["CopyRoleArn"],
            keys[LAPTOP_USER], keys[REDSHIFT_USER],
        )  # fmt: skip

    def _client(self, service: str) -> Any:
        return self._session.client(service, **self._options)

    def _deploy(self, stack: str, template: str, parameters: dict[str, str]) -> dict[str, str]:
        client = self._client("cloudformation")
        body = (INFRA / template).read_text()
        deployment = {
            "StackName": stack,
            "TemplateBody": body,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
        }
        current = _find_stack(client, stack)
        if current is None:
            client.create_stack(**deployment)
        elif not self._is_same(client, current, body, parameters):
            client.update_stack(**deployment)
        return _wait_for_stack(client, stack)

    @staticmethod
    def _is_same(client: Any, current: dict[str, Any], body: str, parameters: dict[str, str]) -> bool:
        # Real CloudFormation answers "No updates are to be performed"; comparing here is quicker and needs no parsing.
        # A parameter that nobody gave has its default, which the template says too.
        deployed = {each["ParameterKey"]: each["ParameterValue"] for each in current.get("Parameters", [])}
        template = client.get_template(StackName=current["StackName"])["TemplateBody"]
        return current["StackStatus"] in _DONE and parameters.items() <= deployed.items() and template == body

    def _ensure_user(self, name: str) -> str:
        iam = self._client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=name)
        return str(iam.get_user(UserName=name)["User"]["Arn"])

    def _allow_assume(self, user: str, *role_arns: str) -> None:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": list(role_arns)}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._client("iam").put_user_policy(UserName=user, PolicyName="assume-own-roles", PolicyDocument=document)

    def _ensure_key(self, user: str) -> AccessKey:
        # AWS shows a secret key once, so it is kept; when the emulator no longer knows it, a new one replaces it.
        iam, file = self._client("iam"), self._keys_folder / f"aws-{user}.json"
        known = {each["AccessKeyId"] for each in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}
        if file.exists():
            kept = AccessKey(**json.loads(file.read_text()))
            if kept.access_key_id in known:
                return kept
        for key_id in known:
            iam.delete_access_key(UserName=user, AccessKeyId=key_id)
        made = iam.create_access_key(UserName=user)["AccessKey"]
        key = AccessKey(made["AccessKeyId"], made["SecretAccessKey"])
        write_private(file, json.dumps(key.__dict__))
        return key

    def _ensure_secret(self, name: str, value: str) -> None:
        client = self._client("secretsmanager")
        try:
            if client.get_secret_value(SecretId=name)["SecretString"] != value:
                client.put_secret_value(SecretId=name, SecretString=value)
        except client.exceptions.ResourceNotFoundException:
            client.create_secret(Name=name, SecretString=value)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def _find_stack(client: Any, stack: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = client.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as exc:
        if "does not exist" in str(exc):
            return None
        raise
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _wait_for_stack(client: Any, stack: str) -> dict[str, str]:
    import time

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = client.describe_stacks(StackName=stack)["Stacks"][0]
        if found["StackStatus"] in _DONE:
            return {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
        if not found["StackStatus"].endswith("_IN_PROGRESS") or "ROLLBACK" in found["StackStatus"]:
            reason = found.get("StackStatusReason", "no reason given")
            raise RuntimeError(f"CloudFormation stack {stack} is {found['StackStatus']}: {reason}")
        time.sleep(0.05)
    raise RuntimeError(f"CloudFormation stack {stack} did not finish in 30 s")
