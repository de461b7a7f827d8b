"""Isolation levels and write locks: who waits, who conflicts, and in which words."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redshift_connector

from local.redshift import Gateway

Connect = Callable[..., Any]
WAIT_SECONDS = 10.0
Refusal = redshift_connector.ProgrammingError


@pytest.fixture(scope="module")
def serializable(certificates: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    server = Gateway(
        tmp_path_factory.mktemp("serializable"),
        certificate=certificates.server,
        key=certificates.server,
        users={"service": "s3cret'"},
        isolation="serializable",
        ephemeral=True,
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def pair(connect: Connect, serializable: Gateway) -> tuple[Any, Any]:
    """Two connections to a SERIALIZABLE database, with tables a and b that hold a row each."""
    one, two = connect(port=serializable.port), connect(port=serializable.port)
    make(one, "public")
    return one, two


def make(connection: Any, schema: str) -> None:
    cursor = connection.cursor()
    for name in "ab":
        cursor.execute(f"DROP TABLE IF EXISTS {schema}.{name}")
        cursor.execute(f"CREATE TABLE {schema}.{name} (id INT, v INT)")
        cursor.execute(f"INSERT INTO {schema}.{name} VALUES (1, 0), (2, 0)")
    connection.commit()


def waiting(cursor: Any) -> bool:
    cursor.execute("SELECT count(*) FROM svv_transactions WHERE NOT granted AND lockable_object_type = 'relation'")
    return bool(cursor.fetchone()[0])


class Started:
    """A statement in a thread of its own."""

    def __init__(self, connection: Any, sql: str) -> None:
        self.error: Exception | None = None
        self._connection, self._sql = connection, sql
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._connection.cursor().execute(self._sql)
        except redshift_connector.Error as exc:
            self.error = exc

    def join(self) -> None:
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("is_autocommit", [True, False])
def test_a_second_writer_waits_and_then_sees_what_the_first_committed(
    connect: Connect, schema: str, *, is_autocommit: bool
) -> None:
    one, two, watcher = connect(), connect(), connect()
    watcher.autocommit, two.autocommit = True, is_autocommit
    make(one, schema)
    one.cursor().execute(f"UPDATE {schema}.a SET v = v + 1")
    second = Started(two, f"UPDATE {schema}.a SET v = v + 1")
    wait_until(lambda: waiting(watcher.cursor()))
    one.commit()
    second.join()
    assert second.error is None
    if not is_autocommit:
        two.commit()
    found = watcher.cursor()
    found.execute(f"SELECT v FROM {schema}.a")
    assert found.fetchall() == ([2], [2])


def test_under_snapshot_changes_of_other_rows_of_a_table_both_commit(connect: Connect, schema: str) -> None:
    one, two = connect(), connect()
    make(one, schema)
    two.cursor().execute(f"SELECT * FROM {schema}.a")
    one.cursor().execute(f"UPDATE {schema}.a SET v = 1 WHERE id = 1")
    one.commit()
    two.cursor().execute(f"UPDATE {schema}.a SET v = 2 WHERE id = 2")
    two.commit()


def test_under_snapshot_inserts_share_a_table_and_deletes_do_not(connect: Connect, schema: str) -> None:
    one, two = connect(), connect()
    make(one, schema)
    one.cursor().execute(f"INSERT INTO {schema}.a VALUES (3, 0)")
    cursor = two.cursor()
    cursor.execute("SET statement_timeout TO 500")
    cursor.execute(f"INSERT INTO {schema}.a VALUES (4, 0)")
    with pytest.raises(Refusal, match="cancelled on user's request"):
        cursor.execute(f"DELETE FROM {schema}.a WHERE id = 4")


def test_a_serializable_database_says_so(pair: tuple[Any, Any]) -> None:
    cursor = pair[0].cursor()
    cursor.execute("SELECT trim(isolation_level) FROM stv_db_isolation_level WHERE db_name = current_database()")
    assert cursor.fetchone() == ["Serializable"]


def test_under_serializable_a_cycle_of_reads_and_writes_is_1023_with_the_table(pair: tuple[Any, Any]) -> None:
    one, two = (connection.cursor() for connection in pair)
    one.execute("SELECT * FROM a")
    two.execute("SELECT * FROM b")
    one.execute("INSERT INTO b VALUES (9, 9)")
    two.execute("INSERT INTO a VALUES (9, 9)")
    pair[0].commit()
    with pytest.raises(Refusal) as caught:
        pair[1].commit()
    answer = caught.value.args[0]
    assert (answer["C"], answer["M"]) == ("XX000", "1023")
    detail = (
        r"Serializable isolation violation on table - (\d+), transactions forming the cycle are: \d+, \d+ \(pid:\d+\)"
    )
    found = re.fullmatch(detail, answer["D"])
    assert found is not None
    one.execute("SELECT 'a'::regclass::oid")
    assert one.fetchone() == [int(found[1])]


def test_under_serializable_changes_of_other_rows_of_a_table_conflict(pair: tuple[Any, Any]) -> None:
    one, two = (connection.cursor() for connection in pair)
    two.execute("SELECT count(*) FROM a")
    one.execute("UPDATE a SET v = 1 WHERE id = 1")
    pair[0].commit()
    with pytest.raises(Refusal, match="1023"):
        two.execute("UPDATE a SET v = 2 WHERE id = 2")


def test_under_serializable_inserts_wait_for_each_other_and_both_commit(pair: tuple[Any, Any]) -> None:
    one, two = pair
    one.cursor().execute("INSERT INTO a VALUES (3, 0)")
    second = Started(two, "INSERT INTO a VALUES (4, 0)")
    time.sleep(0.2)
    assert second.error is None
    one.commit()
    second.join()
    assert second.error is None
    two.commit()


def test_the_level_is_altered_outside_a_transaction_by_the_only_session(
    serializable: Gateway, connect: Connect
) -> None:
    one, two = connect(port=serializable.port), connect(port=serializable.port)
    with pytest.raises(Refusal, match=r"25001.*cannot run inside a transaction block"):
        one.cursor().execute("ALTER DATABASE dev ISOLATION LEVEL SNAPSHOT")
    one.rollback()
    one.autocommit = True
    cursor = one.cursor()
    with pytest.raises(Refusal, match="55006"):
        cursor.execute("ALTER DATABASE dev ISOLATION LEVEL SNAPSHOT")
    two.close()
    cursor.execute("SELECT pg_terminate_backend(process) FROM stv_sessions WHERE process <> pg_backend_pid()")
    wait_until(lambda: _sessions(cursor) == 1)
    cursor.execute("ALTER DATABASE dev ISOLATION LEVEL SNAPSHOT")
    cursor.execute("SELECT trim(isolation_level) FROM stv_db_isolation_level")
    assert cursor.fetchone() == ["Snapshot Isolation"]
    cursor.execute("ALTER DATABASE dev ISOLATION LEVEL SERIALIZABLE")


def _sessions(cursor: Any) -> int:
    cursor.execute("SELECT count(*) FROM stv_sessions")
    return int(cursor.fetchone()[0])


@pytest.mark.parametrize(
    "sql", ["BEGIN ISOLATION LEVEL READ COMMITTED", "START TRANSACTION ISOLATION LEVEL READ UNCOMMITTED READ WRITE"]
)
def test_a_level_named_at_begin_changes_nothing(connection: Any, sql: str) -> None:
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(sql)
    cursor.execute("SHOW transaction_isolation")
    assert cursor.fetchone() == ["repeatable read"]
    cursor.execute("ROLLBACK")
    with pytest.raises(Refusal, match="0A000"):
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
