"""COPY from a manifest: inside the client's transaction, exact, strict, flat in memory, and only what the role may read."""

from __future__ import annotations

import contextlib
import resource
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import redshift_connector

from local.redshift import Gateway
from local.redshift.backend import Backend
from local.redshift.loader import Loader
from local.redshift.plans import Copy
from local.redshift.relay import ClientGone

BUCKET = "lake"
LOADER_ROLE = "arn:aws:iam::000000000000:role/loader"
OTHER_ROLE = "arn:aws:iam::000000000000:role/other"
PutManifest = Callable[..., str]
ROWS = 100_000
FLAT_GROWTH_BYTES = 150 << 20
ALL_TYPES = (
    "id BIGINT NOT NULL ENCODE az64, small SMALLINT, number INTEGER, ratio REAL, exact DOUBLE PRECISION, price DECIMAL(18,4), "
    "name VARCHAR(400), flag BOOLEAN, day DATE, at TIMESTAMP, at_tz TIMESTAMPTZ, raw VARBYTE"
)
AWKWARD = [
    "",
    None,
    "NULL",
    "null",
    '"quoted"',
    "it's",
    "a,b",
    "line\nbreak",
    "cr\r\nlf",
    "\\N",
    "\\.",
    "ação 🛩",
    " spaced ",
    "tab\t",
    "\\x41",
]


def copy_sql(table: str, manifest: str, role: str = LOADER_ROLE) -> str:
    return f"COPY {table} FROM '{manifest}' IAM_ROLE '{role}' FORMAT AS PARQUET MANIFEST"


def small_table(count: int = 3) -> pa.Table:
    return pa.table({"id": pa.array(range(count), pa.int64()), "name": pa.array([f"n{i}" for i in range(count)])})


def all_types(count: int) -> pa.Table:
    start = datetime(2013, 1, 1, 5, 0, 0, 1, UTC)
    numbers = range(count)
    moments = [None if i % 11 == 0 else start + timedelta(seconds=i, microseconds=i % 1_000_000) for i in numbers]
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "small": pa.array([None if i % 7 == 0 else i % 32_767 for i in numbers], pa.int16()),
            "number": pa.array([-i for i in numbers], pa.int32()),
            "ratio": pa.array([i / 3 for i in numbers], pa.float32()),
            "exact": pa.array([i / 7 * 10.0 ** (i % 30 - 15) for i in numbers], pa.float64()),
            "price": pa.array(
                [None if i % 5 == 0 else Decimal(i - 50_000).scaleb(-4) for i in numbers], pa.decimal128(18, 4)
            ),
            "name": pa.array([AWKWARD[i % len(AWKWARD)] for i in numbers], pa.string()),
            "flag": pa.array([(True, False, None)[i % 3] for i in numbers], pa.bool_()),
            "day": pa.array([date(1990, 1, 1) + timedelta(days=i % 20_000) for i in numbers], pa.date32()),
            "at": pa.array([moment and moment.replace(tzinfo=None) for moment in moments], pa.timestamp("us")),
            "at_tz": pa.array(moments, pa.timestamp("us", "UTC")),
            "raw": pa.array([None if i % 2 else bytes([0, i % 256, 255]) for i in numbers], pa.binary()),
        },
    )


def test_100_000_rows_of_every_type_come_back_exactly(cursor: Any, schema: str, put_manifest: PutManifest) -> None:
    expected = all_types(ROWS)
    manifest = put_manifest(expected.slice(0, 60_000), expected.slice(60_000))
    cursor.execute(f"CREATE TABLE {schema}.t ({ALL_TYPES}) SORTKEY(id)")
    started = time.perf_counter()
    cursor.execute(copy_sql(f"{schema}.t", manifest))
    print(f"COPY: {ROWS / (time.perf_counter() - started):,.0f} rows/s of 12 columns")
    # Floats leave as text: 17 digits are exact for a double, 9 for a float.
    cursor.execute(
        f"SELECT id, small, number, ratio::text, exact::text, price, name, flag, day, at, at_tz, encode(raw, 'hex') FROM {schema}.t ORDER BY id"
    )
    rows = cursor.fetchall()
    assert len(rows) == ROWS
    columns = list(zip(*rows, strict=True))
    for index, name in enumerate(expected.column_names):
        wanted = expected.column(name)
        if name in {"ratio", "exact"}:
            assert pa.array(map(float, columns[index]), wanted.type).equals(wanted.combine_chunks()), name
        elif name == "raw":
            assert [value and value.hex() for value in wanted.to_pylist()] == list(columns[index])
        else:
            assert wanted.to_pylist() == list(columns[index]), name


EXTREMES = {
    "small SMALLINT": pa.array([-(2**15), 2**15 - 1, None], pa.int16()),
    "number INTEGER": pa.array([-(2**31), 2**31 - 1, None], pa.int32()),
    "large BIGINT": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
    "whole DECIMAL(38,0)": pa.array([Decimal(-(10**38) + 1), Decimal(10**38 - 1), None], pa.decimal128(38, 0)),
    "part DECIMAL(38,37)": pa.array(
        [Decimal("-9." + "9" * 37), Decimal("0." + "0" * 36 + "1"), None], pa.decimal128(38, 37)
    ),
    "price DECIMAL(9,4)": pa.array([Decimal("-0.0001"), Decimal("10000.0000"), Decimal(0)], pa.decimal128(9, 4)),
    "ratio REAL": pa.array([-3.4028234663852886e38, 1.401298464324817e-45, None], pa.float32()),
    "exact DOUBLE PRECISION": pa.array([-1.7976931348623157e308, 5e-324, None], pa.float64()),
    "day DATE": pa.array([date(1, 1, 1), date(9999, 12, 31), None], pa.date32()),
    "moment TIMESTAMPTZ": pa.array(
        [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC), None],
        pa.timestamp("us", "UTC"),
    ),
    "letter CHAR(3)": pa.array(["a", "abc", None], pa.string()),
}


@pytest.mark.parametrize("column", EXTREMES)
def test_the_extremes_of_a_type_come_back_exactly(
    column: str, cursor: Any, schema: str, put_manifest: PutManifest
) -> None:
    name, values = column.split(maxsplit=1)[0], EXTREMES[column]
    cursor.execute(f"CREATE TABLE {schema}.t ({column}, place INTEGER)")
    places = pa.array(range(len(values)), pa.int32())
    cursor.execute(copy_sql(f"{schema}.t", put_manifest(pa.table({name: values, "place": places}))))
    cursor.execute(f"SELECT CAST({name} AS VARCHAR(400)), {name} FROM {schema}.t ORDER BY place")
    for (text, found), wanted in zip(cursor.fetchall(), values.to_pylist(), strict=True):
        if isinstance(wanted, float):
            assert pa.scalar(float(text), values.type).as_py() == wanted
        elif isinstance(wanted, Decimal):
            assert Decimal(text) == wanted
        else:
            assert (found.rstrip() if isinstance(found, str) else found) == wanted


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_none_comes_back_as_it_was(
    value: float, cursor: Any, schema: str, put_manifest: PutManifest
) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (exact DOUBLE PRECISION)")
    cursor.execute(copy_sql(f"{schema}.t", put_manifest(pa.table({"exact": pa.array([value], pa.float64())}))))
    cursor.execute(f"SELECT exact::text FROM {schema}.t")
    assert repr(float(cursor.fetchone()[0])) == repr(value)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("x DATE", pa.array([-(2**31)], pa.date32())),
        ("x DATE", pa.array([-(2**31) + 10_957], pa.date32())),
        ("x TIMESTAMP", pa.array([-(2**63) + 946_684_800_000_000], pa.timestamp("us"))),
        ("x TIMESTAMPTZ", pa.array([-(2**63) + 1], pa.timestamp("us", "UTC"))),
        ("x TIMESTAMP", pa.array([2**62], pa.timestamp("ms"))),
    ],
)
def test_a_moment_that_no_column_holds_is_a_scan_error(
    column: str, values: pa.Array, cursor: Any, schema: str, put_manifest: PutManifest
) -> None:
    """In PostgreSQL's binary format some of these numbers stand for infinity."""
    cursor.execute(f"CREATE TABLE {schema}.t ({column})")
    with pytest.raises(redshift_connector.ProgrammingError, match="x is out of range for type"):
        cursor.execute(copy_sql(f"{schema}.t", put_manifest(pa.table({"x": values}))))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("DECIMAL(39,0)", "DECIMAL precision 39 must be between 1 and 38"),
        ("NUMERIC(0)", "DECIMAL precision 0 must be between 1 and 38"),
        ("DECIMAL(5,6)", "DECIMAL scale 6 must be between 0 and precision 5"),
        ("DECIMAL(5,-2)", "DECIMAL scale -2 must be between 0 and precision 5"),
    ],
)
def test_a_decimal_that_redshift_does_not_have_is_refused(kind: str, why: str, cursor: Any, schema: str) -> None:
    with pytest.raises(redshift_connector.ProgrammingError, match=why):
        cursor.execute(f"CREATE TABLE {schema}.t (x {kind})")


def test_a_copy_is_part_of_the_clients_transaction(connection: Any, schema: str, put_manifest: PutManifest) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(9))")
    connection.commit()
    cursor.execute(copy_sql(f"{schema}.t", put_manifest(small_table())))
    cursor.execute(f"SELECT count(*), pg_last_copy_count() FROM {schema}.t")
    assert cursor.fetchone() == [3, 3]
    connection.rollback()
    cursor.execute(f"SELECT count(*) FROM {schema}.t")
    assert cursor.fetchone() == [0]


def test_listed_columns_are_filled_in_the_order_of_the_file(
    cursor: Any, schema: str, put_manifest: PutManifest
) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (name VARCHAR(9), other INT DEFAULT 7, id BIGINT)")
    cursor.execute(f"CREATE TEMP TABLE staging (LIKE {schema}.t INCLUDING DEFAULTS)")
    cursor.execute(
        copy_sql("staging (id, name)", put_manifest(small_table(1))).replace(
            "FORMAT AS PARQUET MANIFEST", "MANIFEST FORMAT PARQUET STATUPDATE OFF"
        )
    )
    cursor.execute("SELECT * FROM staging")
    assert cursor.fetchall() == (["n0", 7, 0],)


def test_memory_stays_flat_over_many_row_groups(cursor: Any, schema: str, put_manifest: PutManifest) -> None:
    count = 600_000
    table = pa.table({"id": pa.array(range(count), pa.int64()), "name": pa.array([f"{i:0200d}" for i in range(count)])})
    manifest = put_manifest(table, row_group_size=20_000)
    del table
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(200))")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cursor.execute(copy_sql(f"{schema}.t", manifest))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    assert grown < FLAT_GROWTH_BYTES
    cursor.execute(f"SELECT count(*), sum(id) FROM {schema}.t")
    assert cursor.fetchone() == [count, count * (count - 1) // 2]


def test_a_client_that_leaves_during_a_copy_ends_it(
    gateway: Gateway, stack: str, connection: Any, schema: str, put_manifest: PutManifest
) -> None:
    connection.cursor().execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(9))")
    connection.commit()
    manifest = put_manifest(small_table(90), row_group_size=10)
    looks = []

    def check_client() -> None:
        looks.append(True)
        if len(looks) == 3:
            raise ClientGone

    parameters = {"user": connection.user.decode(), "database": gateway.database}
    with contextlib.closing(Backend(gateway.postgres.socket_path, parameters)) as backend:
        backend.run("BEGIN")
        with pytest.raises(ClientGone):
            Loader(stack).load(Copy(f"{schema}.t", (), manifest, LOADER_ROLE), backend, check_client)
        assert backend.status == b"E"
        assert len(looks) == 3


def test_a_row_that_postgresql_refuses_ends_the_copy(cursor: Any, schema: str, put_manifest: PutManifest) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name CHAR(2))")
    table = pa.table({"id": pa.array(range(90_000), pa.int64()), "name": pa.array(["\0"] + ["n"] * 89_999)})
    with pytest.raises(redshift_connector.ProgrammingError, match="invalid byte sequence"):
        cursor.execute(copy_sql(f"{schema}.t", put_manifest(table, row_group_size=10_000)))
    assert not [each for each in threading.enumerate() if each.name.startswith("redshift-ahead")]


@pytest.mark.parametrize("zone", [None, "UTC", "America/Sao_Paulo"])
@pytest.mark.parametrize("unit", ["ms", "us"])
def test_a_moment_is_read_as_utc_whatever_the_zones_of_file_and_session(
    cursor: Any, schema: str, put_manifest: PutManifest, unit: str, zone: str | None
) -> None:
    counts = [
        -62_135_596_800_000,
        -1,
        0,
        1,
        253_402_300_799_999,
        None,
    ]  # milliseconds; from the year 1 to the end of 9999
    stored = pa.array(counts, pa.timestamp("ms")).cast(pa.timestamp(unit)).cast(pa.timestamp(unit, zone))
    manifest = put_manifest(pa.table({"at": stored, "at_tz": stored}))
    cursor.execute(f"CREATE TABLE {schema}.t (at TIMESTAMP, at_tz TIMESTAMPTZ)")
    cursor.execute("SET timezone TO 'Asia/Tokyo'")
    cursor.execute(copy_sql(f"{schema}.t", manifest))
    start = "TIMESTAMP '1970-01-01'"
    in_utc = f"EXTRACT(epoch FROM at - {start}) * 1000, EXTRACT(epoch FROM (at_tz AT TIME ZONE 'UTC') - {start}) * 1000"
    cursor.execute(f"SELECT {in_utc} FROM {schema}.t ORDER BY at")
    found = [[value if value is None else int(value) for value in row] for row in cursor.fetchall()]
    assert found == [[count, count] for count in counts]


@pytest.mark.parametrize(
    ("declared", "array", "words"),
    [
        ("id INTEGER", pa.array([1], pa.int64()), ["15007", "incompatible Parquet schema", "INTEGER", "int64"]),
        ("id BIGINT", pa.array([1], pa.int32()), ["15007", "BIGINT", "int32"]),
        ("id SMALLINT", pa.array([1], pa.int32()), ["15007", "SMALLINT", "int32"]),
        ("id REAL", pa.array([1.0], pa.float64()), ["15007", "REAL", "double"]),
        ("id DECIMAL(10,2)", pa.array([Decimal("1.000")], pa.decimal128(10, 3)), ["15007", "DECIMAL(10,2)"]),
        ("id VARCHAR(9)", pa.array([1], pa.int64()), ["15007", "VARCHAR(9)", "int64"]),
        ("id TIMESTAMP", pa.array([1], pa.timestamp("ns")), ["nanoseconds"]),
        ("id SUPER", pa.array(["{}"]), ["15007"]),
        ("id VARCHAR(5)", pa.array(["ééé"]), ["15001", "Table: 5, Data: 6", "column id"]),
        ("id BIGINT NOT NULL", pa.array([None], pa.int64()), ["Cannot insert a NULL value into column id"]),
        ("id BIGINT, other INT", pa.array([1], pa.int64()), ["Table columns: 2, Data columns: 1"]),
    ],
)
def test_a_file_that_does_not_fit_its_table_is_a_scan_error(
    connection: Any, schema: str, put_manifest: PutManifest, declared: str, array: pa.Array, words: list[str]
) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t ({declared})")
    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        cursor.execute(copy_sql(f"{schema}.t", put_manifest(pa.table({"id": array}))))
    answer = caught.value.args[0]
    assert answer["C"] == "XX000"
    assert answer["M"] == "Spectrum Scan Error"
    assert all(word in answer["D"] for word in words), answer["D"]
    with pytest.raises(redshift_connector.ProgrammingError, match="25P02"):
        cursor.execute("SELECT 1")


def test_a_missing_mandatory_object_fails_and_an_optional_one_is_skipped(
    connection: Any, schema: str, s3: Any, put_manifest: PutManifest
) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(9))")
    connection.commit()
    gone = {"url": f"s3://{BUCKET}/curated/gone", "mandatory": False, "meta": {"content_length": 1}}
    cursor.execute(copy_sql(f"{schema}.t", put_json(s3, [gone])))
    with pytest.raises(redshift_connector.ProgrammingError, match="specified key does not exist"):
        cursor.execute(copy_sql(f"{schema}.t", put_json(s3, [gone | {"mandatory": True}])))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"meta": {}}, "content_length"),
        ({"meta": {"content_length": 1}}, "File size mismatch"),
        ({"url": "https://example.com/x"}, "full path of an S3 object"),
    ],
)
def test_a_manifest_that_does_not_describe_its_objects_is_refused(
    cursor: Any, schema: str, put_manifest: PutManifest, changes: dict[str, Any], text: str
) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(9))")
    with pytest.raises(redshift_connector.ProgrammingError, match=text):
        cursor.execute(copy_sql(f"{schema}.t", put_manifest(small_table(), **changes)))


def test_a_missing_manifest_is_worded_as_redshift_does(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT)")
    with pytest.raises(
        redshift_connector.ProgrammingError, match=r"Problem reading manifest file - S3ServiceException.*NoSuchKey"
    ):
        cursor.execute(copy_sql(f"{schema}.t", f"s3://{BUCKET}/curated/none.json"))


def test_s3_refuses_what_the_role_may_not_read(cursor: Any, schema: str, put_manifest: PutManifest) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(9))")
    with pytest.raises(
        redshift_connector.ProgrammingError, match="S3ServiceException:Access Denied,Status 403,Error AccessDenied"
    ):
        cursor.execute(copy_sql(f"{schema}.t", put_manifest(small_table(), prefix="private")))


def test_a_readable_manifest_does_not_open_unreadable_parts(cursor: Any, schema: str, s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="private/part", Body=b"x")
    entry = {"url": f"s3://{BUCKET}/private/part", "mandatory": True, "meta": {"content_length": 1}}
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT)")
    with pytest.raises(redshift_connector.ProgrammingError, match="S3ServiceException:Access Denied"):
        cursor.execute(copy_sql(f"{schema}.t", put_json(s3, [entry])))


def test_a_role_that_does_not_trust_the_cluster_is_not_assumed(
    cursor: Any, schema: str, put_manifest: PutManifest
) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id BIGINT, name VARCHAR(9))")
    with pytest.raises(redshift_connector.ProgrammingError, match="not authorized to assume IAM Role"):
        cursor.execute(copy_sql(f"{schema}.t", put_manifest(small_table()), OTHER_ROLE))


def test_json_comes_as_bytes_and_becomes_super(cursor: Any, schema: str, put_manifest: PutManifest) -> None:
    docs = ['{"a": {"b": [1, "x y"]}, "n": null}', None]
    table = pa.table(
        {
            "doc": pa.array([doc and doc.encode() for doc in docs], pa.binary()),
            "text": pa.array([b"a", None], pa.binary()),
        }
    )
    cursor.execute("CREATE TEMP TABLE staging (doc VARBYTE(1000000), text VARCHAR(9))")
    cursor.execute(copy_sql("staging", put_manifest(table)))
    cursor.execute(f"CREATE TABLE {schema}.t (doc SUPER, text VARCHAR(9))")
    cursor.execute(f"INSERT INTO {schema}.t SELECT JSON_PARSE(doc), text FROM staging")
    cursor.execute(f"SELECT json_serialize(doc), text, doc['a']['b'][0] FROM {schema}.t WHERE doc IS NOT NULL")
    assert cursor.fetchone() == ['{"a":{"b":[1,"x y"]},"n":null}', "a", "1"]


def test_bytes_that_are_no_text_do_not_get_into_a_varchar(cursor: Any, schema: str, put_manifest: PutManifest) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (name VARCHAR(9))")
    with pytest.raises(redshift_connector.ProgrammingError, match="invalid or unsupported UTF8"):
        cursor.execute(copy_sql(f"{schema}.t", put_manifest(pa.table({"name": [b"\xff"]}))))


def put_json(s3: Any, entries: list[dict[str, Any]]) -> str:
    import json

    key = f"curated/{time.monotonic_ns()}/manifest.json"
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"entries": entries}).encode())
    return f"s3://{BUCKET}/{key}"
