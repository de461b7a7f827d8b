"""`python -m infra.deploy` against an emulated account: from empty, again, what differs, what goes wrong, out and in again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.deploy.stage import read_stage
from tests.infra.conftest import REGION, ROOT, Aws

Deploy = Callable[..., subprocess.CompletedProcess[str]]
DIGEST = f"sha256:{'ab' * 32}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of `infra/` whose stages and templates a test may change."""
    for file in (ROOT / "infra").glob("*.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "stages").mkdir()
    return tmp_path


def stage(folder: Path, name: str, *templates: str, is_protected: bool = False, **parameters: Any) -> tuple[str, ...]:
    """Write a stage's file; returns the arguments that name it."""
    said = {"region": REGION, "templates": list(templates), "parameters": parameters, "is_protected": is_protected}
    (folder / "stages" / f"{name}.yaml").write_text(yaml.safe_dump(said))
    return ("--stage", name, "--folder", str(folder))


def test_from_empty_to_all_stacks_again_nothing_out_and_in_again(aws: Aws, deploy: Deploy) -> None:
    first = aws.run("infra.deploy", "apply", "--stage", "dev", "--yes")
    assert first.returncode == 0, first.stderr
    assert "+ Bucket  AWS::S3::Bucket" in first.stdout
    assert "LakeBucket = esteira-dev-lake-000000000000" in first.stdout
    again = deploy("apply", "--stage", "dev", "--yes")
    assert again.stdout.endswith("Nothing changed.\n")
    assert deploy("diff", "--stage", "dev").stdout.endswith("Nothing would change.\n")
    gone = deploy("destroy", "--stage", "dev", "--yes")
    assert gone.returncode == 0, gone.stderr
    assert "Kept: esteira-dev-lake with the bucket esteira-dev-lake-000000000000" in gone.stdout
    assert (aws.status("esteira-dev-access"), aws.status("esteira-dev-lake")) == (None, "CREATE_COMPLETE")
    assert deploy("destroy", "--stage", "dev", "--yes").stdout.startswith("Nothing to delete.\n")
    back = deploy("apply", "--stage", "dev", "--yes")
    assert "esteira-dev-lake: unchanged" in back.stdout
    every = len(read_stage("dev", {}).templates)
    assert back.stdout.endswith(f"{every - 1} of {every} stacks changed.\n"), back.stderr


def test_a_diff_tells_what_a_parameter_changes_and_changes_nothing(aws: Aws, deploy: Deploy, folder: Path) -> None:
    named = stage(folder, "differs", "lake")
    planned = deploy("diff", *named)
    assert "esteira-differs-lake: would be created\n" in planned.stdout
    assert aws.status("esteira-differs-lake") is None
    deploy("apply", *named, "--yes")
    stage(folder, "differs", "lake", OldVersionDays=60)
    changed = deploy("diff", *named)
    assert "  ~ Bucket  AWS::S3::Bucket" in changed.stdout
    assert changed.stdout.endswith("1 of 1 stacks would change.\n")
    assert aws.status("esteira-differs-lake") == "CREATE_COMPLETE"
    left = aws.client("cloudformation").list_change_sets(StackName="esteira-differs-lake")["Summaries"]
    assert not [each for each in left if each["ExecutionStatus"] == "AVAILABLE"]


def test_nothing_runs_that_nobody_confirmed(aws: Aws, deploy: Deploy, folder: Path) -> None:
    done = deploy("apply", *stage(folder, "asked", "lake"))
    assert done.returncode == 78
    assert "+ Bucket" in done.stdout
    assert "--yes" in done.stderr
    assert aws.status("esteira-asked-lake") is None


def test_every_resource_is_tagged_with_project_and_stage(aws: Aws, deploy: Deploy, folder: Path) -> None:
    named = stage(folder, "tagged", "lake")
    deploy("apply", *named, "--yes")
    (found,) = aws.client("cloudformation").describe_stacks(StackName="esteira-tagged-lake")["Stacks"]
    assert {each["Key"]: each["Value"] for each in found["Tags"]} == {"project": "esteira", "stage": "tagged"}


def test_a_name_that_is_taken_is_said_and_the_half_created_stack_is_made_again(
    aws: Aws, deploy: Deploy, folder: Path
) -> None:
    bucket = "esteira-clash-code-000000000000"
    aws.client("s3").create_bucket(Bucket=bucket)
    named = stage(folder, "clash", "code")
    stopped = deploy("apply", *named, "--yes")
    assert stopped.returncode == 75
    assert f"identifier '{bucket}' already exists" in stopped.stderr
    assert "belongs to no stack of this stage" in stopped.stderr
    assert aws.status("esteira-clash-code") == "ROLLBACK_COMPLETE"
    assert "(half created now: ROLLBACK_COMPLETE)" in deploy("diff", *named).stdout
    aws.client("s3").delete_bucket(Bucket=bucket)
    mended = deploy("apply", *named, "--yes")
    assert mended.returncode == 0, mended.stderr
    assert "esteira-clash-code: was half created (ROLLBACK_COMPLETE)" in mended.stdout
    assert aws.status("esteira-clash-code") == "CREATE_COMPLETE"


def test_a_change_set_that_somebody_left_behind_is_no_hindrance(aws: Aws, deploy: Deploy, folder: Path) -> None:
    body = (folder / "lake.yaml").read_text()
    given = [{"ParameterKey": "Stage", "ParameterValue": "left"}]
    aws.client("cloudformation").create_change_set(
        StackName="esteira-left-lake", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=body, Parameters=given
    )
    assert aws.status("esteira-left-lake") == "REVIEW_IN_PROGRESS"
    done = deploy("apply", *stage(folder, "left", "lake"), "--yes")
    assert "was half created (REVIEW_IN_PROGRESS)" in done.stdout
    assert done.returncode == 0, done.stderr


def test_a_change_that_fails_leaves_the_stack_as_it_was_and_goes_on_when_mended(
    aws: Aws, deploy: Deploy, folder: Path
) -> None:
    named = stage(folder, "mends", "code")
    deploy("apply", *named, "--yes")
    good = (folder / "code.yaml").read_text()
    another = "  Another:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: esteira-mends-taken}\n"
    (folder / "code.yaml").write_text(good.replace("\nOutputs:", f"\n{another}\nOutputs:"))
    aws.client("s3").create_bucket(Bucket="esteira-mends-taken")
    stopped = deploy("apply", *named, "--yes")
    assert "Stack esteira-mends-code is UPDATE_ROLLBACK_COMPLETE: Another:" in stopped.stderr
    (folder / "code.yaml").write_text(good)
    assert deploy("apply", *named, "--yes").returncode == 0


def test_a_quota_that_is_used_up_is_named(deploy: Deploy, folder: Path) -> None:
    done = deploy("apply", *stage(folder, "full", "network"), "--yes")
    assert done.returncode == 75
    assert "AddressA: The maximum number of addresses has been reached" in done.stderr
    assert "Service Quotas" in done.stderr


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"OldVersionDays": 3}, r"OldVersionDays: '3' must lie between 7 and 3650 (infra/lake.yaml)"),
        ({"OldVersionDays": "soon"}, "OldVersionDays: 'soon' must be a number"),
        ({"OldVersonDays": 30}, "there is no parameter OldVersonDays.\n  Did you mean OldVersionDays?"),
        ({"ImageDigest": "latest"}, "ImageDigest: 'latest' must match"),
        ({"Egress": "none"}, "Egress: 'none' must be one of nat, nat-per-zone, public-ip"),
    ],
)  # fmt: skip
def test_a_parameter_out_of_range_is_named_before_anything_is_made(
    aws: Aws, deploy: Deploy, folder: Path, parameters: dict[str, Any], said: str
) -> None:
    done = deploy("apply", *stage(folder, "wrong", "network", "lake", "runtime", **parameters), "--yes")
    assert (done.returncode, done.stdout) == (78, "")
    assert said in done.stderr
    assert aws.status("esteira-wrong-network") is None


def test_a_missing_parameter_and_a_missing_stage_are_named(deploy: Deploy, folder: Path) -> None:
    done = deploy("apply", *stage(folder, "lacks", "access"), "--yes")
    assert done.returncode == 78
    assert (
        "infra/access.yaml needs LakeBucket, LakeKeyArn, and no template before it has an output of that name"
        in done.stderr
    )
    assert (
        "Stages are the files of infra/stages/: lacks."
        in deploy("diff", "--stage", "x", "--folder", str(folder)).stderr
    )


def test_without_a_login_the_command_says_so(deploy: Deploy, tmp_path: Path) -> None:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}
    done = deploy("diff", "--stage", "dev", **nobody)
    assert (done.returncode, "There is no login for AWS" in done.stderr) == (77, True), done.stderr
    stale = deploy("diff", "--stage", "dev", AWS_ACCESS_KEY_ID="AKIAUNKNOWNUNKNOWN00")
    assert (stale.returncode, "AWS does not take this login" in stale.stderr) == (77, True), stale.stderr


def test_who_lacks_a_right_is_told_which(aws: Aws, deploy: Deploy, folder: Path) -> None:
    aws.client("iam").create_user(UserName="reader")
    key = aws.client("iam").create_access_key(UserName="reader")["AccessKey"]
    login = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    done = deploy("apply", *stage(folder, "lent", "lake"), "--yes", **login)
    assert done.returncode == 77, done.stderr
    assert "cloudformation:DescribeStacks" in done.stderr
    assert "Who deploys lacks this right" in done.stderr


def test_a_protected_stage_is_not_destroyed(aws: Aws, deploy: Deploy, folder: Path) -> None:
    named = stage(folder, "held", "code", is_protected=True)
    deploy("apply", *named, "--yes")
    done = deploy("destroy", *named, "--yes")
    assert (done.returncode, aws.status("esteira-held-code")) == (78, "CREATE_COMPLETE")
    assert "take is_protected out of infra/stages/held.yaml" in done.stderr
    assert yaml.safe_load((ROOT / "infra/stages/prod.yaml").read_text())["is_protected"] is True


def test_the_functions_are_stored_under_their_hash_before_the_template_that_names_them(
    aws: Aws, deploy: Deploy, folder: Path
) -> None:
    stored = "Resources:\n  Told:\n    Type: AWS::SSM::Parameter\n    Properties: {Name: /told, Type: String, Value: !Sub '${CodeBucket}/${CodeKey}'}\n"
    (folder / "events.yaml").write_text(
        "Parameters:\n  CodeBucket: {Type: String}\n  CodeKey: {Type: String}\n" + stored
    )
    named = stage(folder, "packs", "code", "events")
    assert deploy("apply", *named, "--yes").returncode == 0
    bucket, _, key = aws.client("ssm").get_parameter(Name="/told")["Parameter"]["Value"].partition("/")
    assert aws.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"]
    assert deploy("apply", *named, "--yes").stdout.endswith("Nothing changed.\n")
    assert deploy("destroy", *named, "--yes").returncode == 0
    assert aws.status("esteira-packs-code") is None


def test_the_image_that_delivery_set_stays_until_it_sets_another(aws: Aws, deploy: Deploy, folder: Path) -> None:
    own = {"TaskRoleArn": f"arn:aws:iam::{'1' * 12}:role/t", "CopyRoleArn": f"arn:aws:iam::{'1' * 12}:role/c", "LakeBucket": "b",
           "WarehouseHost": "h", "WarehouseDatabase": "dev", "WarehouseWorkgroup": "w"}  # fmt: skip
    named = stage(folder, "image", "runtime", **own)
    assert "TaskDefinitionArn" not in deploy("apply", *named, "--yes").stdout
    set_once = deploy("apply", *named, "--yes", "--set", f"ImageDigest={DIGEST}")
    assert "TaskDefinitionArn = arn:aws:ecs" in set_once.stdout, set_once.stderr
    assert deploy("apply", *named, "--yes").stdout.endswith("Nothing changed.\n")
    (container,) = aws.client("ecs").describe_task_definition(taskDefinition="esteira-image")["taskDefinition"][
        "containerDefinitions"
    ]
    assert container["image"].endswith(f"/esteira-image@{DIGEST}")
    assert (container["readonlyRootFilesystem"], int(container["memory"])) == (True, 2048)


def test_what_only_a_person_can_do_is_told_until_it_is_done(aws: Aws, folder: Path) -> None:
    own = {"TaskRoleArn": f"arn:aws:iam::{'1' * 12}:role/t", "CopyRoleArn": f"arn:aws:iam::{'1' * 12}:role/c", "LakeBucket": "b",
           "WarehouseHost": "h", "WarehouseDatabase": "dev", "WarehouseWorkgroup": "w", "PushLogin": "user",
           "UpkeepRoleArn": f"arn:aws:iam::{'1' * 12}:role/u"}  # fmt: skip
    named = stage(folder, "person", "runtime", "push", "delivery", **own)
    early = aws.deploy("check", *named)
    assert (early.returncode, "stacks: runtime, push, delivery: make aws-deploy STAGE=person" in early.stdout) == (
        3,
        True,
    ), early.stderr
    assert aws.deploy("apply", *named, "--yes").returncode == 0
    topic = aws.client("sns").create_topic(Name="esteira-person-alarms")["TopicArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    left = aws.deploy("check", *named)
    assert left.returncode == 3, left.stderr
    said = dict(line.split(": ", 1) for line in left.stdout.splitlines())
    assert said["stacks"] == "done"
    assert said["image"].startswith("none is deployed: make image image-push IMAGE=000000000000.dkr.ecr")
    assert said["secret esteira/person/portal/"].startswith("aws secretsmanager create-secret")
    assert said["code connection"].startswith("PENDING: complete the handshake")
    assert "e-mail to ops@example.com" in said, "The emulator confirms it by itself."
    assert said["key of esteira-person-push"].startswith("make one")
    aws.deploy("apply", *named, "--yes", "--set", f"ImageDigest={DIGEST}")
    aws.client("secretsmanager").create_secret(Name="esteira/person/portal/p", SecretString="{}")
    aws.client("iam").create_access_key(UserName="esteira-person-push")
    done = {
        line.partition(": ")[0] for line in aws.deploy("check", *named).stdout.splitlines() if line.endswith(": done")
    }
    assert {"stacks", "image", "secret esteira/person/portal/", "key of esteira-person-push"} <= done


@pytest.mark.parametrize(("says", "asks"), [("true", True), ("false", False)])
def test_slacks_secret_is_asked_for_where_alarms_are_to_reach_it(
    aws: Aws, folder: Path, says: str, *, asks: bool
) -> None:
    told = aws.deploy("check", *stage(folder, "slacks", "monitoring", HasSlackSecret=says)).stdout
    assert "stacks: monitoring" in told
    assert ("secret esteira/slacks/slack: " in told) == asks


def test_the_doctor_asks_the_account_of_a_stage(aws: Aws) -> None:
    code = "from cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--account", "prod", "--json"],
        cwd=ROOT, env=aws.environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    (stacks, *_) = json.loads(done.stdout)
    assert (stacks["check"], stacks["state"]) == ("stacks", "failed")
    assert stacks["next_step"].endswith("make aws-deploy STAGE=prod")


@pytest.mark.parametrize(
    ("templates", "parameters", "said"),
    [
        (("network",), {"Zones": 2, "Egress": "public-ip"}, "TaskPublicIp = true"),
        (("network",), {"Zones": 3, "Egress": "nat-per-zone", "WithEndpoints": "true"}, "TaskPublicIp = false"),
        (
            ("lake", "access", "warehouse"),
            {"WarehouseKind": "cluster", "ExistingWarehouseHost": "c.example", "ExistingWarehouseName": "c"},
            "WarehouseCluster = c\n",
        ),
        (
            ("lake", "access", "warehouse"),
            {"WarehouseKind": "workgroup", "ExistingWarehouseHost": "w.example", "ExistingWarehouseName": "w",
             "ExistingWorkgroupArn": "arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/1"},
            "WarehouseWorkgroup = w\n",
        ),
    ],
    ids=["two-zones", "three-zones", "a-cluster", "a-workgroup"],
)  # fmt: skip
def test_a_stage_can_be_placed_otherwise(
    deploy: Deploy,
    folder: Path,
    templates: tuple[str, ...],
    parameters: dict[str, Any],
    said: str,
    request: pytest.FixtureRequest,
) -> None:
    named = stage(folder, request.node.callspec.id.replace("-", ""), *templates, **parameters)
    done = deploy("apply", *named, "--yes")
    assert done.returncode == 0, done.stderr
    assert said in done.stdout


def test_a_warehouse_that_exists_must_be_named(deploy: Deploy, folder: Path) -> None:
    done = deploy("apply", *stage(folder, "nameless", "lake", "access", "warehouse", WarehouseKind="cluster"), "--yes")
    assert done.returncode != 0
    assert "An existing warehouse needs ExistingWarehouseHost and ExistingWarehouseName" in done.stderr
