"""The built documentation is published: what the bucket then holds, how readers' caches are told, and with which rights."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from infra.delivery.publish import ASKED_AGAIN, CONTENT_TYPES, FOR_EVER, cache_control, content_type, publish
from infra.deploy.problem import DeployError
from tests.conventions.sources import ROOT
from tests.delivery.conftest import Aws, Clone
from tests.infra.role import without

STAGE, ROLE, ACCOUNT = "pages", "esteira-pages-publish", "000000000000"
BUCKET = f"esteira-{STAGE}-docs-{ACCOUNT}"
BUNDLE = "assets/javascripts/bundle.a5f9d56c.min.js"
TRUSTED = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small built site."""
    files = {
        "index.html": "<h1>Início</h1>", "pt/index.html": "<h1>Começo</h1>", "howto/drift.html": "<h1>Drift</h1>", BUNDLE: "let a = 1",
        "search/search_index.json": "{}", "assets/contest.svg": "<svg/>", "assets/run form.webp": "w",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text, encoding="utf-8")
    return tmp_path / "site"


@dataclass(frozen=True)
class Docs:
    """A deployed stage that has a place for its documentation, and the role that delivery publishes under.

    Attributes:
        aws: The account.
        environment: In which that role is who asks.
        distribution: In front of the bucket.
    """

    aws: Aws
    environment: dict[str, str]
    distribution: str

    @property
    def s3(self) -> Any:
        return self.aws.client("s3")

    def publish(self, site: Path) -> list[str]:
        """Publish as delivery does; returns what is told."""
        told: list[str] = []
        with mock.patch.dict(os.environ, self.environment, clear=True):
            publish(site, BUCKET, self.distribution, told.append)
        return told

    def invalidations(self) -> int:
        """How often the edge was told to forget."""
        found = self.aws.client("cloudfront").list_invalidations(DistributionId=self.distribution)
        return int(found["InvalidationList"]["Quantity"])

    def stored(self) -> dict[str, bytes]:
        """What readers find."""
        listed = self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {each["Key"]: self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in listed}


@pytest.fixture(scope="module")
def docs(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Docs:
    from tests.infra.test_deploying import stage

    folder = tmp_path_factory.mktemp("pages")
    (folder / "stages").mkdir()
    for file in (ROOT / "infra").glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    named = stage(
        folder, STAGE, "docs", "delivery", DocsReaders="web", RepositoryUri="r", DeployRoleArn=role, NextDeployRoleArn=role
    )  # fmt: skip
    done = aws.deploy("apply", *named, "--yes")
    assert done.returncode == 0, done.stderr
    outputs = dict(line.strip().split(" = ") for line in done.stdout.splitlines() if " = " in line)
    assert outputs["DocsBucket"] == BUCKET
    return Docs(aws, _as_role(aws), outputs["DocsDistribution"])


def _as_role(aws: Aws) -> dict[str, str]:
    """CodeBuild is not here: a user takes its place in the role's trust."""
    iam = aws.client("iam")
    arn = iam.create_user(UserName="builder")["User"]["Arn"]
    trust = {"Version": "2012-10-17", "Statement": [TRUSTED | {"Principal": {"AWS": arn}}]}
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust))
    may = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName="builder", PolicyName="role", PolicyDocument=document)
    key = iam.create_access_key(UserName="builder")["AccessKey"]
    sts = aws.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    got = sts.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}", RoleSessionName="build")["Credentials"]
    return aws.environment | {
        "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
        "AWS_SESSION_TOKEN": got["SessionToken"],
    }


def test_the_bucket_holds_what_was_built_and_nothing_else(docs: Docs, site: Path) -> None:
    docs.s3.put_object(Bucket=BUCKET, Key="howto/gone.html", Body=b"of last year")
    assert docs.publish(site)[0] == f"{BUCKET}: 7 files published, 1 removed"
    built = {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert docs.stored() == built
    (site / "howto/drift.html").rename(site / "howto/changed.html")
    assert docs.publish(site)[0] == f"{BUCKET}: 7 files published, 1 removed"
    assert "howto/changed.html" in docs.stored()
    assert "howto/drift.html" not in docs.stored()


def test_a_page_that_went_can_be_fetched_from_the_versions(docs: Docs, site: Path) -> None:
    docs.publish(site)
    (site / "pt/index.html").unlink()
    docs.publish(site)
    found = docs.s3.list_object_versions(Bucket=BUCKET, Prefix="pt/index.html")
    assert found["DeleteMarkers"][0]["IsLatest"]
    assert found["Versions"]


@pytest.mark.parametrize(
    ("key", "kind", "kept"),
    [
        ("index.html", "text/html; charset=utf-8", ASKED_AGAIN), (BUNDLE, "text/javascript; charset=utf-8", FOR_EVER),
        ("search/search_index.json", "application/json", ASKED_AGAIN), ("assets/contest.svg", "image/svg+xml", ASKED_AGAIN),
        ("assets/run form.webp", "image/webp", ASKED_AGAIN),
    ],
)  # fmt: skip
def test_a_browser_is_told_what_a_file_is_and_how_long_it_may_be_kept(
    docs: Docs, site: Path, key: str, kind: str, kept: str
) -> None:
    docs.publish(site)
    head = docs.s3.head_object(Bucket=BUCKET, Key=key)
    assert (head["ContentType"], head["CacheControl"]) == (kind, kept)


def test_only_a_name_with_a_fingerprint_is_kept_for_ever() -> None:
    assert cache_control("assets/stylesheets/main.57a0d79d.min.css.map") == FOR_EVER
    assert cache_control("assets/javascripts/lunr/min/lunr.pt.min.js") == ASKED_AGAIN
    assert content_type("a.unknown") == "application/octet-stream"


def test_every_picture_of_the_documentation_has_a_type() -> None:
    files = [path for path in (ROOT / "docs").rglob("*") if path.is_file() and "hooks" not in path.parts]
    suffixes = {path.suffix for path in files} - {".md"}
    assert suffixes
    assert suffixes <= CONTENT_TYPES.keys()


def test_a_folder_without_a_site_removes_nothing(docs: Docs, site: Path, tmp_path: Path) -> None:
    docs.publish(site)
    with pytest.raises(DeployError, match="holds no built site"):
        docs.publish(tmp_path)
    assert docs.stored()


def test_a_bucket_that_is_not_there_is_said(docs: Docs, site: Path) -> None:
    done = docs.aws.run("infra.delivery", "publish", str(site), "--bucket", "esteira-nobody-docs")
    assert (done.returncode, done.stdout) == (75, "")
    assert "publishing to esteira-nobody-docs" in done.stderr


def publishes(docs: Docs, site: Path) -> bool:
    """The site of a later commit, which has a page less, replaces the one before."""
    docs.s3.put_object(Bucket=BUCKET, Key="old.html", Body=b"")
    try:
        docs.publish(site)
    except DeployError:
        return False
    return True


NEEDED_BY: dict[str, Callable[[Docs, Path], bool]] = {
    f"DocsProjectRole:{sid}": publishes for sid in ("ListPages", "WritePages", "RemovePages", "ForgetOldPages")
}


@pytest.mark.parametrize("name", NEEDED_BY)
def test_without_a_right_nothing_is_published(docs: Docs, site: Path, name: str) -> None:
    work = NEEDED_BY[name]
    assert work(docs, site), f"{work.__doc__} With all statements it must succeed."
    with without(docs.aws.client("iam"), ROLE, name.partition(":")[2]):
        assert not work(docs, site), f"It succeeds without {name}: take the statement out."


@pytest.fixture
def buckets_of_others(docs: Docs) -> Iterator[list[str]]:
    own = [f"esteira-{STAGE}-delivery-{ACCOUNT}", "esteira-others-docs"]
    docs.s3.create_bucket(Bucket=own[1])
    yield own
    docs.s3.delete_bucket(Bucket=own[1])


def test_delivery_publishes_to_no_other_bucket(docs: Docs, site: Path, buckets_of_others: list[str]) -> None:
    for bucket in buckets_of_others:
        with (
            mock.patch.dict(os.environ, docs.environment, clear=True),
            pytest.raises(DeployError, match="AccessDenied"),
        ):
            publish(site, bucket, "", print)


def test_the_published_pages_are_those_that_the_build_made(docs: Docs, site: Path, clone: Clone) -> None:
    said = yaml.safe_load((ROOT / "infra/buildspec-docs.yml").read_text())["phases"]
    step = {
        **docs.environment,
        "DOCS_BUCKET": BUCKET,
        "DOCS_DISTRIBUTION": docs.distribution,
        "CODEBUILD_SRC_DIR_Built": str(site.parent),
    }
    step.pop("PATH")
    before = docs.invalidations()
    done = clone.run([*said["install"]["commands"], *said["build"]["commands"]], step)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{docs.distribution}: forgets what it had" in done.stdout
    assert docs.invalidations() == before + 1
