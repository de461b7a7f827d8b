"""The lines of the buildspecs, run in a clean clone: real make targets; docker, the registry and half an hour of tests stand in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.conventions.sources import ROOT
from tests.delivery.conftest import DIGEST, Aws, Clone, Deploy

REPOSITORY = "000000000000.dkr.ecr.us-east-1.amazonaws.com/esteira-dev"
TRUSTING = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def phases(name: str) -> dict[str, list[str]]:
    said = yaml.safe_load((ROOT / "infra" / name).read_text())
    return {phase: each["commands"] for phase, each in said["phases"].items()}


def test_a_build_calls_the_make_target_of_the_other_ci_and_no_command_of_its_own() -> None:
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in script if re.match(r"make\b|\.venv|python", line)] == ["make check"]
    assert phases("buildspec.yml")["pre_build"] == ["make check"]


def test_make_check_runs_every_group_of_tests_and_every_check() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert recipe
    run = {each for found in re.findall(r"\$\(MAKE\) ([a-z -]+)", recipe[1]) for each in found.split()}
    groups = set(re.findall(r"^(test[a-z-]*):", makefile, re.MULTILINE)) - {
        "test-fast",
        "test-nightly",
    }  # a part of `test`; what is tried once a night
    assert run == groups | {"lint", "types", "docs", "licences"}


def test_every_phase_of_a_build_runs_in_a_clean_clone_up_to_the_registry(clone: Clone) -> None:
    said, given = phases("buildspec.yml"), {"REPOSITORY": REPOSITORY, "REVISION": "abc123"}
    for phase in ("install", "pre_build", "build"):
        done = clone.run(said[phase], given)
        assert done.returncode == 0, (phase, done.stdout, done.stderr)
    pushed = clone.run([*said["post_build"][:-1], 'echo "digest $IMAGE_DIGEST"'], given)
    assert pushed.stdout.endswith(f"digest {DIGEST}\n"), pushed.stderr
    calls = clone.calls.read_text()
    assert f"docker build --build-arg REVISION=abc123 --tag {REPOSITORY}:abc123 ." in calls
    assert f"docker push {REPOSITORY}:abc123" in calls
    listed = json.loads((clone.folder / "image-sbom.json").read_text())
    assert [each["purl"] for each in listed["components"]] == [
        "pkg:pypi/prefect@3.8.8",
        "pkg:deb/debian/libc6@2.36?arch=amd64",
    ]


def test_nothing_is_pushed_after_a_phase_that_failed(clone: Clone) -> None:
    done = clone.run(
        phases("buildspec.yml")["post_build"],
        {"CODEBUILD_BUILD_SUCCEEDING": "0", "REPOSITORY": REPOSITORY, "REVISION": "abc123"},
    )
    assert done.returncode != 0
    assert not clone.calls.exists()


@pytest.mark.long
def test_the_checks_of_a_build_pass_in_a_clean_clone(clone: Clone) -> None:
    done = clone.run(["$REAL_MAKE lint types docs"], {})
    assert done.returncode == 0, done.stdout + done.stderr


def deployer(aws: Aws, name: str) -> str:
    iam = aws.client("iam")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUSTING]})
    )
    iam.put_role_policy(
        RoleName=name, PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [ALL]})
    )
    return str(made["Role"]["Arn"])


def test_the_deploy_step_becomes_the_deployer_and_deploys_the_digest(aws: Aws, clone: Clone) -> None:
    said = phases("buildspec-deploy.yml")
    step = {
        **aws.environment,
        "STAGE": "dev",
        "STEP": "deploy",
        "ROLE": deployer(aws, "deployer"),
        "IMAGE_DIGEST": DIGEST,
    }
    step.pop("PATH")
    done = clone.run([*said["install"], *said["build"]], step)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    task = aws.client("ecs").describe_task_definition(taskDefinition="esteira-dev")["taskDefinition"]
    assert task["containerDefinitions"][0]["image"] == f"{REPOSITORY}@{DIGEST}"
    assert "AWS_SECRET" not in done.stdout + done.stderr
    smoke = clone.run([*said["install"], *said["build"]], {**step, "STEP": "smoke"})
    assert "esteira break-glass airlines: exit code" in smoke.stdout, smoke.stderr
    assert smoke.returncode != 0, (
        "It cannot end well without a warehouse, and a step that fails must stop the pipeline."
    )


def test_a_smoke_run_that_ends_well_lets_the_pipeline_go_on(aws: Aws, deploy: Deploy) -> None:
    deployed = deploy("apply", "--stage", "dev", "--yes", "--set", f"ImageDigest={DIGEST}")
    assert deployed.returncode == 0, deployed.stderr
    done = aws.run("infra.delivery", "smoke", "--stage", "dev", "--", "esteira", "--help")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "esteira --help: exit code 0" in done.stdout


def test_a_stranger_does_not_become_the_deployer(aws: Aws) -> None:
    done = aws.run("infra.delivery", "assume", "arn:aws:iam::000000000000:role/nobody")
    assert (done.returncode, done.stdout) == (77, ""), done.stderr


def stages() -> dict[str, Any]:
    from infra.deploy import statements

    (pipeline,) = statements.resources(ROOT / "infra/delivery.yaml", "AWS::CodePipeline::Pipeline").values()
    said = pipeline["Properties"]["Stages"]
    every = [
        each[1] if isinstance(each, list) else each for each in said
    ]  # `!If` is a list here: condition, stage, nothing
    return {each["Name"]: each["Actions"] for each in every}


def test_nothing_reaches_the_next_stage_without_a_smoke_run_and_a_person() -> None:
    assert list(stages()) == ["Source", "Build", "Dev", "Approval", "Prod", "Docs"]
    assert [each["Name"] for each in stages()["Dev"]] == ["Deploy", "Smoke", "Prefect"]
    assert [each["RunOrder"] for each in stages()["Dev"]] == [1, 2, 3]
    assert [(each["Name"], each["RunOrder"]) for each in stages()["Prod"]] == [("Deploy", 1), ("Prefect", 2)]
    assert stages()["Approval"][0]["ActionTypeId"]["Category"] == "Approval"


def test_every_step_takes_the_digest_that_the_build_told() -> None:
    exported = yaml.safe_load((ROOT / "infra/buildspec.yml").read_text())["env"]["exported-variables"]
    assert exported == ["IMAGE_DIGEST"]
    for action in (*stages()["Dev"], *stages()["Prod"]):
        assert "#{Build.IMAGE_DIGEST}" in action["Configuration"]["EnvironmentVariables"]


def test_what_is_published_is_the_site_that_was_checked_once_production_runs_its_commit() -> None:
    (publish,) = stages()["Docs"]
    (build,) = stages()["Build"]
    (built,) = (each["Name"] for each in build["OutputArtifacts"])
    assert [each["Name"] for each in publish["InputArtifacts"]] == ["Source", built]
    assert publish["Configuration"]["PrimarySource"] == "Source"
    assert f"$CODEBUILD_SRC_DIR_{built}/site" in phases("buildspec-docs.yml")["build"][0]
    assert "site/**/*" in yaml.safe_load((ROOT / "infra/buildspec.yml").read_text())["artifacts"]["files"]
    assert "mkdocs build --strict" in (ROOT / "Makefile").read_text()
