"""Keys, parts, seals, checkpoints and manifests."""

import gc
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import msgspec
import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from esteira.errors import AuthError, ConfigError, LakeUnavailable, SealConflict
from esteira.lake import Checkpoint, Lake, Layout, PagePointer, Part, Seal
from esteira.lake.bucket import CONFLICT_TRIES
from tests.core.bucket import Bucket, bucket

LAYOUT = Layout("rows", "2013-01-01-0a1b2c3d")
SEAL_KEY = "raw/rows/2013-01-01-0a1b2c3d/SEAL.json"


def seal_of(attempt: str, **facts: Any) -> Seal:
    return Seal(**({"dataset": "rows", "batch": LAYOUT.batch, "attempt": attempt, "parts": (), "extracted": 0} | facts))


Opened = Callable[[Bucket], Lake]


@pytest.fixture
def lake_at(monkeypatch: pytest.MonkeyPatch, session: boto3.Session) -> Opened:
    def opened(up: Bucket) -> Lake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", up.url)
        return Lake("lake", session)

    return opened


def test_keys_are_readable():
    assert LAYOUT.part("raw", "a1", 3) == "raw/rows/2013-01-01-0a1b2c3d/a1/part-00003.json.zst"
    assert LAYOUT.part("curated", "a1", 3) == "curated/rows/2013-01-01-0a1b2c3d/a1/part-00003.parquet"
    assert LAYOUT.seal("raw") == SEAL_KEY
    assert LAYOUT.checkpoint("a1", 2) == "raw/rows/2013-01-01-0a1b2c3d/a1/checkpoint-00002.json"


@pytest.mark.fault(66)
@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "a\nb", "a\x00b", "ç", "x" * 2000])
def test_a_name_that_could_leave_its_prefix_is_refused(name: str):
    for parts in ((name, "batch"), ("rows", name)):
        with pytest.raises(ConfigError, match=r"cannot be part of an S3 key|longer than S3 allows") as caught:
            Layout(*parts)
        assert len(caught.value.paragraph()) < 400


def test_a_part_is_read_back_as_it_was_stored(lake: Lake):
    part = lake.put_part(LAYOUT.part("raw", "a1", 1), b"content", rows=2, first_row=5)
    assert (part.size_bytes, part.rows, part.first_row, lake.read_part(part)) == (7, 2, 5, b"content")


@pytest.mark.fault(35)
def test_a_sealed_part_that_is_missing_is_named(lake: Lake, s3: Any):
    part = lake.put_part(LAYOUT.part("raw", "a1", 1), b"content", rows=2)
    s3.delete_object(Bucket="lake", Key=part.key)
    with pytest.raises(SealConflict, match=f"s3://lake/{part.key} .*{part.sha256[:16]}.* does not exist"):
        lake.read_part(part)


@pytest.mark.fault(35)
def test_a_sealed_part_that_changed_is_named_with_both_hashes(lake: Lake, s3: Any):
    part = lake.put_part(LAYOUT.part("raw", "a1", 1), b"content", rows=2)
    s3.put_object(Bucket="lake", Key=part.key, Body=b"other")
    other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
    with pytest.raises(SealConflict, match=f"s3://lake/{part.key} is sealed with sha256 {part.sha256} and has {other}"):
        lake.read_part(part)


@pytest.mark.fault(51)
def test_of_eight_attempts_that_seal_at_once_one_wins_and_the_rest_adopt_it(lake_at: Opened):
    with bucket() as up, ThreadPoolExecutor(8) as pool:
        lakes = [lake_at(up) for _ in range(8)]
        own = [seal_of(f"attempt{number}") for number in range(8)]
        adopted = list(pool.map(lambda pair: pair[0].put_seal("raw", pair[1]), zip(lakes, own, strict=True)))
        assert {seal.hash for seal in adopted} == {msgspec.json.decode(up.objects[SEAL_KEY], type=Seal).hash}
        assert sum(mine == kept for mine, kept in zip(own, adopted, strict=True)) == 1


@pytest.mark.fault(32)
def test_a_seal_whose_answer_was_lost_is_ours(lake_at: Opened):
    with bucket(lambda method, _, number: "lost SlowDown" if (method, number) == ("PUT", 1) else None) as up:
        assert lake_at(up).put_seal("raw", seal_of("mine")) == seal_of("mine")
        assert [method for method, _ in up.asked] == ["PUT", "PUT", "GET"]


@pytest.mark.fault(31)
def test_a_busy_bucket_is_asked_again(lake_at: Opened):
    with bucket(lambda *asked: "SlowDown" if asked[2] == 1 else None) as up:
        assert lake_at(up).find_seal("raw", "rows", LAYOUT.batch) is None
        assert len(up.asked) == 2


def test_a_conflicting_write_is_put_again(lake_at: Opened):
    with bucket(lambda *asked: "ConditionalRequestConflict" if asked[2] < 3 else None) as up:
        assert lake_at(up).put_seal("raw", seal_of("mine")).attempt == "mine"
        assert len(up.asked) == 3


def test_a_conflict_that_stays_is_an_error(lake_at: Opened):
    with bucket(lambda *_: "ConditionalRequestConflict") as up:
        with pytest.raises(LakeUnavailable, match=r"s3:PutObject on .* failed with ConditionalRequestConflict"):
            lake_at(up).put_seal("raw", seal_of("mine"))
        assert len(up.asked) == CONFLICT_TRIES


def test_a_seal_that_exists_and_cannot_be_read_is_an_error(lake_at: Opened):
    refusing = bucket(lambda method, *_: "PreconditionFailed" if method == "PUT" else None)
    with refusing as up, pytest.raises(LakeUnavailable, match="was refused as existing and cannot be read"):
        lake_at(up).put_seal("raw", seal_of("mine"))


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    ("action", "do"),
    [
        ("s3:PutObject", lambda lake: lake.put_seal("raw", seal_of("mine"))),
        ("s3:GetObject", lambda lake: lake.find_seal("raw", "rows", LAYOUT.batch)),
    ],
)
def test_a_denial_names_the_action_and_the_arn(lake_at: Opened, action: str, do: Any):
    with bucket(lambda *_: "AccessDenied") as up, pytest.raises(AuthError) as caught:
        do(lake_at(up))
    assert f"{action} on arn:aws:s3:::lake/{SEAL_KEY} is denied" in caught.value.message
    assert caught.value.hint == f"Grant {action} on this ARN to the task role."


@pytest.mark.fault(34)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # awswrangler's __del__ writes once more
def test_a_denied_part_names_the_action_and_the_arn(lake_at: Opened):
    with bucket(lambda *_: "AccessDenied") as up:
        lake = lake_at(up)
        with pytest.raises(AuthError, match="s3:PutObject on arn:aws:s3:::lake/raw/x is denied"):
            lake.put_part("raw/x", b"x", rows=1)
    gc.collect()


@pytest.mark.fault(34)
def test_a_role_without_a_policy_is_denied_by_iam(monkeypatch: pytest.MonkeyPatch, nobodys_credentials: None):
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket="lake")
        iam = boto3.client("iam")
        iam.create_user(UserName="reader")
        key = iam.create_access_key(UserName="reader")["AccessKey"]
        reader = Lake("lake", boto3.Session(key["AccessKeyId"], key["SecretAccessKey"]))
        with pytest.raises(AuthError, match=r"s3:ListBucket on arn:aws:s3:::lake/raw/rows/ is denied"):
            set_initial_no_auth_action_count(0)(reader.batches)("rows")


def test_a_missing_bucket_is_a_setting_to_correct(aws: None):
    with pytest.raises(ConfigError, match="Bucket nowhere answers NoSuchBucket") as caught:
        Lake("nowhere").put_checkpoint(LAYOUT, "a1", Checkpoint((), None, 1, None))
    assert "ESTEIRA_LAKE_BUCKET" in caught.value.hint


def test_a_client_without_credentials_says_so_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(AuthError, match="This process has no AWS credentials") as caught:
        Lake("lake").find_seal("raw", "rows", LAYOUT.batch)
    assert "AWS_PROFILE" in caught.value.hint


def test_a_profile_that_does_not_exist_is_a_setting_to_correct(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match=r"The config profile \(nobody\) could not be found") as caught:
        Lake("lake")
    assert "AWS_PROFILE" in caught.value.hint


def test_a_seal_comes_back_with_everything_in_it(lake: Lake):
    part = Part("k", 1, "ab", 2, (PagePointer(1, 10, 2),), 0, {"text": 3})
    seal = seal_of("a1", parts=(part,), extracted=2, total_reported=2, reasons={"a: b": 1}, warnings=("w",))
    assert lake.put_seal("raw", seal) == seal == lake.find_seal("raw", "rows", LAYOUT.batch)
    assert lake.find_seal("curated", "rows", LAYOUT.batch) is None


def test_a_seals_hash_changes_with_any_fact():
    assert len({seal_of("a").hash, seal_of("b").hash, seal_of("a", extracted=1).hash, seal_of("a").hash}) == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"junk", b"\xff"])
def test_an_object_that_is_no_seal_is_refused(lake: Lake, s3: Any, content: bytes):
    s3.put_object(Bucket="lake", Key=SEAL_KEY, Body=content)
    with pytest.raises(SealConflict, match="cannot be read as a seal"):
        lake.find_seal("raw", "rows", LAYOUT.batch)


def test_the_seal_of_another_batch_is_refused(lake: Lake, s3: Any):
    s3.put_object(Bucket="lake", Key=SEAL_KEY, Body=seal_of("a", batch="other").encode())
    with pytest.raises(SealConflict, match="seals rows other"):
        lake.find_seal("raw", "rows", LAYOUT.batch)


def test_there_is_no_checkpoint_at_first(lake: Lake):
    assert lake.find_checkpoint(LAYOUT) is None


def test_the_checkpoint_that_came_furthest_wins_whichever_attempt_wrote_it(lake: Lake):
    part = Part("k", 1, "ab", 2)
    far = Checkpoint((part,) * 11, {"offset": 22}, 12, 30)
    for attempt, stand in (
        ("zz", Checkpoint((part,) * 9, {"offset": 18}, 10, 30)),
        ("aa", far),
        ("mm", Checkpoint((part,), {"offset": 2}, 2, 30)),
    ):
        lake.put_checkpoint(LAYOUT, attempt, stand)
    assert lake.find_checkpoint(LAYOUT) == far


@pytest.mark.fault(47)
def test_every_entry_of_a_manifest_is_mandatory_and_has_its_length(lake: Lake, s3: Any):
    parts = tuple(lake.put_part(LAYOUT.part("curated", "a1", n), b"x" * n, rows=n) for n in (1, 2))
    seal = seal_of("a1", parts=parts)
    uri = lake.put_manifest(seal)
    assert uri == f"s3://lake/curated/rows/{LAYOUT.batch}/manifest-{seal.hash[:16]}.json"
    manifest = json.loads(s3.get_object(Bucket="lake", Key=uri.removeprefix("s3://lake/"))["Body"].read())
    assert manifest == {
        "entries": [
            {"url": f"s3://lake/{part.key}", "mandatory": True, "meta": {"content_length": size}}
            for part, size in zip(parts, (1, 2), strict=True)
        ]
    }


@pytest.mark.fault(36)
def test_a_manifest_has_only_what_is_sealed(lake: Lake, s3: Any):
    part = lake.put_part(LAYOUT.part("curated", "a1", 1), b"x", rows=1)
    s3.put_object(Bucket="lake", Key=f"{LAYOUT.prefix('curated')}a1/part-00002.parquet", Body=b"stray")
    uri = lake.put_manifest(seal_of("a1", parts=(part,)))
    manifest = json.loads(s3.get_object(Bucket="lake", Key=uri.removeprefix("s3://lake/"))["Body"].read())
    assert [entry["url"] for entry in manifest["entries"]] == [f"s3://lake/{part.key}"]


def test_batches_are_listed_oldest_first(lake: Lake):
    for batch in ("2013-02-01-0a1b2c3d", "2013-01-01-0a1b2c3d"):
        lake.put_part(Layout("rows", batch).part("raw", "a1", 1), b"x", rows=1)
    assert lake.batches("rows") == ["2013-01-01-0a1b2c3d", "2013-02-01-0a1b2c3d"]
    assert lake.batches("row") == []


def test_attempts_have_ids_of_their_own():
    assert len({Lake.new_attempt() for _ in range(100)}) == 100
