"""The drop zone: every version is a drop, oldest first; what leaves it, leaves by its version; what is refused is found with its reason."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from esteira.errors import ConfigError
from esteira.failpoints import FailpointError
from esteira.lake import Lake
from esteira.lake.inbox import REASON_SUFFIX, Drop, DropZone, _takes_back

KEY = "inbox/sales/março.xlsx"


@pytest.fixture
def versioned(s3: Any) -> Any:
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    return s3


@pytest.fixture
def zone(versioned: Any, lake: Lake) -> DropZone:
    return DropZone(lake)


def put(s3: Any, key: str = KEY, content: bytes = b"content") -> str:
    return str(s3.put_object(Bucket="lake", Key=key, Body=content)["VersionId"])


def keys(s3: Any, prefix: str) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", ())]


def test_what_a_person_drops_is_found_with_its_version_and_moment(zone: DropZone, versioned: Any, tmp_path: Path):
    file = tmp_path / "março.xlsx"
    file.write_bytes(b"x" * 3_000_000)
    assert zone.put(file, "sales") == KEY
    (drop,) = zone.waiting("sales")
    head = versioned.head_object(Bucket="lake", Key=KEY)
    assert (drop.key, drop.version_id, drop.size_bytes, drop.moment) == (
        KEY,
        head["VersionId"],
        3_000_000,
        head["LastModified"],
    )
    assert (drop.dataset, drop.name) == ("sales", "março.xlsx")


def test_each_version_is_a_drop_of_its_own(zone: DropZone, versioned: Any):
    versions = [put(versioned, content=content) for content in (b"first", b"corrected")]
    assert {each.version_id for each in zone.waiting("sales")} == set(versions)


def test_a_folder_of_the_console_and_another_dataset_are_no_drops(zone: DropZone, versioned: Any):
    for key in ("inbox/sales/", "inbox/sales_2/x.csv", "inbox/x.csv"):
        put(versioned, key)
    assert zone.waiting("sales") == []


def test_what_was_taken_back_waits_no_more_and_what_came_after_does(zone: DropZone, versioned: Any):
    before = put(versioned)
    versioned.delete_object(Bucket="lake", Key=KEY)
    assert zone.waiting("sales") == []
    assert zone.find(KEY, before) is None
    after = put(versioned, content=b"again")
    assert after in {each.version_id for each in zone.waiting("sales")}


def test_within_a_second_only_the_last_marker_is_sure_to_lie_above():
    moment, later = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert _takes_back({"IsLatest": True, "LastModified": moment}, {"LastModified": moment})
    assert _takes_back({"IsLatest": False, "LastModified": later}, {"LastModified": moment})
    assert not _takes_back({"IsLatest": False, "LastModified": moment}, {"LastModified": moment})


def test_a_drop_is_fetched_by_its_version(zone: DropZone, versioned: Any, tmp_path: Path):
    first = put(versioned, content=b"first")
    put(versioned, content=b"second")
    drop = zone.find(KEY, first)
    assert drop
    assert zone.fetch(drop, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"first"


@pytest.mark.fault(60)
def test_a_drop_that_was_taken_meanwhile_is_no_error(zone: DropZone, versioned: Any, tmp_path: Path):
    put(versioned)
    (drop,) = zone.waiting("sales")
    zone.remove(drop)
    zone.remove(drop)
    assert not zone.fetch(drop, tmp_path / "file")
    assert zone.find(drop.key, drop.version_id) is None
    zone.reject(drop, "late")
    assert keys(versioned, drop.rejected_key) == [drop.rejected_key + REASON_SUFFIX]


def test_removing_a_drop_leaves_a_newer_one_of_the_same_name(zone: DropZone, versioned: Any):
    first, second = put(versioned, content=b"first"), put(versioned, content=b"second")
    drop = zone.find(KEY, first)
    assert drop
    zone.remove(drop)
    assert [each.version_id for each in zone.waiting("sales")] == [second]
    assert versioned.get_object(Bucket="lake", Key=KEY)["Body"].read() == b"second"


def test_a_rejected_drop_lies_beside_its_reason_and_not_in_the_inbox(zone: DropZone, versioned: Any):
    put(versioned)
    (drop,) = zone.waiting("sales")
    reason = zone.reject(drop, "não")
    assert zone.waiting("sales") == []
    assert drop.rejected_key.startswith(f"inbox-rejected/sales/{drop.moment:%Y-%m-%d}T")
    assert keys(versioned, "inbox-rejected/") == [drop.rejected_key, reason]
    assert versioned.get_object(Bucket="lake", Key=drop.rejected_key)["Body"].read() == b"content"
    assert versioned.get_object(Bucket="lake", Key=reason)["Body"].read() == b"\xef\xbb\xbfn\xc3\xa3o"


def test_two_rejected_files_of_one_name_do_not_meet(zone: DropZone, versioned: Any):
    for content in (b"first", b"second"):
        put(versioned, content=content)
    for drop in zone.waiting("sales"):
        zone.reject(drop, "no")
    assert len(keys(versioned, "inbox-rejected/sales/")) == 4


@pytest.mark.fault(66)
@pytest.mark.parametrize(
    "key",
    ["inbox/sales/a\nb.xlsx", "inbox/sales/..", "inbox/../x", "inbox/sales/" + "x" * 1000, "inbox/\x01/x", "inbox/x"],
)
def test_a_hostile_key_comes_back_under_a_plain_one(key: str):
    drop = Drop(key, "v1", 1, datetime(2024, 1, 1, tzinfo=UTC))
    pieces = drop.rejected_key.split("/")
    assert len(pieces) == 4
    assert ".." not in pieces
    assert drop.rejected_key.isprintable()
    assert len((drop.rejected_key + REASON_SUFFIX).encode()) <= 1024


@pytest.mark.fault(54)
@pytest.mark.parametrize("point", ["inbox.reason", "inbox.copy", "inbox.remove"])
def test_a_rejection_that_is_interrupted_is_done_again(
    zone: DropZone, versioned: Any, monkeypatch: pytest.MonkeyPatch, point: str
):
    put(versioned)
    (drop,) = zone.waiting("sales")
    monkeypatch.setenv("ESTEIRA_FAILPOINT", f"{point}:raise")
    with pytest.raises(FailpointError, match=point):
        zone.reject(drop, "no")
    monkeypatch.delenv("ESTEIRA_FAILPOINT")
    if point != "inbox.remove":
        assert zone.waiting("sales") == [drop]
    zone.reject(drop, "no")
    assert zone.waiting("sales") == []
    assert len(keys(versioned, "inbox-rejected/")) == 2


def test_a_profile_that_does_not_exist_is_named():
    code = "from esteira.lake.inbox import DropZone; DropZone.under('lake', 'nobody')"
    env = {**os.environ, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert f"{ConfigError.__name__}: ESTEIRA_DROP_PROFILE=nobody" in done.stderr
