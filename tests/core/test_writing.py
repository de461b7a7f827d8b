"""Objects that grow while they are uploaded, and Parquet parts of a bounded size, in moto's S3 and behind a bucket that fails."""

import hashlib
import io
from collections.abc import Callable
from typing import Any

import boto3
import moto.s3.models
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.errors import AuthError, LakeUnavailable
from esteira.lake import Lake, TableParts, writing
from esteira.lake.writing import MIB, GrowingObject, repeating
from tests.core.bucket import bucket

KEY = "curated/rows/b/a1/part-00001.parquet"
SMALLEST_PIECE = 64 * 1024
"""Of these tests, so that they are quick."""


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "PIECE_BYTES", SMALLEST_PIECE)
    monkeypatch.setattr(moto.s3.models, "S3_UPLOAD_PART_MIN_SIZE", SMALLEST_PIECE)


def test_a_piece_is_as_large_as_s3_wants_all_but_the_last_and_a_part_is_within_what_they_may_make():
    assert writing.PIECE_BYTES >= 5 * MIB
    assert writing.PART_BYTES + writing.GROUP_BYTES < 10_000 * writing.PIECE_BYTES


@pytest.fixture
def lake_at(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Lake]:
    def at(up: Any) -> Lake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", up.url)
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # between its own tries of a request
        return Lake("lake", boto3.Session("testing", "testing", region_name="us-east-1"))

    return at


def unfinished(s3: Any) -> list[str]:
    return [upload["Key"] for upload in s3.list_multipart_uploads(Bucket="lake").get("Uploads", ())]


@pytest.mark.parametrize("size", [0, 1, SMALLEST_PIECE - 1, SMALLEST_PIECE, 2 * SMALLEST_PIECE + 7])
@pytest.mark.usefixtures("small_pieces")
def test_an_object_holds_what_was_written_and_is_described_by_it(lake: Lake, s3: Any, size: int):
    content = bytes(range(251)) * (size // 251 + 1)
    growing = GrowingObject(lake, KEY)
    for start in range(0, size, 10_000):
        growing.write(content[start : min(start + 10_000, size)])
    part = growing.finish(3, text_bytes={"a": 1})
    assert lake.read_part(part) == content[:size]
    assert (part.size_bytes, part.sha256) == (size, hashlib.sha256(content[:size]).hexdigest())
    assert (part.rows, part.text_bytes, unfinished(s3)) == (3, {"a": 1}, [])


@pytest.mark.usefixtures("small_pieces")
def test_nothing_is_visible_before_the_end_and_what_is_thrown_away_is_not_kept(lake: Lake, s3: Any):
    growing = GrowingObject(lake, KEY)
    growing.write(bytes(SMALLEST_PIECE))
    assert unfinished(s3) == [KEY]
    assert lake.get(KEY) is None
    growing.abort()
    assert (unfinished(s3), lake.get(KEY)) == ([], None)


@pytest.mark.usefixtures("small_pieces")
def test_a_piece_in_memory_is_all_that_is_kept(lake: Lake):
    growing = GrowingObject(lake, KEY)
    for _ in range(4):
        growing.write(bytes(SMALLEST_PIECE))
        assert len(growing._waiting) < SMALLEST_PIECE
    growing.abort()


@pytest.mark.fault(31)
@pytest.mark.parametrize("step", ["create", "piece", "complete"])
@pytest.mark.usefixtures("small_pieces")
def test_a_step_of_an_upload_that_s3_has_no_time_for_is_repeated(lake_at: Any, step: str):
    failed: list[str] = []

    def once(method: str, key: str, _: int) -> str | None:
        if step_of(method, key) != step or failed:
            return None
        failed.append(key)
        return "SlowDown"

    with bucket(once) as up:
        growing = GrowingObject(lake_at(up), KEY)
        growing.write(bytes(SMALLEST_PIECE))
        growing.write(b"end")
        part = growing.finish(1)
        assert (failed != [], up.objects[KEY]) == (True, bytes(SMALLEST_PIECE) + b"end")
        assert part.sha256 == hashlib.sha256(up.objects[KEY]).hexdigest()


@pytest.mark.fault(33)
@pytest.mark.usefixtures("small_pieces")
def test_a_completion_that_says_200_with_an_error_in_it_is_no_success(lake_at: Any):
    tries: list[str] = []

    def late(method: str, key: str, _: int) -> str | None:
        if step_of(method, key) != "complete":
            return None
        tries.append(key)
        return "200 InternalError" if len(tries) == 1 else None

    with bucket(late) as up:
        growing = GrowingObject(lake_at(up), KEY)
        growing.write(bytes(SMALLEST_PIECE))
        growing.finish(1)
        assert (len(tries), up.objects[KEY]) == (2, bytes(SMALLEST_PIECE))


@pytest.mark.fault(33)
@pytest.mark.usefixtures("small_pieces")
def test_a_completion_that_always_fails_leaves_no_part(lake_at: Any):
    with bucket(lambda method, key, _: "200 InternalError" if step_of(method, key) == "complete" else None) as up:
        growing = GrowingObject(lake_at(up), KEY)
        growing.write(bytes(SMALLEST_PIECE))
        with pytest.raises(LakeUnavailable, match=r"s3:PutObject on s3://lake/curated/.* failed with"):
            growing.finish(1)
        assert KEY not in up.objects


@pytest.mark.fault(34)
@pytest.mark.usefixtures("small_pieces")
def test_a_denied_piece_names_the_action_and_the_arn(lake_at: Any):
    with bucket(lambda method, key, _: "AccessDenied" if step_of(method, key) == "piece" else None) as up:
        growing = GrowingObject(lake_at(up), KEY)
        with pytest.raises(AuthError, match=f"s3:PutObject on arn:aws:s3:::lake/{KEY} is denied"):
            growing.write(bytes(SMALLEST_PIECE))


def numbers(start: int, count: int) -> pa.Table:
    return pa.table({"n": range(start, start + count), "text": ["é" * (number % 3) for number in range(count)]})


def key_of(number: int) -> str:
    return f"curated/rows/b/a1/part-{number:05d}.parquet"


def test_a_part_ends_at_its_size_and_no_row_is_lost_or_moved(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "GROUP_BYTES", 20_000)
    monkeypatch.setattr(writing, "PART_BYTES", 30_000)
    stored: list[None] = []
    parts = TableParts(lake, key_of, lambda: stored.append(None))
    for start in range(0, 60_000, 1_000):
        parts.write(numbers(start, 1_000))
    made = parts.close()
    tables = [pq.read_table(io.BytesIO(lake.read_part(part))) for part in made]
    assert len(made) == len(stored) > 2
    assert [part.key for part in made] == [key_of(number) for number in range(1, len(made) + 1)]
    assert [part.rows for part in made] == [table.num_rows for table in tables]
    assert pa.concat_tables(tables).column("n").to_pylist() == list(range(60_000))
    assert {part.text_bytes["text"] for part in made} == {4}


def test_small_tables_share_a_part_and_a_row_group(lake: Lake):
    parts = TableParts(lake, key_of)
    for start in range(5):
        parts.write(numbers(start, 1))
    (made,) = parts.close()
    assert pq.ParquetFile(io.BytesIO(lake.read_part(made))).num_row_groups == 1


def test_no_rows_make_no_part(lake: Lake):
    parts = TableParts(lake, key_of)
    parts.write(numbers(0, 0))
    assert parts.close() == ()


@pytest.mark.fault(48)
def test_moments_are_written_in_microseconds(lake: Lake):
    parts = TableParts(lake, key_of)
    parts.write(pa.table({"at": pa.array([0], pa.timestamp("s", "UTC"))}))
    (made,) = parts.close()
    column = pq.ParquetFile(io.BytesIO(lake.read_part(made))).schema.column(0)
    assert "microseconds" in str(column.logical_type)


def step_of(method: str, key: str) -> str:
    if method == "POST":
        return "create" if key.endswith("?uploads") else "complete"
    return "piece" if "partNumber=" in key else ""


VALUES = {
    "key": pa.array(range(9_000)),
    "position": pa.array(range(9_000, 18_000)),
    "day": pa.array([number % 365 for number in range(9_000)]),
    "almost": pa.array([*range(8_999), 1]),
    "product": pa.array([number % 4_500 for number in range(9_000)]),
    "text": pa.array([f"{number:064}" for number in range(9_000)]),
    "absent": pa.nulls(9_000, pa.string()),
    "nothing": pa.nulls(9_000),
}
"""Columns by what a dictionary is to them; of the last one Arrow counts no values."""


def test_only_columns_whose_values_come_again_have_a_dictionary(lake: Lake):
    parts = TableParts(lake, key_of)
    parts.write(pa.table(VALUES))
    (made,) = parts.close()
    file = pq.ParquetFile(io.BytesIO(lake.read_part(made)))
    group = file.metadata.row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    without = {column.path_in_schema for column in columns if "RLE_DICTIONARY" not in column.encodings}
    assert without == {"key", "position", "text"}
    assert file.read().equals(pa.table(VALUES))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 50))
def test_a_column_goes_without_a_dictionary_only_where_no_value_comes_twice(values: list[int], looked_at: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "SAMPLED_ROWS", looked_at)
        assert repeating(pa.table({"n": values})) == (["n"] if len(set(values)) < len(values) else [])


def test_rows_that_wait_for_a_group_are_seen_before_their_part_is_stored(lake: Lake):
    seen: list[int] = []
    parts = TableParts(lake, key_of, on_group=lambda table: seen.append(table.num_rows))
    parts.write(numbers(0, 3))
    parts.flush()
    assert seen == [3]
    assert lake.sizes("curated/") == {}
    assert [part.rows for part in parts.close()] == [3]
    assert seen == [3]
