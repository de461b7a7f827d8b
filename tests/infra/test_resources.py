"""What the templates make, where an emulator cannot show it: the lake, the documentation, the network, the warehouse, the container."""

from __future__ import annotations

from typing import Any

from infra.deploy.statements import parsed, resources
from infra.deploy.template import INFRA
from tests.infra.written import one

CLASSES_THAT_ANSWER_AT_ONCE = {"STANDARD_IA", "GLACIER_IR"}


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
