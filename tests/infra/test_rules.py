"""What the templates say: cfn-lint's rules, and ours where it has none. What an emulator cannot enforce is asserted here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.deploy.stage import read_stage
from infra.deploy.statements import TEMPLATES, Statement, comment_above, parsed, resources, statements
from infra.deploy.template import INFRA, ORDER, read_template

EVERY = [each for path in TEMPLATES for each in statements(path)]
LIMIT_BYTES = 51_200
"""Of a template that is sent with the request: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
CLASSES_THAT_ANSWER_AT_ONCE = {"STANDARD_IA", "GLACIER_IR"}


def named(statement: Statement) -> str:
    return f"{statement.template}:{statement.sid}"


def one(template: str, sid: str) -> Statement:
    (found,) = [each for each in EVERY if (each.template, each.sid) == (template, sid)]
    return found


def everywhere(kind: str) -> dict[str, dict[str, Any]]:
    return {f"{path.name}:{name}": each for path in TEMPLATES for name, each in resources(path, kind).items()}


def test_cfn_lint_finds_nothing() -> None:
    command = [Path(sys.executable).with_name("cfn-lint"), "--", *TEMPLATES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_each_rule_that_is_switched_off_has_its_reason_above(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        for rule in re.findall(r"\b[EWI]\d{4}\b", line) if "ignore_checks" in line else ():
            assert f"{rule}: " in comment_above(lines, number), (
                f"{path.name}:{number + 1}: say above why {rule} is off."
            )


@pytest.mark.parametrize("statement", EVERY, ids=named)
def test_every_statement_has_a_name_and_a_reason(statement: Statement) -> None:
    assert re.fullmatch("[A-Z][A-Za-z0-9]+", statement.sid), statement.said
    assert len(statement.comment) > 8, f"{named(statement)}: a comment above it says why it is there."


@pytest.mark.parametrize("statement", EVERY, ids=named)
def test_no_statement_allows_every_action_or_everybody(statement: Statement) -> None:
    assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.said.keys()
    assert "*" not in statement.all("Action")
    if statement.said["Effect"] == "Allow":
        assert not [each for each in statement.all("Action") if each.endswith(":*")]
        assert "*" not in str(statement.said.get("Principal", ""))


@pytest.mark.parametrize("statement", EVERY, ids=named)
def test_a_statement_for_every_resource_says_why_there_is_no_narrower_one(statement: Statement) -> None:
    if "*" in statement.all("Resource"):
        assert 'resource "*"' in statement.comment.lower(), (
            f'{named(statement)}: write `Resource "*", since ... has no resource level` above it.'
        )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_small_described_and_in_the_order(path: Path) -> None:
    template = read_template(path.stem)
    assert path.stem in ORDER
    assert len(template.body.encode()) < LIMIT_BYTES
    assert parsed(path)["Description"]
    lacking = [name for name, said in template.parameters.items() if "Description" not in said]
    assert not lacking, f"{path.name}: {lacking} need a Description."


def test_a_name_of_an_output_means_one_thing() -> None:
    outputs = [name for path in TEMPLATES for name in read_template(path.stem).outputs]
    assert len(outputs) == len(set(outputs)), sorted(name for name in outputs if outputs.count(name) > 1)


def test_a_parameter_without_a_default_is_an_output_of_a_template_before() -> None:
    known = {"Stage", "CodeKey"}
    for name in (each for each in ORDER if (INFRA / f"{each}.yaml").exists()):
        template = read_template(name)
        needed = {key for key, said in template.parameters.items() if "Default" not in said}
        assert needed <= known, f"{name}.yaml: nothing before it has the outputs {needed - known}."
        known |= template.outputs


@pytest.mark.parametrize("name", sorted(path.stem for path in (INFRA / "stages").glob("*.yaml")))
def test_each_stage_can_be_read(name: str) -> None:
    assert read_stage(name, {}).templates


def test_no_template_holds_or_makes_a_long_lived_key() -> None:
    kinds = {each["Type"] for path in TEMPLATES for each in parsed(path)["Resources"].values()}
    assert "AWS::IAM::AccessKey" not in kinds
    users = everywhere("AWS::IAM::User")
    assert set(users) == {"push.yaml:PushUser"}, "The push pool's user is the one written exception."
    assert users["push.yaml:PushUser"]["Condition"] == "HasUser"
    assert parsed(INFRA / "push.yaml")["Parameters"]["PushLogin"]["Default"] == "none"


def test_every_role_and_policy_carries_the_stage_in_its_name() -> None:
    keys = {"AWS::IAM::Role": "RoleName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::User": "UserName"}
    for kind, key in keys.items():
        for where, each in everywhere(kind).items():
            assert each["Properties"][key].startswith("esteira-${Stage}-"), where


def test_every_log_group_forgets() -> None:
    for where, each in everywhere("AWS::Logs::LogGroup").items():
        assert "RetentionInDays" in each["Properties"], where


def test_every_bucket_is_private_versioned_encrypted_and_only_reached_by_tls() -> None:
    found = everywhere("AWS::S3::Bucket")
    assert found
    for where, each in found.items():
        said = each["Properties"]
        assert set(said["PublicAccessBlockConfiguration"].values()) == {True}, where
        assert said["VersioningConfiguration"] == {"Status": "Enabled"}, where
        assert said["BucketEncryption"], where
        assert any("AbortIncompleteMultipartUpload" in rule for rule in said["LifecycleConfiguration"]["Rules"]), where
        tls = one(where.partition(":")[0], "TlsOnly").said
        assert (tls["Effect"], tls["Action"], tls["Principal"]) == ("Deny", "s3:*", {"AWS": "*"})
        assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(tls["Resource"]) == 2, f"{where}: the bucket and what is in it."


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_statement_reaches_the_stages_own_things_alone(path: Path) -> None:
    """Names of the stage, what is referred to, or, with the reason above, everything."""
    for each in statements(path):
        for resource in each.all("Resource"):
            if each.said["Effect"] == "Allow" and "*" in resource and resource != "*":
                own = (
                    "${Stage}",
                    "${LakeBucket}",
                    ".Arn}",
                    "${Name}",
                    "${CodeBucket}",
                    "${DocsBucket}",
                    "${LakeKeyArn}",
                    "QuickSightDatasetArns",
                )
                assert any(name in resource for name in own), f"{named(each)}: {resource}"


def test_the_pipeline_refreshes_the_spice_datasets_that_are_named_and_none_by_default() -> None:
    """The emulator has no QuickSight."""
    said = one("access.yaml", "RefreshSpice")
    assert said.all("Action") == [f"quicksight:{verb}Ingestion" for verb in ("Create", "Describe", "Cancel")]
    _, (text, parts) = said.said["Resource"]
    arns = [
        "arn:aws:quicksight:us-east-1:111122223333:dataset/a",
        "arn:aws:quicksight:us-east-1:111122223333:dataset/b",
    ]
    joined = {name: str(given[0]).join(arns) for name, given in parts.items()}
    assert {given for _, given in parts.values()} == {"QuickSightDatasetArns"}
    resolved = text.replace("${Datasets}", joined["Datasets"]).replace("${Ingestions}", joined["Ingestions"]).split(",")
    assert resolved == [*arns, *(f"{arn}/ingestion/*" for arn in arns)]
    parameter = parsed(INFRA / "access.yaml")["Parameters"]["QuickSightDatasetArns"]
    assert (parameter["Type"], parameter["Default"]) == ("CommaDelimitedList", "")


def lake() -> dict[str, Any]:
    return dict(resources(INFRA / "lake.yaml", "AWS::S3::Bucket")["Bucket"])


def test_the_lake_outlives_its_stack_and_tells_eventbridge() -> None:
    for logical in ("Bucket", "Key"):
        said = parsed(INFRA / "lake.yaml")["Resources"][logical]
        assert (said["DeletionPolicy"], said["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    told = lake()["Properties"]["NotificationConfiguration"]
    assert told == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}


def test_nothing_of_the_lake_goes_to_a_class_that_copy_cannot_read() -> None:
    rules = lake()["Properties"]["LifecycleConfiguration"]["Rules"]
    moved = [(rule["Prefix"], each["StorageClass"]) for rule in rules for each in rule.get("Transitions", [])]
    assert {each for _, each in moved} <= CLASSES_THAT_ANSWER_AT_ONCE
    assert ("curated/", "STANDARD_IA") in moved
    assert not [rule for rule in rules if rule.get("Prefix") in {"raw/", "curated/"} and "ExpirationInDays" in rule]


def test_the_lakes_key_rotates_has_a_bucket_key_and_works_through_s3_alone() -> None:
    (key,) = resources(INFRA / "lake.yaml", "AWS::KMS::Key").values()
    assert key["Properties"]["EnableKeyRotation"] is True
    (rule,) = lake()["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    only = one("lake.yaml", "OnlyThroughS3").said
    assert (only["Effect"], only["Condition"]) == (
        "Deny", {"StringNotEquals": {"kms:ViaService": "s3.${AWS::Region}.amazonaws.com"}}
    )  # fmt: skip


def test_whoever_reads_objects_of_the_lake_may_decrypt_them() -> None:
    """A HEAD too: S3 asks KMS in the caller's name."""
    reads = {"s3:GetObject", "s3:GetObjectVersion"}
    readers = {
        (each.template, each.owner)
        for each in EVERY
        if each.said["Effect"] == "Allow"
        and reads & set(each.all("Action"))
        and any("${LakeBucket}/" in name for name in each.all("Resource"))
    }
    decrypting = {
        (each.template, each.owner)
        for each in EVERY
        if "kms:Decrypt" in each.all("Action") and each.said["Resource"] == "LakeKeyArn"
    }
    assert len(readers) >= 5
    assert readers <= decrypting, f"Add the statement UseLakeKey to {readers - decrypting}."


def test_nobody_stores_under_another_key() -> None:
    """The emulator does not tell policies which key a request names."""
    name = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    said = one("lake.yaml", "NoOtherKey").said
    assert (said["Effect"], said["Action"]) == ("Deny", "s3:PutObject")
    assert said["Condition"] == {"StringNotEquals": {name: "Key.Arn"}, "Null": {name: "false"}}


def test_the_documentation_is_read_through_our_distribution_alone_and_by_nobody_unless_a_stage_says_so() -> None:
    """The emulated CloudFront serves nothing."""
    said = one("docs.yaml", "DistributionReads").said
    assert (said["Principal"], said["Action"]) == ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject")
    assert said["Condition"]["StringEquals"]["aws:SourceArn"].endswith(":distribution/${Distribution}")
    made = resources(INFRA / "docs.yaml", "AWS::CloudFront::Distribution")["Distribution"]
    assert made["Condition"] == "ForWeb"
    assert parsed(INFRA / "docs.yaml")["Parameters"]["DocsReaders"]["Default"] == "account"
    assert (
        made["Properties"]["DistributionConfig"]["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "redirect-to-https"
    )
    (origin,) = made["Properties"]["DistributionConfig"]["Origins"]
    assert origin["OriginAccessControlId"] == "OriginAccess.Id"
    control = resources(INFRA / "docs.yaml", "AWS::CloudFront::OriginAccessControl")["OriginAccess"]["Properties"]
    assert control["OriginAccessControlConfig"]["SigningBehavior"] == "always"


def test_whoever_publishes_documentation_reaches_its_bucket_and_no_other() -> None:
    for sid in ("ListPages", "WritePages", "RemovePages"):
        found = one("delivery.yaml", sid)
        assert found.owner == "DocsProjectRole"
        assert found.all("Resource")[0].removesuffix("/*") == "arn:${AWS::Partition}:s3:::${DocsBucket}"
    forgets = one("delivery.yaml", "ForgetOldPages")
    assert forgets.all("Resource")[0].endswith(":distribution/${DocsDistribution}")


def test_tasks_and_warehouse_stand_in_two_zones_or_three() -> None:
    subnets = resources(INFRA / "network.yaml", "AWS::EC2::Subnet")
    zones = {name: each["Properties"]["AvailabilityZone"][0] for name, each in subnets.items()}
    assert (
        sorted(zones[f"Private{each}"] for each in "ABC")
        == sorted(zones[f"Public{each}"] for each in "ABC")
        == [0, 1, 2]
    )
    assert {name for name, each in subnets.items() if each.get("Condition") == "HasThirdZone"} == {
        "PublicC",
        "PrivateC",
    }


def test_each_role_that_touches_the_lake_may_use_its_key_and_through_s3_alone() -> None:
    """KMS behind S3 is not checked by the emulator."""
    found = [each for each in EVERY if (each.template, each.sid) == ("access.yaml", "UseLakeKey")]
    assert sorted(each.all("Action") for each in found) == [
        *[["kms:Decrypt", "kms:GenerateDataKey"]] * 4,
    ]
    for each in found:
        assert each.said["Resource"] == "LakeKeyArn"
        assert each.said["Condition"] == {"StringEquals": {"kms:ViaService": "s3.${AWS::Region}.amazonaws.com"}}


def test_unload_may_ask_for_the_lakes_encryption_and_for_nothing_else_of_the_bucket() -> None:
    """ENCRYPTED AUTO; the emulated UNLOAD asks for nothing."""
    found = one("access.yaml", "SeeEncryption")
    assert (found.owner, found.all("Action")) == ("CopyRole", ["s3:GetEncryptionConfiguration"])
    assert found.all("Resource") == ["arn:${AWS::Partition}:s3:::${LakeBucket}"]


def test_a_role_is_passed_to_ecs_tasks_alone() -> None:
    """PassRole is not checked by the emulator."""
    passing = [each for each in EVERY if "iam:PassRole" in each.all("Action")]
    assert passing
    for each in passing:
        assert "iam:PassedToService" in each.said["Condition"]["StringEquals"], named(each)
        assert not [resource for resource in each.all("Resource") if "*" in resource], named(each)


def test_tasks_are_started_in_our_cluster_alone() -> None:
    """`ecs:cluster` is always absent in the emulator."""
    for sid in ("StartRuns", "WatchAndStopRuns"):
        assert one("push.yaml", sid).said["Condition"] == {"ArnEquals": {"ecs:cluster": "ClusterArn"}}
    assert one("push.yaml", "TagRuns").said["Condition"] == {"StringEquals": {"ecs:CreateAction": "RunTask"}}


def test_a_role_that_ecs_assumes_is_assumed_for_this_account_alone() -> None:
    trusting = [each for each in EVERY if each.sid == "EcsTasks"]
    assert len(trusting) >= 3
    for each in trusting:
        assert each.said["Condition"] == {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}, named(each)


def test_prefects_issuer_is_trusted_for_one_subject() -> None:
    text = resources(INFRA / "push.yaml", "AWS::IAM::Role")["PushRole"]["Properties"]["AssumeRolePolicyDocument"]
    (said,) = json.loads(text)["Statement"]
    assert set(said["Condition"]) == {"StringEquals"}
    assert said["Condition"]["StringEquals"]["${PrefectIssuer}:sub"] == "${PrefectSubject}"


def test_who_logs_in_to_the_warehouse_logs_in_to_that_one() -> None:
    """The emulator has no Redshift."""
    cluster, workgroup = one("warehouse.yaml", "LogInToCluster"), one("warehouse.yaml", "LogInToWorkgroup")
    assert (cluster.all("Action"), workgroup.all("Action")) == (
        ["redshift:GetClusterCredentialsWithIAM"], ["redshift-serverless:GetCredentials"]
    )  # fmt: skip
    assert "dbname:${ExistingWarehouseName}/${WarehouseDatabase}" in cluster.all("Resource")[0]
    made = resources(INFRA / "warehouse.yaml", "AWS::RedshiftServerless::Workgroup")["Workgroup"]["Properties"]
    assert made["PubliclyAccessible"] is False
    namespace = resources(INFRA / "warehouse.yaml", "AWS::RedshiftServerless::Namespace")["Namespace"]["Properties"]
    assert (namespace["ManageAdminPassword"], "AdminUserPassword" in namespace) == (True, False)


def test_nothing_comes_in_to_a_run_and_only_runs_come_in_to_the_warehouse() -> None:
    groups = resources(INFRA / "network.yaml", "AWS::EC2::SecurityGroup")
    assert "SecurityGroupIngress" not in groups["TaskGroup"]["Properties"]
    (rule,) = groups["WarehouseGroup"]["Properties"]["SecurityGroupIngress"]
    assert (rule["SourceSecurityGroupId"], "CidrIp" in rule) == ("TaskGroup", False)


def container() -> dict[str, Any]:
    task = resources(INFRA / "runtime.yaml", "AWS::ECS::TaskDefinition")["TaskDefinition"]["Properties"]
    (only,) = task["ContainerDefinitions"]
    return dict(only)


def test_a_container_is_plain_read_only_and_ends_in_its_own_time() -> None:
    said = container()
    assert (said["Name"], said["User"], said["ReadonlyRootFilesystem"], said["StopTimeout"]) == (
        "esteira", "10001:10001", True, 120
    )  # fmt: skip
    writable = {each["ContainerPath"] for each in said["MountPoints"] if not each["ReadOnly"]}
    assert writable == {"/home/esteira", "/tmp"}
    assert said["LinuxParameters"] == {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}}
    environment = {each["Name"]: each["Value"] for each in said["Environment"] if isinstance(each, dict)}
    assert environment["PREFECT_HOME"].startswith("/home/esteira/")
    assert "Secrets" not in said


def test_what_runs_is_named_by_digest_and_tags_do_not_move() -> None:
    assert container()["Image"][0] == "${Uri}@${ImageDigest}"
    repository = resources(INFRA / "runtime.yaml", "AWS::ECR::Repository")["Repository"]["Properties"]
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}


def test_a_run_without_prefect_finds_the_same_settings_as_the_task_definition() -> None:
    declared = {each["Name"] for each in container()["Environment"] if isinstance(each, dict)}
    login = "ESTEIRA_WAREHOUSE_WORKGROUP"
    names = [each["Properties"]["Name"] for each in resources(INFRA / "runtime.yaml", "AWS::SSM::Parameter").values()]
    stored = {str(each[1] if isinstance(each, list) else each).rpartition("/")[2] for each in names}
    form = {"ESTEIRA_LOG_FORMAT"}  # how a container writes its lines is nothing for a run from a terminal
    assert {name for name in declared | {login} if name.startswith("ESTEIRA_")} - form == stored
