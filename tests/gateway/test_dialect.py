"""Redshift's SQL: what is rewritten keeps its meaning, what is not emulated is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redshift_connector
from hypothesis import given
from hypothesis import strategies as st

from local.redshift.dialect import plan
from local.redshift.lexer import lex, split
from local.redshift.plans import Forward


def forwarded(sql: str) -> str:
    found = plan(split(sql)[0])
    assert isinstance(found, Forward)
    return found.sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT nvl(a, 'nvl(b)') FROM t -- nvl(x)", "SELECT coalesce(a, 'nvl(b)') FROM t -- nvl(x)"),
        ('SELECT "SYSDATE", x.sysdate, sysdate', 'SELECT "sysdate", x.sysdate, pg_catalog.sysdate()'),
        (
            "SELECT /* sysdate /* nested */ */ $$sysdate$$, E'\\'sysdate'",
            "SELECT /* sysdate /* nested */ */ $$sysdate$$, E'\\'sysdate'",
        ),
        (
            "CREATE OR REPLACE VIEW v AS SELECT nvl(a, 1) FROM t WITH NO SCHEMA BINDING",
            "CREATE OR REPLACE VIEW v AS SELECT coalesce(a, 1) FROM t",
        ),
        ("SET query_group TO 'x'", "SET esteira.query_group TO 'x'"),
        ("ANALYZE s.t PREDICATE COLUMNS", "ANALYZE s.t"),
        ("SELECT dateadd(day, 1, a), x.dateadd FROM t", "SELECT dateadd('day', 1, a), x.dateadd FROM t"),
        (
            "SELECT listagg(a, ',') WITHIN GROUP (ORDER BY nvl(b, 1)) FROM t",
            "SELECT string_agg(a, ','    ORDER BY coalesce(b, 1)) FROM t",
        ),
        ("SELECT listagg(f(a, b)) FROM t", "SELECT string_agg(f(a, b), '') FROM t"),
        ("SELECT ';' ; ", "SELECT ';' "),
    ],
)
def test_rewrites_leave_strings_comments_and_quoted_names_alone(sql: str, expected: str) -> None:
    assert forwarded(sql) == expected


@given(st.text(alphabet="ab'\"$;-/*\\\n E(),.é1", max_size=40))
def test_any_text_is_cut_into_tokens_without_loss(text: str) -> None:
    end = 0
    for token in lex(text):
        assert token.start >= end
        assert text[token.start : token.end] == token.text
        end = token.end


REFUSED = [
    ("INSERT INTO {s}.t VALUES (1) ON CONFLICT DO NOTHING", "ON CONFLICT"),
    ("INSERT INTO {s}.t VALUES (1) RETURNING id", "RETURNING"),
    ("UPDATE {s}.t SET id = 1 RETURNING id", "RETURNING"),
    ("DELETE FROM {s}.t RETURNING id", "RETURNING"),
    ("UNLOAD ('SELECT 1') TO 's3://lake/x' IAM_ROLE 'arn'", "UNLOAD without FORMAT PARQUET"),
    ("UNLOAD ('SELECT 1') TO 's3://lake/x' FORMAT PARQUET", "UNLOAD without IAM_ROLE"),
    ("UNLOAD ('SELECT 1') TO 's3://lake/x' IAM_ROLE 'arn' FORMAT CSV", "UNLOAD … CSV"),
    ("UNLOAD ('SELECT 1') TO 's3://lake/x' IAM_ROLE 'arn' FORMAT PARQUET PARTITION BY (a) INCLUDE", "UNLOAD … INCLUDE"),
    ("UNLOAD ('SELECT 1 LIMIT 1') TO 's3://lake/x' IAM_ROLE 'arn' FORMAT PARQUET", "Limit clause"),
    ("ALTER TABLE {s}.t ADD COLUMN a INT NOT NULL", "must have a non-null default"),
    ("ALTER TABLE {s}.t SET SCHEMA public", "ALTER TABLE SET SCHEMA"),
    ("SELECT datediff(week, getdate(), getdate())", "DATEDIFF of weeks"),
    ("ALTER TABLE {s}.t APPEND FROM {s}.u", "ALTER TABLE APPEND"),
    ("ALTER TABLE {s}.t ADD COLUMN a INT, ADD COLUMN b INT", "more than one action"),
    ("ALTER TABLE {s}.t ADD COLUMN IF NOT EXISTS a INT", "IF NOT EXISTS"),
    ("ALTER TABLE {s}.t ALTER COLUMN id SET NOT NULL", "ALTER COLUMN other than TYPE"),
    ("CREATE INDEX i ON {s}.t (id)", "CREATE INDEX"),
    ("CREATE EXTENSION dblink", "CREATE EXTENSION"),
    ("CREATE TABLE {s}.x (id uuid)", "type uuid"),
    ("CREATE TABLE {s}.x (id serial)", "type serial"),
    ("CREATE TABLE {s}.x (id int CHECK (id > 0))", "CHECK"),
    ("CREATE TABLE {s}.x (id int) PARTITION BY LIST (id)", "PARTITION"),
    ("CREATE MATERIALIZED VIEW {s}.m AS SELECT 1 AS a", "CREATE MATERIALIZED"),
    ("SELECT decode(1, 1, 2)", "DECODE"),
    ("ANALYZE COMPRESSION {s}.t", "ANALYZE COMPRESSION"),
    ("SELECT id FROM {s}.t FOR UPDATE", "FOR UPDATE"),
    ("SAVEPOINT a", "SAVEPOINT"),
    ("DO $$BEGIN END$$", "DO"),
    ("MERGE INTO {s}.t USING {s}.t AS u ON {s}.t.id = u.id WHEN NOT MATCHED THEN INSERT VALUES (1)", "MERGE without"),
    (
        "MERGE INTO {s}.t USING {s}.t AS u ON {s}.t.id = u.id WHEN MATCHED AND u.id > 1 THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)",
        "MATCHED AND",
    ),
    ("COPY {s}.t FROM STDIN", "COPY FROM STDIN"),
    ("COPY {s}.t TO STDOUT", "COPY … TO"),
    ("COPY {s}.t FROM 's3://lake/m' CREDENTIALS 'aws_access_key_id=a' FORMAT PARQUET MANIFEST", "CREDENTIALS"),
    ("COPY {s}.t FROM 's3://lake/m' FORMAT PARQUET MANIFEST", "COPY without IAM_ROLE"),
    ("COPY {s}.t FROM 's3://lake/m' IAM_ROLE default FORMAT PARQUET MANIFEST", "IAM_ROLE default"),
    ("COPY {s}.t FROM 's3://lake/m' IAM_ROLE 'arn' FORMAT CSV MANIFEST", "CSV"),
    ("COPY {s}.t FROM 's3://lake/m' IAM_ROLE 'arn' FORMAT PARQUET", "COPY without MANIFEST"),
    ("COPY {s}.t FROM 's3://lake/m' IAM_ROLE 'arn' FORMAT PARQUET MANIFEST MAXERROR 3", "MAXERROR"),
]


@pytest.mark.parametrize(("sql", "construct"), REFUSED)
def test_what_is_not_emulated_is_refused_by_name(cursor: Any, schema: str, sql: str, construct: str) -> None:
    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        cursor.execute(sql.format(s=schema))
    answer = caught.value.args[0]
    assert answer["C"] == "0A000"
    assert construct in answer["M"]


def test_keys_are_informational_but_a_primary_key_is_still_not_null(connection: Any, schema: str) -> None:
    cursor = connection.cursor()
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {schema}.t (id BIGINT ENCODE az64 DISTKEY, other INT DEFAULT -1 NOT NULL, name VARCHAR(MAX), UNIQUE (other), "
        f"PRIMARY KEY (id), FOREIGN KEY (other) REFERENCES {schema}.nowhere (x)) BACKUP NO DISTSTYLE KEY COMPOUND SORTKEY (id, other)"
    )
    cursor.execute(f"INSERT INTO {schema}.t (id) VALUES (1), (1)")
    cursor.execute(
        "SELECT kind, columns[1] FROM esteira_gateway.informational_key WHERE table_id = %s::regclass ORDER BY kind",
        (f"{schema}.t",),
    )
    assert [row[0] for row in cursor.fetchall()] == ["distkey", "foreign key", "primary key", "sortkey", "unique"]
    cursor.execute(f"SELECT diststyle, sortkey1 FROM svv_table_info WHERE schema = '{schema}'")
    assert cursor.fetchone() == ["KEY(id)", "id"]
    with pytest.raises(redshift_connector.ProgrammingError, match="Cannot insert a NULL value into column id"):
        cursor.execute(f"INSERT INTO {schema}.t (other) VALUES (1)")


def test_varchar_is_measured_in_bytes_also_in_a_table_made_like_another(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (name VARCHAR(5))")
    cursor.execute(f"CREATE TEMP TABLE staging (LIKE {schema}.t)")
    cursor.execute("INSERT INTO staging VALUES ('éé1')")
    with pytest.raises(
        redshift_connector.ProgrammingError, match=r"22001.*value too long for type character varying\(5\)"
    ):
        cursor.execute("INSERT INTO staging VALUES ('ééé')")


def test_widening_varchar_is_refused_in_a_transaction_and_works_outside_under_a_view(
    connection: Any, schema: str
) -> None:
    cursor = connection.cursor()
    cursor.execute(f"CREATE TABLE {schema}.t (id INT, name VARCHAR(5), fixed VARCHAR(5) DEFAULT 'x', PRIMARY KEY (id))")
    cursor.execute(f"CREATE VIEW {schema}.v AS SELECT name FROM {schema}.t WITH NO SCHEMA BINDING")
    connection.commit()
    with pytest.raises(
        redshift_connector.ProgrammingError,
        match=r"25001.*ALTER TABLE ALTER COLUMN cannot run inside a transaction block",
    ):
        cursor.execute(f"ALTER TABLE {schema}.t ALTER COLUMN name TYPE VARCHAR(9)")
    connection.rollback()
    connection.autocommit = True
    cursor.execute(f"ALTER TABLE {schema}.t ALTER COLUMN name TYPE VARCHAR(9)")
    cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 'éééé')")
    cursor.execute(
        f"SELECT v.name, c.character_maximum_length FROM {schema}.v v, svv_columns c WHERE table_schema = '{schema}' AND table_name = 't' AND column_name = 'name'"
    )
    assert cursor.fetchall() == (["éééé", 9],)
    with pytest.raises(redshift_connector.ProgrammingError, match=r"varying\(9\)"):
        cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 'ééééé')")
    for bad in ("name TYPE VARCHAR(3)", "fixed TYPE VARCHAR(9)", "id TYPE BIGINT", "id TYPE VARCHAR(9)"):
        with pytest.raises(redshift_connector.ProgrammingError, match="0A000"):
            cursor.execute(f"ALTER TABLE {schema}.t ALTER COLUMN {bad}")


def test_keys_follow_a_renamed_column_and_hold_a_dropped_one(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id INT, v INT) DISTKEY (id) SORTKEY (v)")
    cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 1)")
    cursor.execute(f"ALTER TABLE {schema}.t RENAME COLUMN id TO number")
    cursor.execute(f"ALTER TABLE {schema}.t ALTER SORTKEY (v, number)")
    cursor.execute(f"SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE schema = '{schema}'")
    assert cursor.fetchone() == ["KEY(number)", "v", 2]
    cursor.execute(f"ALTER TABLE {schema}.t ALTER DISTSTYLE EVEN")
    cursor.execute(f"ALTER TABLE {schema}.t ALTER SORTKEY NONE")
    cursor.execute(f"SELECT diststyle, sortkey1 FROM svv_table_info WHERE schema = '{schema}'")
    assert cursor.fetchone() == ["EVEN", "AUTO(SORTKEY)"]
    cursor.execute(f"ALTER TABLE {schema}.t ALTER DISTKEY v")
    with pytest.raises(redshift_connector.ProgrammingError, match=r"0A000.*cannot drop distkey column"):
        cursor.execute(f"ALTER TABLE {schema}.t DROP COLUMN v")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("dateadd(month, -1, '2024-03-31'::date)::varchar", "2024-02-29 00:00:00"),
        ("dateadd(qtr, 1, '2024-01-15')::varchar", "2024-04-15 00:00:00"),
        ("datediff(year, '2023-12-31', '2024-01-01')", 1),
        ("datediff(month, '2024-01-31'::date, '2024-02-01'::date)", 1),
        ("datediff(day, '2024-01-01 23:59', '2024-01-02 00:01')", 1),
        ("datediff(hours, '2024-01-01 10:59', '2024-01-01 09:00')", -1),
        ("(SELECT listagg(v, '; ') WITHIN GROUP (ORDER BY v DESC) FROM (SELECT 'a' AS v UNION SELECT 'b') t)", "b; a"),
    ],
)
def test_date_arithmetic_and_listagg_answer_as_redshift_does(cursor: Any, sql: str, expected: Any) -> None:
    cursor.execute(f"SELECT {sql}")
    assert cursor.fetchone() == [expected]


def test_a_column_is_added_with_its_byte_check(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    cursor.execute(f"ALTER TABLE {schema}.t ADD COLUMN name VARCHAR(2) ENCODE zstd DEFAULT 'x'")
    cursor.execute(f"INSERT INTO {schema}.t (id) VALUES (1)")
    with pytest.raises(redshift_connector.ProgrammingError, match="22001"):
        cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 'éé')")


def test_merge_updates_and_inserts_and_inserts_a_duplicate_new_key_twice(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id INT, v INT, PRIMARY KEY (id))")
    cursor.execute(f"INSERT INTO {schema}.t VALUES (1, 1)")
    cursor.execute(
        "CREATE TEMP TABLE staging DISTSTYLE ALL AS SELECT 1 AS id, 10 AS v UNION ALL SELECT 2, 20 UNION ALL SELECT 2, 21"
    )
    merge = f"MERGE INTO {schema}.t USING staging AS s ON {schema}.t.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)"
    cursor.execute(merge)
    cursor.execute(f"SELECT id, v FROM {schema}.t ORDER BY id, v")
    assert cursor.fetchall() == ([1, 10], [2, 20], [2, 21])
    with pytest.raises(redshift_connector.ProgrammingError, match=r"XX000.*Found multiple matches"):
        cursor.execute(merge)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM {s}.t USING staging AS x WHERE {s}.t.id = x.id",
        "UPDATE {s}.t SET id = x.id FROM staging AS x WHERE {s}.t.id = x.id",
        "INSERT INTO {s}.t SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY id ORDER BY id) AS n FROM staging) AS y WHERE n = 1",
        "COMMENT ON TABLE {s}.t IS 'a comment; with a semicolon'",
        "COMMENT ON COLUMN {s}.t.id IS 'nvl(x)'",
        "ALTER TABLE {s}.t ALTER SORTKEY (id)",
        "ALTER TABLE {s}.t ADD CONSTRAINT pk PRIMARY KEY (id)",
        "ALTER TABLE {s}.t RENAME TO u",
        "DROP TABLE IF EXISTS {s}.t",
        "ANALYZE {s}.t",
        "CREATE TABLE {s}.u (id BIGINT IDENTITY(1,1), a DECIMAL, b TIMESTAMP WITHOUT TIME ZONE DEFAULT getdate(), c CHARACTER VARYING(3), d SUPER) DISTSTYLE EVEN SORTKEY AUTO",
        "CREATE TEMPORARY TABLE u SORTKEY(id) AS SELECT * FROM {s}.t",
    ],
)
def test_the_statements_of_the_load_path_pass(cursor: Any, schema: str, sql: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    cursor.execute("CREATE TEMP TABLE staging AS SELECT 1 AS id")
    cursor.execute(sql.format(s=schema))


def test_groups_are_granted_what_they_may_read(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE GROUP readers_{schema}")
    cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO GROUP readers_{schema}")
    cursor.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO GROUP readers_{schema}")
    cursor.execute(f"CREATE TABLE {schema}.t (id INT)")
    cursor.execute(f"SELECT has_table_privilege('readers_{schema}', '{schema}.t', 'SELECT')")
    assert cursor.fetchone() == [True]


def test_semi_structured_values_are_parsed_and_typed_as_super(cursor: Any, schema: str) -> None:
    cursor.execute(f"CREATE TABLE {schema}.t (doc SUPER, raw VARBYTE)")
    cursor.execute(f"INSERT INTO {schema}.t SELECT json_parse('{{\"a\": [1, 2]}}'), 'x'::bytea")
    cursor.execute(f"SELECT doc, json_serialize(doc) FROM {schema}.t")
    assert cursor.fetchone() == ['{"a": [1, 2]}', '{"a":[1,2]}']
    assert cursor.description[0][1] == 4000


@pytest.mark.parametrize("call", [lambda c: c.get_tables(), lambda c: c.get_columns(), lambda c: c.get_schemas()])
def test_the_connectors_catalogue_calls_answer(cursor: Any, call: Callable[[Any], Any]) -> None:
    cursor._c._database_metadata_current_db_only = True
    call(cursor)
