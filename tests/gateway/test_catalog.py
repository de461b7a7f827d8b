"""The system views: what they show is what happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
import redshift_connector

Connect = Callable[..., Any]
WAIT_SECONDS = 10.0
LOADER_ROLE = "arn:aws:iam::000000000000:role/loader"
COLUMNS = {
    "svv_transactions": "txn_owner txn_db xid pid txn_start lock_mode lockable_object_type relation granted",
    "stv_sessions": "starttime process user_name db_name timeout_sec",
    "stv_recents": "userid status starttime duration user_name db_name query pid",
    "stv_db_isolation_level": "db_name isolation_level",
    "svv_redshift_columns": "database_name schema_name table_name column_name ordinal_position data_type column_default is_nullable encoding distkey sortkey column_acl remarks",
    "pg_table_def": "schemaname tablename column type encoding distkey sortkey notnull",
    "sys_load_error_detail": "user_id query_id transaction_id session_id database_name table_id start_time file_name line_number column_name column_type column_length position error_code error_message",
    "svv_tables": "table_catalog table_schema table_name table_type remarks",
}


def one(cursor: Any, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
    cursor.execute(sql, parameters)
    return list(cursor.fetchone())


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(("view", "columns"), COLUMNS.items())
def test_a_view_has_the_documented_columns(cursor: Any, view: str, columns: str) -> None:
    cursor.execute(f"SELECT * FROM {view} LIMIT 0")
    assert [column[0] for column in cursor.description] == columns.split()


def test_a_transaction_shows_its_locks_under_the_pid_of_its_session(connect: Connect, schema: str) -> None:
    writer, watcher = connect(), connect()
    watcher.autocommit = True
    cursor, seen = writer.cursor(), watcher.cursor()
    (pid,) = one(cursor, "SELECT pg_backend_pid()")
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    writer.commit()
    cursor.execute(f"LOCK {schema}.t")
    (table,) = one(seen, f"SELECT '{schema}.t'::regclass::oid::int")
    seen.execute(
        "SELECT txn_owner, txn_db, lock_mode, relation, granted FROM svv_transactions WHERE pid = %s AND lockable_object_type = 'relation'",
        (pid,),
    )
    assert seen.fetchall() == (["service", "dev", "AccessExclusiveLock", table, True],)
    seen.execute(
        "SELECT lock_mode, xid > 0, txn_start < getdate() + interval '2 seconds' FROM svv_transactions WHERE pid = %s AND lockable_object_type = 'transactionid'",
        (pid,),
    )
    assert seen.fetchall() == (["ExclusiveLock", True, True],)
    assert one(
        seen, "SELECT trim(user_name), trim(db_name), timeout_sec FROM stv_sessions WHERE process = %s", (pid,)
    ) == ["service", "dev", 0]


def test_recents_show_the_running_statement_and_cancel_ends_it(connect: Connect) -> None:
    runner, watcher = connect(), connect()
    watcher.autocommit = True
    cursor, errors = runner.cursor(), list[Any]()
    (pid,) = one(cursor, "SELECT pg_backend_pid()")

    def run() -> None:
        with pytest.raises(redshift_connector.ProgrammingError) as caught:
            cursor.execute("SELECT pg_sleep(30)")
        errors.append(caught.value.args[0])

    thread = threading.Thread(target=run)
    thread.start()
    seen = watcher.cursor()
    wait_until(
        lambda: (
            one(
                seen,
                "SELECT count(*) FROM stv_recents WHERE pid = %s AND status = 'Running' AND query LIKE '%%pg_sleep%%'",
                (pid,),
            )
            == [1]
        )
    )
    seen.execute(f"CANCEL {pid} 'too long'")
    thread.join(WAIT_SECONDS)
    assert (errors[0]["C"], errors[0]["M"]) == ("57014", f"Query ({pid}) cancelled on user's request")


def test_other_users_sessions_are_not_shown(connect: Connect) -> None:
    assert one(connect().cursor(), "SELECT count(*) FROM stv_sessions WHERE user_name <> 'service'") == [0]


def test_comments_are_the_remarks_of_tables_and_columns(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id INT, v INT)")
    cursor.execute(f"CREATE VIEW {schema}.w AS SELECT id FROM {schema}.t")
    cursor.execute(f"COMMENT ON TABLE {schema}.t IS 'a table'")
    cursor.execute(f"COMMENT ON COLUMN {schema}.t.v IS 'a value [kWh]'")
    cursor.execute(f"COMMENT ON VIEW {schema}.w IS 'a view'")
    cursor.execute(f"SELECT table_name, remarks FROM svv_tables WHERE table_schema = '{schema}' ORDER BY 1")
    assert cursor.fetchall() == (["t", "a table"], ["w", "a view"])
    cursor.execute(
        f"SELECT column_name, remarks FROM svv_columns WHERE table_schema = '{schema}' AND table_name = 't' ORDER BY 1"
    )
    assert cursor.fetchall() == (["id", None], ["v", "a value [kWh]"])
    assert one(
        cursor, f"SELECT remarks FROM svv_redshift_columns WHERE schema_name = '{schema}' AND column_name = 'v'"
    ) == ["a value [kWh]"]


def test_encodings_are_remembered_or_those_that_auto_begins_with(connection: Any, schema: str) -> None:
    cursor = connection.cursor()
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {schema}.t (id BIGINT, day DATE ENCODE raw, name VARCHAR(9) ENCODE zstd, flag BOOLEAN, code VARCHAR(3) ENCODE bytedict, "
        "free VARCHAR(3), n INT ENCODE AUTO) SORTKEY (id)"
    )
    connection.commit()
    cursor.execute(f"CREATE TABLE IF NOT EXISTS {schema}.t (id BIGINT ENCODE zstd) DISTKEY (id)")
    cursor.execute(f"ALTER TABLE {schema}.t ADD COLUMN late INT ENCODE delta")
    cursor.execute(f"SET search_path TO {schema}")
    expected = {
        "id": "none",
        "day": "none",
        "name": "zstd",
        "flag": "none",
        "code": "bytedict",
        "free": "lzo",
        "n": "az64",
        "late": "delta",
    }
    cursor.execute("SELECT \"column\", encoding FROM pg_table_def WHERE tablename = 't'")
    assert {row[0]: row[1] for row in cursor.fetchall()} == expected
    cursor.execute(f"SELECT column_name, encoding FROM svv_redshift_columns WHERE schema_name = '{schema}'")
    assert {row[0]: row[1] for row in cursor.fetchall()} == expected
    cursor.execute(f"INSERT INTO {schema}.t (id) VALUES (1)")
    info = one(cursor, f"SELECT encoded, diststyle, sortkey1 FROM svv_table_info WHERE schema = '{schema}'")
    assert info == ["Y", "AUTO(ALL)", "id"]
    connection.commit()
    connection.autocommit = True
    with pytest.raises(redshift_connector.ProgrammingError, match="0A000"):
        cursor.execute("ALTER TABLE t ALTER COLUMN code TYPE VARCHAR(9)")
    cursor.execute("ALTER TABLE t ALTER COLUMN code ENCODE lzo")
    cursor.execute("ALTER TABLE t ALTER COLUMN code TYPE VARCHAR(9)")


def test_table_info_counts_deleted_rows_until_a_vacuum(connection: Any, schema: str) -> None:
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.empty (id INT)")
    cursor.execute(f"CREATE TABLE {schema}.t (id INT, name VARCHAR(7)) DISTSTYLE EVEN SORTKEY (id)")
    cursor.execute(f"INSERT INTO {schema}.t SELECT 1 FROM generate_series(1, 100)")
    cursor.execute(f"DELETE FROM {schema}.t")
    cursor.execute(f"INSERT INTO {schema}.t SELECT 1 FROM generate_series(1, 50)")
    sql = f"SELECT \"table\", tbl_rows, estimated_visible_rows, unsorted, stats_off, diststyle, sortkey1, max_varchar FROM svv_table_info WHERE schema = '{schema}'"
    wait_until(lambda: int(one(cursor, sql)[1]) == 150)
    cursor.execute(sql)
    assert cursor.fetchall() == (["t", 150, 50, 100, 100, "EVEN", "id", 7],)
    cursor.execute(f"VACUUM DELETE ONLY {schema}.t TO 100 PERCENT")
    cursor.execute(f"ANALYZE {schema}.t PREDICATE COLUMNS")
    wait_until(lambda: int(one(cursor, sql)[1]) == 50)
    assert one(cursor, sql)[3:5] == [0, 0]


def test_class_info_tells_how_an_empty_table_is_distributed(connection: Any, schema: str) -> None:
    cursor = connection.cursor()
    styles = {"e": "DISTSTYLE EVEN", "a": "DISTSTYLE ALL", "k": "DISTKEY (id)", "z": "DISTSTYLE AUTO", "n": ""}
    for name, style in styles.items():
        cursor.execute(f"CREATE TABLE {schema}.{name} (id INT) {style}")
    cursor.execute(
        "SELECT relname, releffectivediststyle FROM pg_class_info i JOIN pg_namespace n ON n.oid = i.relnamespace "
        f"WHERE nspname = '{schema}'"
    )
    assert {row[0]: row[1] for row in cursor.fetchall()} == {"e": 0, "a": 8, "k": 1, "z": 10, "n": 10}


def test_a_failed_copy_is_recorded_although_its_transaction_is_rolled_back(
    connection: Any, schema: str, put_manifest: Callable[..., str]
) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (name VARCHAR(5))")
    connection.commit()
    (pid,) = one(cursor, "SELECT pg_backend_pid()")
    manifest = put_manifest(pa.table({"name": ["far too long"]}))
    with pytest.raises(redshift_connector.ProgrammingError, match="Spectrum Scan Error"):
        cursor.execute(f"COPY {schema}.t FROM '{manifest}' IAM_ROLE '{LOADER_ROLE}' FORMAT PARQUET MANIFEST")
    connection.rollback()
    sql = (
        "SELECT session_id, table_id::regclass::text, trim(column_name), trim(column_type), trim(column_length), error_code, error_message, trim(file_name) "
        f"FROM sys_load_error_detail WHERE table_id = '{schema}.t'::regclass::oid::int"
    )
    found = one(cursor, sql)
    assert found[:6] == [pid, f"{schema}.t", "name", "character", "5", 15001]
    assert "longer than the length defined" in found[6]
    assert found[7] == manifest.replace("manifest.json", "part-0.parquet")
