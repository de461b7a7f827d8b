"""Files in raw, byte for byte: stored in parts, sealed once, put together again."""

import hashlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from esteira.errors import LakeUnavailable, SealConflict
from esteira.extraction.files import keep_file, sealed_file
from esteira.failpoints import FailpointError
from esteira.file_batch import file_batch
from esteira.lake import Lake, Layout, Provenance, Seal, SealedFile
from esteira.lake import files as lake_files
from esteira.lake.files import fetch_file, file_hash, store_file
from esteira.lake.place import place_of
from tests.core.test_file_batch import dataset

SALES = dataset()
MOMENT = datetime(2024, 3, 5, 10, 30, tzinfo=UTC)
LAYOUT = Layout("sales", "file-0011223344556677-0a1b2c3d")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "sales.xlsx"
    made.write_bytes(random.Random(1).randbytes(300_000))
    return made


def told(path: Path, *, moment: datetime = MOMENT, name: str = "sales.xlsx") -> Provenance:
    return Provenance(
        file=SealedFile(name, path.stat().st_size, file_hash(path), moment, "inbox/sales/sales.xlsx?versionId=1")
    )


def keep(path: Path, lake: Lake, **facts: Any) -> Seal:
    return keep_file(SALES, path, told(path, **facts), lake)


def test_a_file_is_one_object_that_can_be_downloaded_as_it_is(path: Path, lake: Lake, s3: Any):
    (part,) = store_file(path, LAYOUT, "a1", lake)
    assert part.key == "raw/sales/file-0011223344556677-0a1b2c3d/a1/part-00001.bin"
    assert s3.get_object(Bucket="lake", Key=part.key)["Body"].read() == path.read_bytes()
    assert (part.rows, part.sha256) == (0, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("size", [0, 1, 99_999, 100_000, 100_001, 300_000])
def test_a_large_file_is_several_and_comes_back_byte_for_byte(
    path: Path, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
):
    monkeypatch.setattr(lake_files, "FILE_PART_BYTES", 100_000)
    path.write_bytes(path.read_bytes()[:size])
    seal = keep(path, lake)
    assert len(seal.parts) == max(1, -(-size // 100_000))
    fetch_file(seal, tmp_path / "again", lake)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_the_seal_says_what_the_file_was_called_and_where_it_came_from(path: Path, lake: Lake):
    seal = keep(path, lake)
    again = lake.find_seal("raw", "sales", seal.batch)
    assert again == seal
    assert sealed_file(seal) == told(path).file
    assert file_batch(SALES, sealed_file(seal)).id == seal.batch


@pytest.mark.fault(60)
def test_the_same_bytes_again_are_the_same_seal_with_the_first_moment_and_name(path: Path, lake: Lake, s3: Any):
    seal = keep(path, lake)
    before = s3.list_objects_v2(Bucket="lake")["KeyCount"]
    assert keep(path, lake, moment=MOMENT + timedelta(days=1), name="copy of sales.xlsx") == seal
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == before


@pytest.mark.fault(54)
@pytest.mark.parametrize("point", ["extract.part", "extract.seal"])
def test_after_a_death_between_the_steps_the_same_file_is_sealed_once(
    path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch, point: str
):
    monkeypatch.setenv("ESTEIRA_FAILPOINT", f"{point}:raise")
    with pytest.raises(FailpointError):
        keep(path, lake)
    monkeypatch.delenv("ESTEIRA_FAILPOINT")
    sealed = lake.batches("sales")
    seal = keep(path, lake)
    assert [seal.batch] == sealed
    assert all(lake.read_part(part) for part in seal.parts)


def test_two_files_that_share_an_id_are_an_alarm(path: Path, lake: Lake):
    seal = keep(path, lake)
    file = sealed_file(seal)
    other = msgspec.structs.replace(file, sha256=file.sha256[:16] + "0" * 48)
    with pytest.raises(SealConflict, match=f"{file.sha256}.*{other.sha256}"):
        keep_file(SALES, path, Provenance(file=other), lake)


@pytest.mark.fault(35)
def test_a_part_that_changed_is_named_before_a_byte_is_parsed(path: Path, lake: Lake, s3: Any, tmp_path: Path):
    seal = keep(path, lake)
    s3.put_object(Bucket="lake", Key=seal.parts[0].key, Body=b"other")
    with pytest.raises(SealConflict, match=r"part-00001\.bin is sealed with sha256"):
        fetch_file(seal, tmp_path / "again", lake)


def test_pages_of_a_portal_are_no_file():
    with pytest.raises(SealConflict, match="pages of a portal"):
        sealed_file(Seal(dataset="sales", batch="b", attempt="a", parts=(), extracted=0))


def test_the_sweep_knows_a_files_parts():
    place = place_of(LAYOUT.file_part("a1b2c3d4", 1))
    assert place is not None
    assert (place.zone, place.dataset, place.batch, place.name) == (
        "raw",
        "sales",
        LAYOUT.batch,
        "a1b2c3d4/part-00001.bin",
    )


def test_seals_without_a_file_keep_their_bytes():
    seal = Seal(dataset="rows", batch="b", attempt="a", parts=(), extracted=1, provenance=Provenance(etag='"1"'))
    assert b"file" not in seal.encode()


@pytest.mark.fault(31)
def test_an_upload_that_fails_leaves_no_object(path: Path, lake: Lake, s3: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("esteira.lake.writing.PIECE_BYTES", 1)
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    real, sent = lake.client.upload_part, []

    def second_fails(**options: Any) -> Any:
        sent.append(options["PartNumber"])
        if len(sent) > 1:
            raise OSError("the disk of the sender went away")
        return real(**options)

    path.write_bytes(b"x" * (3 * 1024 * 1024))
    monkeypatch.setattr(lake.client, "upload_part", second_fails)
    with pytest.raises((LakeUnavailable, OSError)):
        store_file(path, LAYOUT, "a1", lake)
    assert s3.list_objects_v2(Bucket="lake")["KeyCount"] == 0
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="lake")
