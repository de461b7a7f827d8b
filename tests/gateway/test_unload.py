"""UNLOAD to Parquet: exact, streamed, under a role that S3 checks, and loadable again."""

from __future__ import annotations

import io
import json
import resource
import time
from typing import Any

import pyarrow.parquet as pq
import pytest
import redshift_connector

BUCKET = "lake"
LOADER_ROLE = "arn:aws:iam::000000000000:role/loader"
Refusal = redshift_connector.ProgrammingError


@pytest.fixture
def prefix() -> str:
    return f"unload/{time.monotonic_ns()}/"


def unload_sql(query: str, prefix: str, options: str = "", role: str = LOADER_ROLE) -> str:
    quoted = query.replace("'", "''")
    return f"UNLOAD ('{quoted}') TO 's3://{BUCKET}/{prefix}' IAM_ROLE '{role}' FORMAT AS PARQUET {options}"


def read(s3: Any, key: str) -> Any:
    return pq.read_table(io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()))


def test_rows_of_every_type_are_written_exactly(cursor: Any, s3: Any, schema: str, prefix: str) -> None:
    cursor.execute(
        f"CREATE TABLE {schema}.t (id BIGINT, small SMALLINT, ratio FLOAT8, price DECIMAL(18,4), name VARCHAR(50), flag BOOLEAN, day DATE, at TIMESTAMP, "
        "at_tz TIMESTAMPTZ, raw VARBYTE, doc SUPER)"
    )
    cursor.execute(
        f"INSERT INTO {schema}.t SELECT 1, 2, 0.1, 1.5, 'a,\"ç\"\nx', true, '2024-02-29', '2024-01-01 01:02:03.000004', '2024-01-01 00:00:00-03', 'x'::bytea, JSON_PARSE('{{\"a\": 1}}')"
    )
    cursor.execute(f"INSERT INTO {schema}.t (id, name) VALUES (2, '')")
    cursor.execute("SET timezone TO 'America/Sao_Paulo'")
    cursor.execute(unload_sql(f"SELECT * FROM {schema}.t ORDER BY nvl(id, 0)", prefix))
    found = read(s3, f"{prefix}0000_part_00.parquet").to_pylist()
    cursor.execute("SELECT pg_last_unload_count()")
    assert cursor.fetchone() == [2]
    texts = {name: str(value) for name, value in found[0].items()}
    assert texts == {
        "id": "1", "small": "2", "ratio": "0.1", "price": "1.5000", "name": 'a,"ç"\nx', "flag": "True", "day": "2024-02-29",
        "at": "2024-01-01 01:02:03.000004", "at_tz": "2024-01-01 03:00:00+00:00", "raw": "b'x'", "doc": '{"a": 1}',
    }  # fmt: skip
    assert found[1] == dict.fromkeys(texts) | {"id": 2, "name": ""}


def test_what_is_unloaded_with_a_manifest_can_be_copied_again(cursor: Any, s3: Any, schema: str) -> None:
    prefix = f"unload/{time.monotonic_ns()}/"
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(9))")
    cursor.execute(f"INSERT INTO {schema}.t SELECT i, 'n' FROM generate_series(1, 1000) AS g(i)")
    cursor.execute(unload_sql(f"SELECT * FROM {schema}.t", prefix, "PARALLEL OFF MANIFEST"))
    (entry,) = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{prefix}manifest")["Body"].read())["entries"]
    assert entry["url"] == f"s3://{BUCKET}/{prefix}000.parquet"
    assert entry["meta"]["content_length"] == s3.head_object(Bucket=BUCKET, Key=f"{prefix}000.parquet")["ContentLength"]
    cursor.execute(
        f"COPY {schema}.t FROM 's3://{BUCKET}/{prefix}manifest' IAM_ROLE '{LOADER_ROLE}' FORMAT PARQUET MANIFEST"
    )
    cursor.execute(f"SELECT count(*), count(DISTINCT id), sum(id) FROM {schema}.t")
    assert cursor.fetchone() == [2000, 1000, 1_001_000]


def test_a_prefix_that_is_not_empty_is_refused_unless_overwriting(connection: Any, s3: Any, prefix: str) -> None:
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(unload_sql("SELECT 1 AS id", prefix))
    with pytest.raises(Refusal, match="destination on S3 is not empty"):
        cursor.execute(unload_sql("SELECT 2 AS id", prefix))
    cursor.execute(unload_sql("SELECT 2 AS id", prefix, "ALLOWOVERWRITE"))
    assert read(s3, f"{prefix}0000_part_00.parquet").to_pylist() == [{"id": 2}]


def test_an_empty_answer_is_a_file_without_rows(cursor: Any, s3: Any, prefix: str) -> None:
    cursor.execute(unload_sql("SELECT 1 AS id WHERE false", prefix))
    assert read(s3, f"{prefix}0000_part_00.parquet").num_rows == 0


def test_s3_refuses_what_the_role_may_not_write(cursor: Any, s3: Any) -> None:
    with pytest.raises(Refusal, match=r"S3ServiceException:.*AccessDenied"):
        cursor.execute(unload_sql("SELECT 1 AS id", f"private/{time.monotonic_ns()}/"))


def test_a_failing_query_leaves_nothing_behind(connection: Any, s3: Any, prefix: str) -> None:
    cursor = connection.cursor()
    with pytest.raises(Refusal, match="division by zero"):
        cursor.execute(unload_sql("SELECT 1 / (5 - i) AS id FROM generate_series(1, 9) AS g(i)", prefix))
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["KeyCount"] == 0
    with pytest.raises(Refusal, match="25P02"):
        cursor.execute("SELECT 1")
    connection.rollback()
    cursor.execute("SELECT 1")


def test_memory_stays_flat_over_many_row_groups(cursor: Any, s3: Any, prefix: str) -> None:
    count = 400_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cursor.execute(
        unload_sql(
            f"SELECT i::bigint AS id, md5(i::text) || repeat('x', 200) AS name FROM generate_series(1, {count}) AS g(i)",
            prefix,
        )
    )
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < 150 << 20
    with io.BytesIO(s3.get_object(Bucket=BUCKET, Key=f"{prefix}0000_part_00.parquet")["Body"].read()) as file:
        assert pq.ParquetFile(file).metadata.num_rows == count
        assert pq.ParquetFile(file).num_row_groups > 3


def test_rows_go_into_the_folders_of_their_values_and_the_columns_into_the_keys(
    cursor: Any, s3: Any, schema: str
) -> None:
    prefix = f"unload/{time.monotonic_ns()}/"
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, day DATE, kind VARCHAR(9))")
    cursor.execute(
        f"INSERT INTO {schema}.t VALUES (1, '2024-01-01', 'a/b'), (2, '2024-01-01', NULL), (3, '2024-01-02', 'a/b')"
    )
    cursor.execute(
        unload_sql(
            f"SELECT * FROM {schema}.t", prefix, 'ENCRYPTED AUTO PARTITION BY ("day", kind) PARALLEL OFF MANIFEST'
        )
    )
    keys = [each["Key"].removeprefix(prefix) for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]]
    folders = (
        "day=2024-01-01/kind=__HIVE_DEFAULT_PARTITION__",
        "day=2024-01-01/kind=a%2Fb",
        "day=2024-01-02/kind=a%2Fb",
    )
    assert keys == [*(f"{folder}/000.parquet" for folder in folders), "manifest"]
    assert [read(s3, f"{prefix}{folder}/000.parquet").to_pylist() for folder in folders] == [
        [{"id": 2}],
        [{"id": 1}],
        [{"id": 3}],
    ]


def test_a_partition_by_what_is_not_unloaded_is_refused(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT)")
    with pytest.raises(Refusal, match="column other of PARTITION BY"):
        cursor.execute(
            unload_sql(f"SELECT * FROM {schema}.t", f"unload/{time.monotonic_ns()}/", "PARTITION BY (other)")
        )
