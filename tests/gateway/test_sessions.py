"""Connections, transactions and locks, as redshift_connector, awswrangler and psql see them."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import awswrangler as wr
import pytest
import redshift_connector

from local.redshift import Gateway, PortBusy, wire
from local.redshift.server import _md5_answer, hash_password

Connect = Callable[..., Any]
WAIT_SECONDS = 10.0


def wait_for(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lock_waiters(cursor: Any) -> int:
    cursor.execute("SELECT count(*) FROM svv_transactions WHERE NOT granted")
    return int(cursor.fetchone()[0])


def test_the_connector_connects_with_verify_full_and_sees_redshifts_version(connection: Any) -> None:
    assert (b"server_version", b"8.0.2") in connection.parameter_statuses
    cursor = connection.cursor()
    cursor.execute("SELECT current_user, current_database(), pg_backend_pid() > 0")
    assert cursor.fetchone() == ["service", "dev", True]


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"password": "wrong"}, "password authentication failed"), ({"user": "nobody"}, "password authentication failed")],
)
def test_a_wrong_login_is_refused(connect: Connect, changes: dict[str, str], text: str) -> None:
    with pytest.raises(redshift_connector.InterfaceError, match=text):
        connect(**changes)


def test_an_unknown_database_is_named(connect: Connect) -> None:
    with pytest.raises(redshift_connector.ProgrammingError, match='database "nowhere" does not exist'):
        connect(database="nowhere")


def test_a_connection_without_tls_is_refused(connect: Connect) -> None:
    with pytest.raises(redshift_connector.InterfaceError, match="SSL is required"):
        connect(ssl=False)


def test_a_client_that_speaks_something_else_is_dropped(gateway: Gateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(100) == b""


def test_parameters_keep_their_values(cursor: Any) -> None:
    cursor.execute("SELECT %s::bigint, %s::varchar, %s::decimal(9,2), %s::date", (2**40, 'it\'s "ação"', 1, None))
    assert cursor.fetchone()[:2] == [2**40, 'it\'s "ação"']


def test_a_large_result_is_streamed_completely(cursor: Any) -> None:
    cursor.execute("SELECT i, repeat('x', 500) FROM generate_series(1, 50000) AS g(i)")
    rows = cursor.fetchall()
    assert [row[0] for row in rows] == list(range(1, 50_001))


def test_a_rollback_takes_tables_and_rows_back(connection: Any, schema: str) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    connection.rollback()
    cursor.execute(f"SELECT count(*) FROM svv_tables WHERE table_schema = '{schema}'")
    assert cursor.fetchone() == [0]


def test_truncate_commits_what_came_before_it(connection: Any, schema: str) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    cursor.execute(f"CREATE TABLE {schema}.kept (id INT)")
    connection.commit()
    cursor.execute(f"INSERT INTO {schema}.t VALUES (1)")
    cursor.execute(f"INSERT INTO {schema}.kept VALUES (1)")
    cursor.execute(f"TRUNCATE {schema}.t")
    connection.rollback()
    cursor.execute(f"SELECT (SELECT count(*) FROM {schema}.t), (SELECT count(*) FROM {schema}.kept)")
    assert cursor.fetchone() == [0, 1]


def test_sessions_see_a_snapshot_fixed_by_their_first_read(connect: Connect, schema: str) -> None:
    one, two = connect(), connect()
    one.cursor().execute(f"CREATE TABLE {schema}.t (id INT)")
    one.commit()
    reader = two.cursor()
    reader.execute(f"SELECT count(*) FROM {schema}.t")
    one.cursor().execute(f"INSERT INTO {schema}.t VALUES (1)")
    one.commit()
    reader.execute(f"SELECT count(*) FROM {schema}.t")
    assert reader.fetchone() == [0]
    reader.execute("SELECT isolation_level FROM stv_db_isolation_level WHERE db_name = current_database()")
    assert reader.fetchone()[0].strip() == "Snapshot Isolation"


def test_lock_as_first_statement_serialises_two_sessions_without_fixing_the_snapshot(
    connect: Connect, schema: str
) -> None:
    one, two, watcher = connect(), connect(), connect()
    watcher.autocommit = True
    first, second, seen = one.cursor(), two.cursor(), []
    first.execute(f"CREATE TABLE {schema}.lock (id INT)")
    first.execute(f"CREATE TABLE {schema}.t (id INT)")
    one.commit()

    def wait_and_read() -> None:
        second.execute(f"LOCK {schema}.lock")
        second.execute(f"SELECT count(*) FROM {schema}.t")
        seen.extend(second.fetchone())

    first.execute(f"LOCK {schema}.lock")
    thread = threading.Thread(target=wait_and_read)
    thread.start()
    wait_for(lambda: lock_waiters(watcher.cursor()) == 1)
    first.execute(f"INSERT INTO {schema}.t VALUES (1)")
    one.commit()
    thread.join(WAIT_SECONDS)
    assert seen == [1]


def test_a_write_conflict_under_snapshot_is_worded_as_redshift_does(connect: Connect, schema: str) -> None:
    one, two = connect(), connect()
    first, second = one.cursor(), two.cursor()
    first.execute(f"CREATE TABLE {schema}.t (id INT)")
    first.execute(f"INSERT INTO {schema}.t VALUES (1)")
    one.commit()
    second.execute(f"SELECT * FROM {schema}.t")
    first.execute(f"UPDATE {schema}.t SET id = 2")
    one.commit()
    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        second.execute(f"UPDATE {schema}.t SET id = 3")
    answer = caught.value.args[0]
    assert answer["C"] == "XX000"
    assert answer["M"] == "could not complete because of conflict with concurrent transaction"


def test_a_statement_timeout_is_worded_as_a_cancelled_query(cursor: Any) -> None:
    cursor.execute("SET statement_timeout TO 50")
    with pytest.raises(redshift_connector.ProgrammingError, match=r"57014.*Query \(\d+\) cancelled on user's request"):
        cursor.execute("SELECT pg_sleep(5)")


def test_redshifts_own_settings_are_kept_and_shown(cursor: Any) -> None:
    cursor.execute("SHOW query_group")
    assert cursor.fetchone() == [""]
    cursor.execute("SET query_group TO 'esteira'")
    cursor.execute("SHOW query_group")
    assert cursor.fetchone() == ["esteira"]


def test_a_session_terminates_its_own_orphan(connect: Connect, schema: str) -> None:
    one, two = connect(), connect()
    orphan, successor = one.cursor(), two.cursor()
    orphan.execute(f"CREATE TABLE {schema}.t (id INT)")
    one.commit()
    orphan.execute("SELECT pg_backend_pid()")
    pid = orphan.fetchone()[0]
    orphan.execute(f"LOCK {schema}.t")
    successor.execute("SELECT count(*) FROM stv_sessions WHERE process = %s", (pid,))
    assert successor.fetchone() == [1]
    successor.execute("SELECT pg_terminate_backend(%s::int)", (pid,))
    successor.execute(f"LOCK {schema}.t")
    with pytest.raises((redshift_connector.Error, OSError)):
        orphan.execute("SELECT 1")


VICTIM = """
import sys, redshift_connector
port, schema = int(sys.argv[1]), sys.argv[2]
c = redshift_connector.connect(host="localhost", port=port, database="dev", user="service", password="s3cret'", sslmode="verify-full")
k = c.cursor()
k.execute(f"LOCK {schema}.t")
k.execute(f"INSERT INTO {schema}.t VALUES (1)")
print("locked", flush=True)
if len(sys.argv) > 3:
    k.execute(f"LOCK {schema}.{sys.argv[3]}")
sys.stdin.read()
"""


@pytest.mark.parametrize("is_waiting", [False, True])
def test_a_killed_client_is_rolled_back_and_its_lock_freed(
    gateway: Gateway, connect: Connect, schema: str, *, is_waiting: bool
) -> None:
    connection = connect()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    cursor.execute(f"CREATE TABLE {schema}.held (id INT)")
    connection.commit()
    cursor.execute(f"LOCK {schema}.held")
    extra = ["held"] if is_waiting else []
    command = [sys.executable, "-c", VICTIM, str(gateway.port), schema, *extra]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"locked\n"
        if is_waiting:
            wait_for(lambda: lock_waiters(cursor) == 1)
        victim.send_signal(signal.SIGKILL)
        victim.wait(WAIT_SECONDS)
    cursor.execute("SET statement_timeout TO 5000")
    cursor.execute(f"LOCK {schema}.t")
    cursor.execute(f"SELECT count(*) FROM {schema}.t")
    assert cursor.fetchone() == [0]


def test_a_lost_commit_answer_leaves_the_work_committed(connect: Connect, schema: str, hook: Any) -> None:
    connection, other = connect(), connect()
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    connection.commit()
    cursor.execute("SELECT pg_backend_pid()")
    pid, seen = cursor.fetchone()[0], []

    def drop(session_pid: int) -> None:
        seen.append(session_pid)
        raise ConnectionAbortedError

    cursor.execute(f"INSERT INTO {schema}.t VALUES (1)")
    hook.action = drop
    try:
        with pytest.raises((redshift_connector.Error, OSError)):
            connection.commit()
    finally:
        hook.action = None
    assert seen == [pid]
    reader = other.cursor()
    reader.execute(f"SELECT count(*) FROM {schema}.t")
    assert reader.fetchone() == [1]


def test_awswrangler_reads_and_writes_over_the_connection(connect: Connect, schema: str) -> None:
    import pandas as pd

    connection = connect()
    frame = pd.DataFrame({"id": [1, 2], "name": ["a", "ç"]})
    wr.redshift.to_sql(
        frame,
        con=connection,
        schema=schema,
        table="t",
        index=False,
        primary_keys=["id"],
        diststyle="KEY",
        distkey="id",
        sortstyle="COMPOUND",
        sortkey=["id"],
    )
    found = wr.redshift.read_sql_query(f"SELECT id, name, sysdate AS now FROM {schema}.t ORDER BY id", con=connection)
    assert found[["id", "name"]].to_numpy().tolist() == [[1, "a"], [2, "ç"]]


class SimpleClient:
    """The simple protocol as psql speaks it. (The wheel's own psql is built without TLS, which the gateway demands.)"""

    def __init__(self, gateway: Gateway, ca: Path) -> None:
        raw = socket.create_connection(("127.0.0.1", gateway.port), timeout=WAIT_SECONDS)
        raw.sendall(struct.pack("!II", 8, wire.SSL_REQUEST))
        assert raw.recv(1) == b"S"
        self.sock = ssl.create_default_context(cafile=str(ca)).wrap_socket(raw, server_hostname="localhost")
        self.inbox = wire.MessageBuffer()
        self.key = b""
        self.sock.sendall(
            wire.startup({"user": "service", "database": "dev", "application_name": "psql", "unknown_parameter": "x"})
        )
        salt = self.receive()[1][4:]
        self.sock.sendall(wire.message(b"p", _md5_answer(hash_password("service", "s3cret'"), salt).encode() + b"\0"))
        self.until_ready()

    def receive(self) -> tuple[bytes, bytes]:
        while (found := self.inbox.take()) is None:
            self.inbox.feed(self.sock.recv(65536))
        return found

    def until_ready(self) -> list[str]:
        seen: list[str] = []
        while True:
            kind, body = self.receive()
            if kind == b"K":
                self.key = body
            elif kind == b"D":
                seen.append("|".join(value or "" for value in wire.read_row(body)))
            elif kind == b"C":
                seen.append(wire.cstring(body)[0])
            elif kind == b"E":
                seen.append(dict(wire.read_fields(body))["M"])
            elif kind == b"Z":
                return [*seen, body.decode()]

    def ask(self, sql: str) -> list[str]:
        self.sock.sendall(wire.message(b"Q", sql.encode() + b"\0"))
        return self.until_ready()


@pytest.fixture
def simple(gateway: Gateway, certificates: Any) -> Iterator[SimpleClient]:
    client = SimpleClient(gateway, certificates.ca)
    yield client
    client.sock.close()


def test_the_simple_protocol_takes_several_statements(simple: SimpleClient, schema: str) -> None:
    created = simple.ask(
        f"CREATE TABLE {schema}.t (id INT, PRIMARY KEY (id)) SORTKEY(id); INSERT INTO {schema}.t VALUES (1),(1); TRUNCATE {schema}.t"
    )
    assert created == ["CREATE TABLE", "INSERT 0 2", "TRUNCATE TABLE", "I"]
    assert simple.ask("SELECT 1; SELECT nvl(NULL, 2); SELECT ';' -- ; no") == [
        "1",
        "SELECT 1",
        "2",
        "SELECT 1",
        ";",
        "SELECT 1",
        "I",
    ]
    mixed = simple.ask(f"TRUNCATE {schema}.t; SELECT 1; SELECT 1/0; SELECT 2")
    assert mixed == ["TRUNCATE TABLE", "1", "SELECT 1", "division by zero", "I"]
    assert simple.ask("") == ["I"]


def test_a_refusal_in_a_transaction_aborts_it_as_an_error_of_the_server_would(simple: SimpleClient) -> None:
    assert simple.ask("BEGIN") == ["BEGIN", "T"]
    assert simple.ask("CREATE MATERIALIZED VIEW v AS SELECT 1") == [
        "CREATE MATERIALIZED is not supported: the local Redshift does not emulate it",
        "E",
    ]
    assert simple.ask("COMMIT") == ["ROLLBACK", "I"]


def test_cancel_requests_reach_the_query(gateway: Gateway, simple: SimpleClient) -> None:
    simple.sock.sendall(wire.message(b"Q", b"SELECT pg_sleep(30)\0"))
    time.sleep(0.2)
    with socket.create_connection(("127.0.0.1", gateway.port)) as other:
        other.sendall(struct.pack("!II", 16, wire.CANCEL_REQUEST) + simple.key)
        assert other.recv(1) == b""
    answer = simple.until_ready()
    assert "cancelled on user's request" in answer[0]


@pytest.mark.skipif(
    shutil.which("psql") is None, reason="no psql with TLS on this machine; the wheel's is built without"
)
def test_psql_runs_and_its_control_c_cancels_the_query(gateway: Gateway, certificates: Any) -> None:
    where = f"host=localhost port={gateway.port} dbname=dev user=service password=s3cret\\' sslmode=verify-full sslrootcert={certificates.ca}"
    command = ["psql", "-X", where, "-c", "SELECT 'started'", "-c", "SELECT pg_sleep(30)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as psql:
        assert psql.stdout is not None
        assert psql.stderr is not None
        while "started" not in psql.stdout.readline():
            assert psql.poll() is None
        time.sleep(0.3)
        psql.send_signal(signal.SIGINT)
        assert re.search(r"Query \(\d+\) cancelled on user's request", psql.stderr.read())


def test_a_killed_session_is_told_so(simple: SimpleClient, cursor: Any) -> None:
    (pid,) = struct.unpack("!I", simple.key[:4])
    cursor.execute(f"SELECT pg_terminate_backend({pid})")
    kind, body = simple.receive()
    found = dict(wire.read_fields(body))
    assert (kind, found["S"], found["C"]) == (b"E", "FATAL", "57P01")
    assert found["M"] == "terminating connection due to administrator command"


def test_a_busy_port_is_named(gateway: Gateway, certificates: Any, tmp_path: Path) -> None:
    second = Gateway(
        tmp_path, port=gateway.port, certificate=certificates.server, key=certificates.server, users={"u": "p"}
    )
    with pytest.raises(PortBusy, match=rf"port {gateway.port} .*--port"):
        second.start()
