"""What the local Redshift does like Redshift, what it refuses and what it does otherwise: each with a proof.

The README's table comes from here: `python -m tests.gateway.behaviours` writes it, and a test compares the two.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import redshift_connector

README = Path(__file__).parents[2] / "local" / "redshift" / "README.md"
START, END = "<!-- behaviours: python -m tests.gateway.behaviours -->", "<!-- end of behaviours -->"
DOCS = "https://docs.aws.amazon.com/redshift/latest/dg"
ROLE = "arn:aws:iam::000000000000:role/loader"
Status = Literal["emulated", "refused", "differs"]


@dataclass
class Bench:
    """Connections to the gateway and a schema `{s}` with table t (id INT, name VARCHAR(5)) that holds (1, 'a')."""

    connect: Callable[..., Any]
    schema: str
    put_manifest: Callable[..., str]

    def __post_init__(self) -> None:
        self.main = self.open()
        self.run("CREATE TABLE {s}.t (id INT, name VARCHAR(5))")
        self.run("INSERT INTO {s}.t VALUES (1, 'a')")

    def open(self, *, autocommit: bool = True) -> Any:
        connection = self.connect()
        connection.autocommit = autocommit
        return connection

    def run(self, sql: str, connection: Any = None) -> list[list[Any]]:
        cursor = (connection or self.main).cursor()
        cursor.execute(sql.replace("{s}", self.schema))
        return [list(row) for row in cursor.fetchall()] if cursor.description else []

    def error(self, sql: str, connection: Any = None) -> dict[str, str]:
        try:
            self.run(sql, connection)
        except redshift_connector.ProgrammingError as exc:
            return dict(exc.args[0])
        raise AssertionError(f"not refused: {sql}")


Check = Callable[[Bench], None]


@dataclass(frozen=True)
class Behaviour:
    """One row of the table; `page` names the AWS page, `reason` what a reader must know."""

    name: str
    page: str
    status: Status
    check: Check
    reason: str = ""

    def row(self) -> str:
        return f"| [{self.name}]({DOCS}/{self.page}.html) | {self.status} | {self.reason} |"


def answers(sql: str, *expected: list[Any]) -> Check:
    def check(bench: Bench) -> None:
        assert bench.run(sql) == list(expected)

    return check


def fails(
    sql: str, code: str = "0A000", text: str = "", before: tuple[str, ...] = (), *, in_transaction: bool = False
) -> Check:
    def check(bench: Bench) -> None:
        connection = bench.open(autocommit=not in_transaction)
        for statement in before:
            bench.run(statement, connection)
        answer = bench.error(sql, connection)
        assert answer["C"] == code, answer
        assert text in answer["M"] + answer.get("D", ""), answer

    return check


def runs(*statements: str) -> Check:
    def check(bench: Bench) -> None:
        for statement in statements:
            bench.run(statement)

    return check


def then(*statements: str, answer: list[list[Any]]) -> Check:
    """Run all statements; the last one answers."""

    def check(bench: Bench) -> None:
        for statement in statements[:-1]:
            bench.run(statement)
        assert bench.run(statements[-1]) == answer

    return check


def each_fails(*statements: str) -> Check:
    def check(bench: Bench) -> None:
        for statement in statements:
            assert bench.error(statement)["C"] == "0A000", statement

    return check


def second_writer_waits(bench: Bench) -> None:
    one, two = bench.open(autocommit=False), bench.open()
    bench.run("UPDATE {s}.t SET name = 'b'", one)
    bench.run("SET statement_timeout TO 200", two)
    assert "cancelled on user's request" in bench.error("UPDATE {s}.t SET name = 'c' WHERE id = 9", two)["M"]


def same_row_conflicts(bench: Bench) -> None:
    one = bench.open(autocommit=False)
    bench.run("SELECT * FROM {s}.t", one)
    bench.run("UPDATE {s}.t SET name = 'b'")
    answer = bench.error("UPDATE {s}.t SET name = 'c'", one)
    assert (answer["C"], answer["M"]) == ("XX000", "could not complete because of conflict with concurrent transaction")


def other_rows_do_not_conflict(bench: Bench) -> None:
    bench.run("INSERT INTO {s}.t VALUES (2, 'z')")
    one = bench.open(autocommit=False)
    bench.run("SELECT * FROM {s}.t", one)
    bench.run("UPDATE {s}.t SET name = 'b' WHERE id = 1")
    bench.run("UPDATE {s}.t SET name = 'c' WHERE id = 2", one)
    one.commit()


def serializable_wording(bench: Bench) -> None:
    from local.redshift.errors import Setting, translate
    from local.redshift.wire import fields, read_fields

    body = translate(fields([("C", "40001"), ("M", "x")]), Setting(7, is_serializable=True, find_table=lambda: 100))
    text = "Serializable isolation violation on table - 100, transactions forming the cycle are: 0, 0 (pid:7)"
    assert dict(read_fields(body)) == {"C": "XX000", "M": "1023", "D": text}


def truncate_commits(bench: Bench) -> None:
    one = bench.open(autocommit=False)
    bench.run("TRUNCATE {s}.t", one)
    one.rollback()
    assert bench.run("SELECT count(*) FROM {s}.t") == [[0]]


def lock_comes_before_the_snapshot(bench: Bench) -> None:
    one = bench.open(autocommit=False)
    bench.run("LOCK {s}.t", one)
    bench.run("CREATE TABLE {s}.u AS SELECT 1 AS id")
    assert bench.run("SELECT count(*) FROM {s}.u", one) == [[1]]


def vanished_client_lets_go(bench: Bench) -> None:
    one = bench.open(autocommit=False)
    bench.run("LOCK {s}.t", one)
    one._usock.shutdown(socket.SHUT_RDWR)  # closing waits for the connector's own buffered file
    bench.run("SET statement_timeout TO 5000")
    bench.run("DELETE FROM {s}.t")


def copy_error(bench: Bench) -> dict[str, str]:
    manifest = bench.put_manifest(pa.table({"id": pa.array([1], pa.int64()), "name": ["a"]}))
    return bench.error(f"COPY {{s}}.t FROM '{manifest}' IAM_ROLE '{ROLE}' FORMAT PARQUET MANIFEST")


def copy_is_strict(bench: Bench) -> None:
    answer = copy_error(bench)
    assert (answer["C"], answer["M"]) == ("XX000", "Spectrum Scan Error")
    assert "15007" in answer["D"]


def copy_error_is_recorded(bench: Bench) -> None:
    copy_error(bench)
    sql = "SELECT error_code, transaction_id, line_number FROM sys_load_error_detail WHERE table_id = '{s}.t'::regclass::oid::int"
    assert bench.run(sql) == [[15007, None, None]]


def copy_loads(bench: Bench) -> None:
    manifest = bench.put_manifest(pa.table({"id": pa.array([5], pa.int32()), "name": ["b"]}))
    one = bench.open(autocommit=False)
    bench.run(f"COPY {{s}}.t FROM '{manifest}' IAM_ROLE '{ROLE}' FORMAT PARQUET MANIFEST", one)
    assert bench.run("SELECT count(*), pg_last_copy_count() FROM {s}.t", one) == [[2, 1]]
    one.rollback()
    assert bench.run("SELECT count(*) FROM {s}.t") == [[1]]


def unload_writes(bench: Bench) -> None:
    bench.run(
        f"UNLOAD ('SELECT * FROM {{s}}.t') TO 's3://lake/unload/{bench.schema}/' IAM_ROLE '{ROLE}' FORMAT PARQUET MANIFEST"
    )
    assert bench.run("SELECT pg_last_unload_count()") == [[1]]


def one_name_space(bench: Bench) -> None:
    bench.run("CREATE GROUP {s}g")
    assert bench.error("CREATE ROLE {s}g")["C"] == "42710"


def roles_are_granted(bench: Bench) -> None:
    for sql in (
        "CREATE ROLE {s}r",
        "CREATE GROUP {s}g",
        "GRANT SELECT ON {s}.t TO ROLE {s}r",
        "GRANT INSERT ON {s}.t TO GROUP {s}g",
    ):
        bench.run(sql)
    sql = "SELECT has_table_privilege('{s}r', '{s}.t', 'select'), has_table_privilege('{s}g', '{s}.t', 'insert'), has_table_privilege('{s}g', '{s}.t', 'select')"
    assert bench.run(sql) == [[True, True, False]]


MERGE = "MERGE INTO {s}.t USING {s}.n ON {s}.t.id = {s}.n.id WHEN MATCHED THEN UPDATE SET name = 'm' WHEN NOT MATCHED THEN INSERT VALUES ({s}.n.id, 'n')"
TABLE_INFO = "SELECT diststyle, sortkey1, encoded FROM svv_table_info WHERE schema = '{s}' AND \"table\" = 'd'"

BEHAVIOURS = (
    # Transactions and sessions
    Behaviour("SNAPSHOT is a database's default isolation", "r_STV_DB_ISOLATION_LEVEL", "emulated",
              answers("SELECT trim(isolation_level) FROM stv_db_isolation_level WHERE db_name = current_database()", ["Snapshot Isolation"]),
              "`repeatable read`; SERIALIZABLE by `--isolation` or ALTER DATABASE"),
    Behaviour("ALTER DATABASE … ISOLATION LEVEL", "r_ALTER_DATABASE", "emulated",
              fails("ALTER DATABASE dev ISOLATION LEVEL SERIALIZABLE", "25001", "cannot run inside a transaction block", in_transaction=True),
              "not in a transaction, and only while nobody else is connected"),
    Behaviour("An isolation level at BEGIN changes nothing", "r_BEGIN", "emulated",
              then("BEGIN ISOLATION LEVEL READ COMMITTED", "SHOW transaction_isolation", answer=[["repeatable read"]])),
    Behaviour("One writer at a time in a table", "c_write_readwrite", "emulated", second_writer_waits,
              "SHARE ROW EXCLUSIVE before the snapshot; under SNAPSHOT, INSERT and COPY share"),
    Behaviour("Under SNAPSHOT, other rows of a table do not conflict", "c_serial_isolation", "emulated", other_rows_do_not_conflict),
    Behaviour("Under SNAPSHOT, the same row conflicts", "c_serial_isolation", "emulated", same_row_conflicts,
              "XX000; the wording is that of public reports, not of AWS's pages"),
    Behaviour("Under SERIALIZABLE, error 1023", "c_serial_isolation-serializable-isolation-troubleshooting", "differs", serializable_wording,
              "names table and pid; the transactions of the cycle are 0, and PostgreSQL also refuses some cycles that would not have closed"),
    Behaviour("LOCK does not fix the snapshot", "r_LOCK", "emulated", lock_comes_before_the_snapshot),
    Behaviour("TRUNCATE commits", "r_TRUNCATE", "emulated", truncate_commits),
    Behaviour("VACUUM is refused in a transaction", "r_VACUUM_command", "emulated",
              fails("VACUUM DELETE ONLY {s}.t TO 75 PERCENT", "25001", "VACUUM cannot run inside a transaction block", in_transaction=True)),
    Behaviour("VACUUM and ANALYZE in all forms", "r_ANALYZE", "emulated",
              runs("VACUUM SORT ONLY {s}.t", "VACUUM REINDEX {s}.t TO 99 PERCENT", "ANALYZE {s}.t PREDICATE COLUMNS"),
              "PostgreSQL's own VACUUM and ANALYZE run; nothing is sorted"),
    Behaviour("statement_timeout", "r_statement_timeout", "emulated",
              fails("SELECT pg_sleep(9)", "57014", "cancelled on user's request", ("SET statement_timeout TO 50",))),
    Behaviour("CANCEL, pg_cancel_backend, the CancelRequest message", "r_CANCEL", "emulated", runs("CANCEL 2147483647")),
    Behaviour("pg_terminate_backend of own sessions", "PG_TERMINATE_BACKEND", "emulated",
              then("SELECT pg_terminate_backend(2147483647)", answer=[[False]]), "answers a boolean"),
    Behaviour("A vanished client's transaction", "PG_TERMINATE_BACKEND", "differs", vanished_client_lets_go,
              "is rolled back at once; on Redshift it can hold its lock for hours"),
    Behaviour("SAVEPOINT", "c_unsupported-postgresql-features", "refused", each_fails("SAVEPOINT a", "ROLLBACK TO a", "RELEASE a")),
    Behaviour("query_group, result cache, WLM slots", "r_query_group", "differs",
              then("SET query_group TO 'x'", "SHOW query_group", answer=[["x"]]), "are kept and shown, without effect"),
    # Tables
    Behaviour("Keys are informational; a primary key is NOT NULL", "t_Defining_constraints", "emulated",
              then("CREATE TABLE {s}.k (id INT, PRIMARY KEY (id))", "INSERT INTO {s}.k VALUES (1), (1)", "SELECT count(*) FROM {s}.k", answer=[[2]])),
    Behaviour("VARCHAR(n) holds n bytes", "r_Character_types", "emulated",
              fails("INSERT INTO {s}.t VALUES (1, 'ééé')", "22001", "value too long for type character varying(5)")),
    Behaviour("CREATE TABLE AS", "r_CREATE_TABLE_AS", "differs",
              runs("CREATE TABLE {s}.c AS SELECT name FROM {s}.t", "INSERT INTO {s}.c VALUES ('ééééé')"), "keeps no byte checks"),
    Behaviour("VARBYTE(n)", "r_VARBYTE_type", "differs",
              runs("CREATE TABLE {s}.b (v VARBYTE(1))", "INSERT INTO {s}.b VALUES ('xx'::varbyte)"), "n is not checked; sent as PostgreSQL's `\\x…`"),
    Behaviour("ALTER COLUMN TYPE is refused in a transaction", "r_ALTER_TABLE", "emulated",
              fails("ALTER TABLE {s}.t ALTER COLUMN name TYPE VARCHAR(9)", "25001", "cannot run inside a transaction block", in_transaction=True)),
    Behaviour("ALTER COLUMN TYPE widens a VARCHAR", "r_ALTER_TABLE", "emulated",
              runs("ALTER TABLE {s}.t ALTER COLUMN name TYPE VARCHAR(9)", "INSERT INTO {s}.t VALUES (1, 'éééé')"), "under views too"),
    Behaviour("… but no key, default, BYTEDICT, RUNLENGTH or TEXT…", "r_ALTER_TABLE", "emulated",
              fails("ALTER TABLE {s}.e ALTER COLUMN v TYPE VARCHAR(9)", text="encoding", before=("CREATE TABLE {s}.e (v VARCHAR(5) ENCODE bytedict)",))),
    Behaviour("Shrinking a VARCHAR", "r_ALTER_TABLE", "refused", each_fails("ALTER TABLE {s}.t ALTER COLUMN name TYPE VARCHAR(2)"),
              "Redshift allows it down to the longest value"),
    Behaviour("One ADD COLUMN a statement; NOT NULL needs a default", "r_ALTER_TABLE", "emulated",
              each_fails("ALTER TABLE {s}.t ADD COLUMN a INT, ADD COLUMN b INT", "ALTER TABLE {s}.t ADD COLUMN a INT NOT NULL")),
    Behaviour("A distribution or sort key is not dropped", "r_ALTER_TABLE", "emulated",
              fails("ALTER TABLE {s}.d DROP COLUMN id", text="cannot drop sortkey column", before=("CREATE TABLE {s}.d (id INT) SORTKEY (id)",))),
    Behaviour("ALTER TABLE APPEND", "r_ALTER_TABLE_APPEND", "refused", each_fails("ALTER TABLE {s}.t APPEND FROM {s}.u")),
    Behaviour("DISTSTYLE, DISTKEY, SORTKEY, ENCODE", "r_CREATE_TABLE_NEW", "differs",
              then("CREATE TABLE {s}.d (id INT ENCODE zstd) DISTSTYLE EVEN SORTKEY (id)", "INSERT INTO {s}.d VALUES (1)", TABLE_INFO, answer=[["EVEN", "id", "Y"]]),
              "are remembered and shown; nothing is distributed, sorted or compressed"),
    Behaviour("Indexes, sequences, triggers, extensions", "c_unsupported-postgresql-features", "refused",
              each_fails("CREATE INDEX i ON {s}.t (id)", "CREATE SEQUENCE q", "CREATE EXTENSION dblink")),
    Behaviour("Types that Redshift lacks", "c_unsupported-postgresql-datatypes", "refused",
              each_fails("CREATE TABLE {s}.x (id uuid)", "CREATE TABLE {s}.x (id serial)", "CREATE TABLE {s}.x (id int[])")),
    Behaviour("GEOMETRY, HLLSKETCH, INTERVAL columns", "c_Supported_data_types", "refused",
              each_fails("CREATE TABLE {s}.x (v GEOMETRY)", "CREATE TABLE {s}.x (v HLLSKETCH)")),
    Behaviour("COMMENT ON TABLE, COLUMN, VIEW", "r_COMMENT", "emulated",
              then("COMMENT ON TABLE {s}.t IS 'x'", "SELECT remarks FROM svv_tables WHERE table_schema = '{s}'", answer=[["x"]])),
    Behaviour("Late-binding views", "r_CREATE_VIEW", "differs",
              fails("CREATE VIEW {s}.v AS SELECT * FROM {s}.nowhere WITH NO SCHEMA BINDING", "42P01"),
              "are bound: the table must exist and cannot be dropped; replacing may only append columns; their comments are shown"),
    Behaviour("Names are folded to lower case, quoted or not", "r_names", "emulated", then('CREATE TABLE {s}."MiXed" (id INT)', "SELECT count(*) FROM {s}.mixed", answer=[[0]])),
    Behaviour("Names of up to 127 bytes", "r_names", "differs",
              then(f"CREATE TABLE {{s}}.{'n' * 70} (id INT)", "SELECT length(table_name) FROM svv_tables WHERE table_schema = '{s}' AND table_name LIKE 'nn%'", answer=[[63]]),
              "are cut after 63"),
    Behaviour("MERGE inserts a new key that stands twice in the source twice", "r_MERGE", "emulated",
              then("CREATE TABLE {s}.n AS SELECT 7 AS id UNION ALL SELECT 7", MERGE, "SELECT count(*) FROM {s}.t WHERE id = 7", answer=[[2]])),
    Behaviour("MERGE with one clause, conditions or REMOVE DUPLICATES", "r_MERGE", "refused", each_fails(MERGE.partition(" WHEN NOT")[0], MERGE.replace("MATCHED THEN UPDATE", "MATCHED AND true THEN UPDATE"),
                         "MERGE INTO {s}.t USING {s}.n ON {s}.t.id = {s}.n.id REMOVE DUPLICATES"),
              "Redshift refuses all but REMOVE DUPLICATES too"),
    Behaviour("Materialized views, external tables, datashares, models", "r_CREATE_EXTERNAL_TABLE", "refused",
              each_fails("CREATE MATERIALIZED VIEW {s}.m AS SELECT 1 AS a", "CREATE EXTERNAL SCHEMA x FROM DATA CATALOG")),
    Behaviour("Functions and procedures", "r_CREATE_PROCEDURE", "refused", each_fails("CREATE PROCEDURE p() AS $$BEGIN END$$ LANGUAGE plpgsql")),
    # COPY and UNLOAD
    Behaviour("COPY … PARQUET MANIFEST under IAM_ROLE", "r_COPY", "emulated", copy_loads,
              "in the client's transaction, columns by position, streamed; an assumed role is kept for ten minutes; the tag carries the row count"),
    Behaviour("COPY is strict about types, lengths and column counts", "copy-usage_notes-copy-from-columnar", "emulated", copy_is_strict,
              "15001, 15007; nanoseconds are refused where Redshift loads them silently wrong"),
    Behaviour("COPY from anything else", "r_COPY", "refused",
              each_fails(f"COPY {{s}}.t FROM 's3://lake/x' IAM_ROLE '{ROLE}' FORMAT CSV MANIFEST", "COPY {s}.t FROM 's3://lake/m' ACCESS_KEY_ID 'x' FORMAT PARQUET MANIFEST")),
    Behaviour("SYS_LOAD_ERROR_DETAIL", "SYS_LOAD_ERROR_DETAIL", "differs", copy_error_is_recorded,
              "one row for each file that did not fit; transaction_id, line_number and position are NULL"),
    Behaviour("UNLOAD … FORMAT PARQUET", "r_UNLOAD", "emulated", unload_writes,
              "one object (one slice) for each partition, streamed; ALLOWOVERWRITE, MANIFEST, PARALLEL, PARTITION BY, ENCRYPTED AUTO (the bucket's own); a DECIMAL needs its precision"),
    Behaviour("UNLOAD in other formats, partitioned with INCLUDE, under a key of its own", "r_UNLOAD", "refused",
              each_fails(f"UNLOAD ('SELECT 1') TO 's3://lake/x' IAM_ROLE '{ROLE}' FORMAT CSV", f"UNLOAD ('SELECT 1 AS a') TO 's3://lake/x' IAM_ROLE '{ROLE}' FORMAT PARQUET PARTITION BY (a) INCLUDE")),
    # Users and privileges
    Behaviour("GRANT and REVOKE to users, GROUPs and ROLEs; default privileges", "r_GRANT", "emulated", roles_are_granted,
              "INSERT brings PostgreSQL's MAINTAIN along, which the write lock needs"),
    Behaviour("Users, groups and roles", "r_CREATE_ROLE", "differs", one_name_space, "share one name space"),
    Behaviour("Privileges ALTER and DROP, scoped and ASSUMEROLE grants", "r_GRANT", "refused",
              each_fails("GRANT DROP ON {s}.t TO service", "GRANT SELECT FOR TABLES IN SCHEMA {s} TO service")),
    # Functions and SUPER
    Behaviour("NVL, LEN, SHA2, GETDATE, SYSDATE", "c_SQL_functions", "emulated",
              answers("SELECT nvl(NULL, 2), len('é'), left(sha2('a', 256), 4), getdate() IS NULL, sysdate IS NULL", [2, 1, "ca97", False, False])),
    Behaviour("DATEADD, DATEDIFF", "r_DATEDIFF_function", "emulated",
              answers("SELECT datediff(month, '2024-01-31'::date, '2024-02-01'::date), dateadd(day, 1, '2024-02-28')::date::varchar", [1, "2024-02-29"]),
              "DATEDIFF of weeks is refused"),
    Behaviour("LISTAGG", "r_LISTAGG", "emulated",
              answers("SELECT listagg(v, '+') WITHIN GROUP (ORDER BY v) FROM (SELECT 'b' AS v UNION ALL SELECT 'a') AS x", ["a+b"]), "of text; not as a window function"),
    Behaviour("DECODE, CONVERT_TIMEZONE, MEDIAN, JSON_EXTRACT_PATH_TEXT", "c_SQL_functions", "refused",
              each_fails("SELECT decode(1, 1, 2)", "SELECT convert_timezone('UTC', getdate())")),
    Behaviour("SUPER, JSON_PARSE, JSON_SERIALIZE, navigation by brackets", "JSON_PARSE", "emulated",
              answers("SELECT json_serialize(doc), doc['b'][1] FROM (SELECT json_parse('{\"b\": [1, 2]}') AS doc) AS x", ['{"b":[1,2]}', "2"])),
    Behaviour("A SUPER's text", "r_SUPER_type", "differs", answers("SELECT json_parse('{\"bb\":1,\"a\":2}')::varchar", ['{"a": 2, "bb": 1}']),
              "is jsonb's: keys in another order, blanks after colons and commas, of repeated keys the last"),
    Behaviour("Navigation by dots, PartiQL", "query-super", "differs", fails("SELECT doc.a FROM (SELECT json_parse('{\"a\":1}') AS doc) AS x", "42P01"),
              "is an unknown table (42P01), not 0A000"),
    Behaviour("An alias in the list that defines it", "r_SELECT_list", "differs", fails("SELECT 1 AS a, a + 1 AS b", "42703"), "is not known there"),
    Behaviour("x::VARCHAR(n)", "r_CAST_function", "differs", answers("SELECT octet_length('ééé'::varchar(2))", [4]), "cuts by characters"),
    Behaviour("version() and functions not listed here", "r_VERSION", "differs", answers("SELECT version() LIKE 'PostgreSQL 18%'", [True]),
              "are PostgreSQL's; what Redshift lacks is refused only where listed"),
    Behaviour("ON CONFLICT, RETURNING, FOR UPDATE, DISTINCT ON", "c_unsupported-postgresql-features", "refused",
              each_fails("INSERT INTO {s}.t VALUES (1) ON CONFLICT DO NOTHING", "DELETE FROM {s}.t RETURNING id", "SELECT id FROM {s}.t FOR UPDATE", "SELECT DISTINCT ON (id) id FROM {s}.t")),
    # System views
    Behaviour("SVV_TRANSACTIONS, STV_SESSIONS, STV_RECENTS", "r_SVV_TRANSACTIONS", "differs",
              answers("SELECT count(*) > 0 FROM svv_transactions t JOIN stv_sessions s ON s.process = t.pid WHERE t.pid = pg_backend_pid() AND xid > 0", [True]),
              "own sessions only, as there; a transaction that has not written has a number of its session's; statements are shown as PostgreSQL ran them"),
    Behaviour("SVV_TABLE_INFO", "r_SVV_TABLE_INFO", "differs",
              answers("SELECT vacuum_sort_benefit, skew_rows FROM svv_table_info WHERE schema = '{s}'", [None, None]),
              "rows from PostgreSQL's statistics, a second late; `tbl_rows` with the dead ones; `unsorted` = inserted since VACUUM; skew and benefit are NULL"),
    Behaviour("PG_CLASS_INFO", "r_PG_CLASS_INFO", "differs",
              answers("SELECT releffectivediststyle FROM pg_class_info i JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '{s}' AND relname = 't'", [10]),
              "has the columns that name a table, and `releffectivediststyle`; what AUTO chose is always ALL"),
    Behaviour("PG_TABLE_DEF, SVV_REDSHIFT_COLUMNS, SVV_COLUMNS, SVV_TABLES", "r_PG_TABLE_DEF", "emulated",
              answers("SELECT column_name, data_type, encoding FROM svv_redshift_columns WHERE schema_name = '{s}' ORDER BY 1",
                      ["id", "integer", "az64"], ["name", "character varying(5)", "lzo"]),
              "encodings as declared, else those AUTO begins with"),
)  # fmt: skip


def table() -> str:
    """The README's table, with its markers."""
    rows = "\n".join(behaviour.row() for behaviour in BEHAVIOURS)
    return f"{START}\n| behaviour | status | note |\n|---|---|---|\n{rows}\n{END}"


def written(text: str) -> str:
    """The README with the table in its place."""
    head, _, rest = text.partition(START)
    return head + table() + rest.partition(END)[2]


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
