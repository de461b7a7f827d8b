-- Run by the superuser at every start; idempotent. What Redshift has and PostgreSQL lacks.
SET allow_system_table_mods = on;

CREATE SCHEMA IF NOT EXISTS esteira_gateway;
GRANT USAGE ON SCHEMA esteira_gateway TO PUBLIC;

CREATE TABLE IF NOT EXISTS esteira_gateway.informational_key (
    table_id oid NOT NULL,
    kind text NOT NULL,
    columns text[] NOT NULL,
    PRIMARY KEY (table_id, kind, columns)
);
GRANT SELECT, INSERT ON esteira_gateway.informational_key TO PUBLIC;

CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql STABLE
    AS $$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION pg_catalog.sysdate() RETURNS timestamp LANGUAGE sql STABLE
    AS $$ SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_parse(value text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT value::jsonb $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_parse(value bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT convert_from(value, 'UTF8')::jsonb $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_serialize(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT value::text $$;
CREATE OR REPLACE FUNCTION pg_catalog.sha2(value text, bits integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT encode(CASE bits WHEN 256 THEN sha256(convert_to(value, 'UTF8')) WHEN 512 THEN sha512(convert_to(value, 'UTF8')) END, 'hex') $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT coalesce(nullif(current_setting('esteira.last_copy_count', true), ''), '0')::bigint $$;

-- Widens without a rewrite and under views (Redshift's late-binding views do not mind; PostgreSQL's own would).
CREATE OR REPLACE FUNCTION esteira_gateway.widen_varchar(target regclass, column_name text, new_size integer, check_name text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    owner_id oid := (SELECT relowner FROM pg_class WHERE oid = target);
    col record;
    old_check text;
BEGIN
    IF NOT pg_has_role(session_user, owner_id, 'MEMBER') THEN
        RAISE EXCEPTION 'must be owner of relation %', target USING ERRCODE = '42501';
    END IF;
    EXECUTE format('LOCK TABLE %s', target);
    SELECT attnum, atttypid, atttypmod - 4 AS size, atthasdef INTO col
        FROM pg_attribute WHERE attrelid = target AND attname = column_name AND NOT attisdropped AND attnum > 0;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, target USING ERRCODE = '42703';
    ELSIF col.atttypid <> 'varchar'::regtype THEN
        RAISE EXCEPTION 'cannot alter type of column "%": only VARCHAR can be altered', column_name USING ERRCODE = '0A000';
    ELSIF new_size <= col.size THEN
        RAISE EXCEPTION 'ALTER COLUMN TYPE to VARCHAR(%) is not supported: column "%" has % bytes and is only widened here', new_size, column_name, col.size USING ERRCODE = '0A000';
    ELSIF col.atthasdef THEN
        RAISE EXCEPTION 'cannot alter type of column "%" with a default value', column_name USING ERRCODE = '0A000';
    ELSIF EXISTS (SELECT FROM esteira_gateway.informational_key k WHERE k.table_id = target AND column_name = ANY (k.columns)
                  AND k.kind IN ('primary key', 'unique', 'foreign key')) THEN
        RAISE EXCEPTION 'cannot alter type of column "%" used by a key constraint', column_name USING ERRCODE = '0A000';
    END IF;
    SELECT conname INTO old_check FROM pg_constraint
        WHERE conrelid = target AND contype = 'c' AND conkey = ARRAY[col.attnum] AND starts_with(conname, 'esteira_bytes_');
    IF old_check IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, old_check);
    END IF;
    UPDATE pg_attribute SET atttypmod = new_size + 4 WHERE attrelid = target AND attnum = col.attnum;
    EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s) NOT VALID', target, check_name, column_name, new_size);
END $$;

CREATE OR REPLACE VIEW pg_catalog.svv_tables AS
    SELECT table_catalog::text, table_schema::text, table_name::text, table_type::text, NULL::text AS remarks
    FROM information_schema.tables WHERE table_schema <> 'esteira_gateway';
CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
    SELECT table_catalog::text, table_schema::text, table_name::text, column_name::text, ordinal_position::int,
           column_default::text, is_nullable::text, CASE data_type WHEN 'jsonb' THEN 'super' WHEN 'bytea' THEN 'binary varying' ELSE data_type END::text AS data_type,
           character_maximum_length::int, numeric_precision::int, numeric_precision_radix::int, numeric_scale::int, datetime_precision::int,
           NULL::text AS remarks, NULL::text AS domain_name,
           -- Redshift's SELECT may use an alias of its own list; the connector's get_columns() does, with this name.
           CASE is_identity WHEN 'YES' THEN 'YES' ELSE 'NO' END AS is_autoincrement
    FROM information_schema.columns WHERE table_schema <> 'esteira_gateway';
CREATE OR REPLACE VIEW pg_catalog.svv_table_info AS
    SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid AS table_id, c.relname::text AS "table",
           coalesce('KEY(' || d.columns[1] || ')', 'AUTO(ALL)') AS diststyle, coalesce(s.columns[1], 'AUTO(SORTKEY)') AS sortkey1,
           pg_total_relation_size(c.oid) / 1048576 AS size, greatest(c.reltuples, 0)::numeric(38, 0) AS tbl_rows
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN esteira_gateway.informational_key d ON d.table_id = c.oid AND d.kind = 'distkey'
    LEFT JOIN esteira_gateway.informational_key s ON s.table_id = c.oid AND s.kind = 'sortkey'
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'esteira_gateway');
CREATE OR REPLACE VIEW pg_catalog.stv_sessions AS
    SELECT backend_start AT TIME ZONE 'UTC' AS starttime, pid AS process, usename::text AS user_name, datname::text AS db_name
    FROM pg_stat_activity WHERE backend_type = 'client backend';
CREATE OR REPLACE VIEW pg_catalog.stv_db_isolation_level AS
    SELECT datname::text AS db_name, 'Snapshot Isolation'::text AS isolation_level FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres';
CREATE OR REPLACE VIEW pg_catalog.svv_transactions AS
    SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db, a.backend_xid::text AS xid, l.pid, a.xact_start AT TIME ZONE 'UTC' AS txn_start,
           l.mode::text AS lock_mode, l.locktype::text AS lockable_object_type, l.relation, l.granted
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE a.backend_type = 'client backend';
GRANT SELECT ON pg_catalog.svv_tables, pg_catalog.svv_columns, pg_catalog.svv_table_info, pg_catalog.stv_sessions,
    pg_catalog.stv_db_isolation_level, pg_catalog.svv_transactions TO PUBLIC;
