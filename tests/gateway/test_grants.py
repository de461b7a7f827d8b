"""Users, groups, roles and what they may do: Redshift's statements, seen by the user they are about."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redshift_connector

Connect = Callable[..., Any]
Refusal = redshift_connector.ProgrammingError
Run = Callable[[str], None]


@pytest.fixture
def run(connect: Connect) -> Run:
    admin = connect()
    admin.autocommit = True
    return lambda sql: admin.cursor().execute(sql)


@pytest.fixture
def reader(connect: Connect, run: Run) -> Iterator[tuple[str, Callable[[], Any]]]:
    """A user made by SQL: the name, and a connection as that user."""
    name = f"reader{time.monotonic_ns()}"
    run(
        f"CREATE USER {name} PASSWORD 'Secret1x' NOCREATEDB NOCREATEUSER CONNECTION LIMIT UNLIMITED VALID UNTIL '2099-01-01'"
    )
    opened: list[Any] = []

    def open_one() -> Any:
        opened.append(connect(user=name, password="Secret1x"))
        opened[-1].autocommit = True
        return opened[-1].cursor()

    yield name, open_one
    for connection in opened:
        connection.close()


def test_a_user_made_by_sql_connects_with_its_password_and_may_nothing(
    connect: Connect, reader: Any, run: Run, schema: str
) -> None:
    name, open_one = reader
    run(f"CREATE TABLE {schema}.t (id INT)")
    with pytest.raises(Refusal, match=r"42501.*permission denied for schema"):
        open_one().execute(f"SELECT * FROM {schema}.t")
    with pytest.raises(redshift_connector.InterfaceError, match="password authentication failed"):
        connect(user=name, password="wrong")
    run(f"ALTER USER {name} PASSWORD DISABLE")
    with pytest.raises(redshift_connector.InterfaceError, match="password authentication failed"):
        connect(user=name, password="Secret1x")


@pytest.mark.parametrize("kind", ["USER", "GROUP", "ROLE"])
def test_a_grant_reaches_its_user_and_a_revoke_takes_it_back(reader: Any, run: Run, schema: str, kind: str) -> None:
    name, open_one = reader
    holder = name if kind == "USER" else f"holder{time.monotonic_ns()}"
    grantee = holder if kind == "USER" else f"{kind} {holder}"
    if kind == "GROUP":
        run(f"CREATE GROUP {holder} WITH USER {name}")
    elif kind == "ROLE":
        run(f"CREATE ROLE {holder}")
        run(f"GRANT ROLE {holder} TO {name}")
    run(f"CREATE TABLE {schema}.t (id INT)")
    run(f"GRANT USAGE ON SCHEMA {schema} TO {grantee}")
    run(f"GRANT SELECT, INSERT ON TABLE {schema}.t TO {grantee}")
    run(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {grantee}")
    run(f"CREATE TABLE {schema}.later (id INT)")
    cursor = open_one()
    cursor.execute(f"INSERT INTO {schema}.t VALUES (1)")
    cursor.execute(f"SELECT (SELECT count(*) FROM {schema}.t), (SELECT count(*) FROM {schema}.later)")
    assert cursor.fetchone() == [1, 0]
    with pytest.raises(Refusal, match="42501"):
        cursor.execute(f"DELETE FROM {schema}.t")
    cursor.execute(
        f"SELECT has_table_privilege('{name}', '{schema}.t', 'insert'), has_table_privilege('{name}', '{schema}.t', 'delete')"
    )
    assert cursor.fetchone() == [True, False]
    run(f"REVOKE INSERT ON {schema}.t FROM {grantee}")
    with pytest.raises(Refusal, match="42501"):
        cursor.execute(f"INSERT INTO {schema}.t VALUES (1)")
    run(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {grantee}")
    with pytest.raises(Refusal, match="42501"):
        cursor.execute(f"SELECT * FROM {schema}.t")


def test_roles_nest_and_are_taken_back(reader: Any, run: Run, schema: str) -> None:
    name, open_one = reader
    outer, inner = f"outer{time.monotonic_ns()}", f"inner{time.monotonic_ns()}"
    run(f"CREATE TABLE {schema}.t (id INT)")
    for sql in (
        f"CREATE ROLE {outer}",
        f"CREATE ROLE {inner}",
        f"GRANT ROLE {inner} TO ROLE {outer}",
        f"GRANT ROLE {outer} TO {name}",
    ):
        run(sql)
    run(f"GRANT USAGE ON SCHEMA {schema} TO ROLE {inner}")
    run(f"GRANT SELECT ON {schema}.t TO ROLE {inner}")
    cursor = open_one()
    cursor.execute(f"SELECT count(*) FROM {schema}.t")
    run(f"REVOKE ROLE {outer} FROM {name}")
    with pytest.raises(Refusal, match="42501"):
        cursor.execute(f"SELECT count(*) FROM {schema}.t")


@pytest.mark.parametrize(
    "sql",
    [
        "GRANT DROP ON {s}.t TO service",
        "GRANT ALTER ON {s}.t TO service",
        "GRANT SELECT FOR TABLES IN SCHEMA {s} TO service",
        "GRANT ASSUMEROLE ON 'arn:aws:iam::0:role/x' TO service FOR COPY",
        "CREATE USER x PASSWORD DISABLE SYSLOG ACCESS UNRESTRICTED",
        "CREATE USER x PASSWORD DISABLE CREATEUSER",
        "CREATE USER x PASSWORD DISABLE SESSION TIMEOUT 60",
    ],
)
def test_privileges_that_postgresql_cannot_hold_are_refused(run: Run, schema: str, sql: str) -> None:
    with pytest.raises(Refusal, match="0A000"):
        run(sql.format(s=schema))


@pytest.mark.parametrize(
    "sql",
    [
        "VACUUM {s}.t",
        "VACUUM FULL {s}.t TO 100 PERCENT",
        "VACUUM SORT ONLY {s}.t",
        "VACUUM DELETE ONLY {s}.t TO 75 PERCENT BOOST",
        "VACUUM REINDEX {s}.t",
        "VACUUM RECLUSTER {s}.t",
    ],
)
def test_vacuum_runs_alone_and_not_in_a_transaction(connect: Connect, run: Run, schema: str, sql: str) -> None:
    run(f"CREATE TABLE {schema}.t (id INT)")
    run(sql.format(s=schema))
    connection = connect()
    with pytest.raises(Refusal, match=r"25001.*VACUUM cannot run inside a transaction block"):
        connection.cursor().execute(sql.format(s=schema))


@pytest.mark.parametrize(
    "sql",
    [
        "ANALYZE",
        "ANALYZE VERBOSE {s}.t",
        "ANALYZE {s}.t (id)",
        "ANALYZE {s}.t PREDICATE COLUMNS",
        "ANALYZE {s}.t ALL COLUMNS",
    ],
)
def test_analyze_also_runs_in_a_transaction(cursor: Any, schema: str, sql: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    cursor.execute(sql.format(s=schema))
