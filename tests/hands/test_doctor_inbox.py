"""`esteira doctor` where people drop files: healthy, without rights, and without versions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest

from tests.hands.test_doctor import TASK_ROLE, denied, failures, left_behind, states
from tests.main_job.dropped import contract
from tests.main_job.world import Result, Warm, World, as_root

INBOX = ("contracts of drops", "inbox", "inbox-rejected", "dropping")
DROP_ROLE = "esteira-local-drop"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("takers")
    contract(made, "taker_one")
    contract(made, "taker_two", source='match="sales*.csv"')
    return made


@pytest.fixture
def examine(warm: Warm, folder: Path) -> Callable[[], Result]:
    return partial(warm.esteira, "doctor", "--json", "--datasets", str(folder))


def test_a_healthy_inbox_passes_and_nothing_is_left_in_it(examine: Callable[[], Result], world: World) -> None:
    before = left_behind(world)
    done = examine()
    assert {check: states(done)[check] for check in INBOX} == dict.fromkeys(INBOX, "ok"), done.out
    found = {each["check"]: each["found"] for each in done.facts}
    assert "a name may fit taker_one and taker_two" in found["contracts of drops"]
    assert "the bucket keeps versions; nothing waits" in found["inbox"]
    assert "may put files" in found["dropping"]
    assert left_behind(world) == before


@pytest.mark.parametrize(
    ("role", "action", "place", "check"),
    [
        (TASK_ROLE, "s3:DeleteObjectVersion", "/inbox/*", "inbox"),
        (TASK_ROLE, "s3:GetObject", "/inbox/*", "inbox"),
        (TASK_ROLE, "s3:ListBucketVersions", "", "inbox"),
        (TASK_ROLE, "s3:PutObject", "/inbox-rejected/*", "inbox-rejected"),
        (DROP_ROLE, "s3:PutObject", "/inbox/*", "dropping"),
    ],
)  # fmt: skip
def test_a_right_that_is_missing_is_named(
    examine: Callable[[], Result], world: World, role: str, action: str, place: str, check: str
) -> None:
    arn = f"arn:aws:s3:::{world.stack.env['ESTEIRA_LAKE_BUCKET']}{place}"
    with denied(world, role, {"Action": action, "Resource": arn}):
        failed = failures(examine())
    assert list(failed) == [check]
    assert action in failed[check]["found"]
    assert f"Grant {action}" in failed[check]["next_step"]


def test_a_bucket_that_keeps_no_versions_is_told(examine: Callable[[], Result], world: World) -> None:
    with ExitStack() as stack:
        s3 = stack.enter_context(closing(as_root(world.stack, "s3")))
        bucket = world.stack.env["ESTEIRA_LAKE_BUCKET"]
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
        on = {"Bucket": bucket, "VersioningConfiguration": {"Status": "Enabled"}}
        stack.callback(s3.put_bucket_versioning, **on)
        failed = failures(examine())
    assert "is suspended" in failed["inbox"]["found"]


def test_without_a_contract_that_takes_drops_the_inbox_is_not_asked(warm: Warm) -> None:
    assert not set(INBOX) & set(states(warm.esteira("doctor", "airlines", "--json")))
