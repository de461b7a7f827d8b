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
GRANT SELECT, INSERT, UPDATE, DELETE ON esteira_gateway.informational_key TO PUBLIC;

CREATE TABLE IF NOT EXISTS esteira_gateway.column_encoding (table_id oid NOT NULL, attnum smallint NOT NULL, encoding text NOT NULL, PRIMARY KEY (table_id, attnum));
GRANT SELECT, INSERT, UPDATE, DELETE ON esteira_gateway.column_encoding TO PUBLIC;

CREATE OR REPLACE FUNCTION esteira_gateway.attnum(target regclass, column_name text) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
DECLARE
    found smallint := (SELECT attnum FROM pg_attribute WHERE attrelid = target AND attname = column_name AND NOT attisdropped AND attnum > 0);
BEGIN
    IF found IS NULL THEN
        RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, target USING ERRCODE = '42703';
    END IF;
    RETURN found;
END $$;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html: a distribution or sort key cannot be dropped.
CREATE OR REPLACE FUNCTION esteira_gateway.check_droppable(target regclass, column_name text) RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
    found text := (SELECT kind FROM esteira_gateway.informational_key WHERE table_id = target AND column_name = ANY (columns) AND kind IN ('distkey', 'sortkey') LIMIT 1);
BEGIN
    IF found IS NOT NULL THEN
        RAISE EXCEPTION 'cannot drop % column "%"', found, column_name USING ERRCODE = '0A000';
    END IF;
END $$;

-- Written by the gateway beside the failed transaction; read through sys_load_error_detail.
CREATE TABLE IF NOT EXISTS esteira_gateway.load_error (
    user_id integer, query_id bigint GENERATED ALWAYS AS IDENTITY, transaction_id bigint, session_id integer, database_name text, table_id integer,
    start_time timestamp, file_name text, line_number bigint, column_name text, column_type text, column_length text, position integer,
    error_code integer, error_message text
);

CREATE OR REPLACE FUNCTION pg_catalog.getdate() RETURNS timestamp LANGUAGE sql STABLE
    AS $$ SELECT date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION pg_catalog.sysdate() RETURNS timestamp LANGUAGE sql STABLE
    AS $$ SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_parse(value text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT value::jsonb $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_parse(value bytea) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT convert_from(value, 'UTF8')::jsonb $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_serialize(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT regexp_replace(value::text, '("(?:[^"\\]|\\.)*")|\s+', '\1', 'g') $$;
CREATE OR REPLACE FUNCTION pg_catalog.json_serialize_to_varbyte(value jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT convert_to(value::text, 'UTF8') $$;
CREATE OR REPLACE FUNCTION pg_catalog.sha2(value text, bits integer) RETURNS text LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT encode(CASE bits WHEN 256 THEN sha256(convert_to(value, 'UTF8')) WHEN 512 THEN sha512(convert_to(value, 'UTF8')) END, 'hex') $$;
CREATE OR REPLACE FUNCTION pg_catalog.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT coalesce(nullif(current_setting('esteira.last_copy_count', true), ''), '0')::bigint $$;

CREATE OR REPLACE FUNCTION pg_catalog.pg_last_unload_count() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT coalesce(nullif(current_setting('esteira.last_unload_count', true), ''), '0')::bigint $$;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_Dateparts_for_datetime_functions.html
CREATE OR REPLACE FUNCTION esteira_gateway.date_part_name(part text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    name text := CASE WHEN part IN ('y', 'yr', 'yrs', 'year', 'years') THEN 'year' WHEN part IN ('qtr', 'qtrs', 'quarter', 'quarters') THEN 'quarter'
        WHEN part IN ('mon', 'mons', 'month', 'months') THEN 'month' WHEN part IN ('w', 'week', 'weeks') THEN 'week'
        WHEN part IN ('d', 'day', 'days') THEN 'day' WHEN part IN ('h', 'hr', 'hrs', 'hour', 'hours') THEN 'hour'
        WHEN part IN ('m', 'min', 'mins', 'minute', 'minutes') THEN 'minute' WHEN part IN ('s', 'sec', 'secs', 'second', 'seconds') THEN 'second'
        WHEN part IN ('ms', 'msec', 'msecs', 'millisecond', 'milliseconds') THEN 'milliseconds'
        WHEN part IN ('us', 'usec', 'usecs', 'microsec', 'microsecs', 'microsecond', 'microseconds') THEN 'microseconds' END;
BEGIN
    IF name IS NULL THEN
        RAISE EXCEPTION 'date part % is not supported: the local Redshift does not emulate it', part USING ERRCODE = '0A000';
    END IF;
    RETURN name;
END $$;
-- https://docs.aws.amazon.com/redshift/latest/dg/r_DATEADD_function.html
CREATE OR REPLACE FUNCTION pg_catalog.dateadd(part text, amount bigint, moment timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT moment + amount * CASE n WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || n)::interval END FROM esteira_gateway.date_part_name(lower(part)) n $$;
-- https://docs.aws.amazon.com/redshift/latest/dg/r_DATEDIFF_function.html: boundaries crossed, not whole spans.
CREATE OR REPLACE FUNCTION pg_catalog.datediff(part text, earlier timestamp, later timestamp) RETURNS bigint LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    n text := esteira_gateway.date_part_name(lower(part));
    months bigint := (extract(year FROM later) - extract(year FROM earlier)) * 12 + extract(month FROM later) - extract(month FROM earlier);
BEGIN
    IF n = 'week' THEN
        RAISE EXCEPTION 'DATEDIFF of weeks is not supported: the local Redshift does not emulate it' USING ERRCODE = '0A000';
    ELSIF n = 'month' THEN
        RETURN months;
    ELSIF n = 'year' THEN
        RETURN extract(year FROM later) - extract(year FROM earlier);
    ELSIF n = 'quarter' THEN
        RETURN (extract(year FROM later) - extract(year FROM earlier)) * 4 + extract(quarter FROM later) - extract(quarter FROM earlier);
    END IF;
    RETURN round(extract(epoch FROM date_trunc(n, later) - date_trunc(n, earlier)) / extract(epoch FROM ('1 ' || n)::interval));
END $$;

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
    ELSIF EXISTS (SELECT FROM esteira_gateway.column_encoding e WHERE e.table_id = target AND e.attnum = col.attnum
                  AND e.encoding IN ('bytedict', 'runlength', 'text255', 'text32k')) THEN
        RAISE EXCEPTION 'cannot alter type of column "%" with this encoding: change it with ALTER COLUMN … ENCODE first', column_name USING ERRCODE = '0A000';
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

-- https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DATABASE.html
CREATE OR REPLACE FUNCTION esteira_gateway.set_isolation(database_name text, level text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog AS $$
BEGIN
    IF NOT has_database_privilege(session_user, database_name, 'CREATE') THEN
        RAISE EXCEPTION 'must be owner of database %', database_name USING ERRCODE = '42501';
    ELSIF EXISTS (SELECT FROM pg_stat_activity WHERE datname = database_name AND pid <> pg_backend_pid() AND backend_type = 'client backend') THEN
        RAISE EXCEPTION 'database "%" is being accessed by other users', database_name USING ERRCODE = '55006';
    END IF;
    EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = %L', database_name, level);
    IF database_name = current_database() THEN
        PERFORM set_config('default_transaction_isolation', level, false);
    END IF;
END $$;
