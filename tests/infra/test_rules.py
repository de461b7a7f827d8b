"""What every template and every statement must keep to: cfn-lint's rules, and ours where it has none. What an emulator cannot enforce is asserted here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deploy.stage import read_stage
from infra.deploy.statements import TEMPLATES, Statement, comment_above, parsed, resources, statements
from infra.deploy.template import INFRA, ORDER, read_template
from tests.infra.written import EVERY, everywhere, named, one

LIMIT_BYTES = 51_200
"""Of a template that is sent with the request: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""


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


def test_whoever_publishes_documentation_reaches_its_bucket_and_no_other() -> None:
    for sid in ("ListPages", "WritePages", "RemovePages"):
        found = one("delivery.yaml", sid)
        assert found.owner == "DocsProjectRole"
        assert found.all("Resource")[0].removesuffix("/*") == "arn:${AWS::Partition}:s3:::${DocsBucket}"
    forgets = one("delivery.yaml", "ForgetOldPages")
    assert forgets.all("Resource")[0].endswith(":distribution/${DocsDistribution}")


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
