-- Run by the superuser at every start, after bootstrap.sql: Redshift's system views over PostgreSQL's catalogs.
-- Names and types are those of https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_system-tables.html
SET allow_system_table_mods = on;

-- "Superusers can see all rows; regular users can see only their own data."
CREATE OR REPLACE FUNCTION esteira_gateway.may_see(owner name) RETURNS boolean LANGUAGE sql STABLE
    AS $$ SELECT owner = current_user OR pg_has_role(current_user, 'pg_read_all_stats', 'MEMBER') $$;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TRANSACTIONS.html: one ExclusiveLock on its transactionid for each open
-- transaction. PostgreSQL numbers only those that have written, so the others show their virtual number.
CREATE OR REPLACE VIEW pg_catalog.svv_transactions AS
    SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db,
           coalesce(a.backend_xid::text, l.transactionid::text, split_part(l.virtualtransaction, '/', 2))::bigint AS xid, l.pid::integer AS pid,
           a.xact_start AT TIME ZONE 'UTC' AS txn_start, l.mode::text AS lock_mode,
           CASE l.locktype WHEN 'relation' THEN 'relation' ELSE 'transactionid' END::text AS lockable_object_type,
           l.relation::bigint::integer AS relation, l.granted
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE a.backend_type = 'client backend' AND esteira_gateway.may_see(a.usename)
      AND (l.locktype = 'virtualxid' OR l.locktype = 'transactionid' AND NOT l.granted OR l.locktype = 'relation'
           AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relation AND c.relnamespace = 'pg_catalog'::regnamespace));

-- https://docs.aws.amazon.com/redshift/latest/dg/r_STV_SESSIONS.html
CREATE OR REPLACE VIEW pg_catalog.stv_sessions AS
    SELECT a.backend_start AT TIME ZONE 'UTC' AS starttime, a.pid::integer AS process, a.usename::character(50) AS user_name,
           a.datname::character(50) AS db_name, 0 AS timeout_sec
    FROM pg_stat_activity a WHERE a.backend_type = 'client backend' AND esteira_gateway.may_see(a.usename);

-- https://docs.aws.amazon.com/redshift/latest/dg/r_STV_RECENTS.html: the latest statement of each session; duration in microseconds.
CREATE OR REPLACE VIEW pg_catalog.stv_recents AS
    SELECT a.usesysid::bigint::integer AS userid, CASE a.state WHEN 'active' THEN 'Running' ELSE 'Done' END::character(20) AS status,
           a.query_start AT TIME ZONE 'UTC' AS starttime,
           least(extract(epoch FROM CASE a.state WHEN 'active' THEN clock_timestamp() ELSE a.state_change END - a.query_start) * 1000000, 2147483647)::integer
               AS duration,
           a.usename::character(50) AS user_name, a.datname::character(50) AS db_name, a.query::character(600) AS query, a.pid::integer AS pid
    FROM pg_stat_activity a WHERE a.backend_type = 'client backend' AND a.query_start IS NOT NULL AND esteira_gateway.may_see(a.usename);

-- https://docs.aws.amazon.com/redshift/latest/dg/r_STV_DB_ISOLATION_LEVEL.html
CREATE OR REPLACE VIEW pg_catalog.stv_db_isolation_level AS
    SELECT d.datname::character(128) AS db_name,
           CASE WHEN 'default_transaction_isolation=serializable' = ANY (s.setconfig) THEN 'Serializable' ELSE 'Snapshot Isolation' END::character(20)
               AS isolation_level
    FROM pg_database d LEFT JOIN pg_db_role_setting s ON s.setdatabase = d.oid AND s.setrole = 0
    WHERE NOT d.datistemplate AND d.datname <> 'postgres';

CREATE OR REPLACE FUNCTION esteira_gateway.remark(schema_name name, relation_name name, attribute integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE d.classoid = 'pg_class'::regclass AND d.objsubid = attribute AND n.nspname = schema_name AND c.relname = relation_name $$;

CREATE OR REPLACE FUNCTION esteira_gateway.type_name(name text) RETURNS text LANGUAGE sql IMMUTABLE
    AS $$ SELECT CASE name WHEN 'jsonb' THEN 'super' WHEN 'bytea' THEN 'binary varying' ELSE name END $$;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLES.html
CREATE OR REPLACE VIEW pg_catalog.svv_tables AS
    SELECT table_catalog::text, table_schema::text, table_name::text, table_type::text,
           esteira_gateway.remark(table_schema::name, table_name::name, 0) AS remarks
    FROM information_schema.tables WHERE table_schema <> 'esteira_gateway';

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_COLUMNS.html
CREATE OR REPLACE VIEW pg_catalog.svv_columns AS
    SELECT table_catalog::text, table_schema::text, table_name::text, column_name::text, ordinal_position::int,
           column_default::text, is_nullable::text, esteira_gateway.type_name(data_type::text) AS data_type,
           character_maximum_length::int, numeric_precision::int, numeric_precision_radix::int, numeric_scale::int, datetime_precision::int,
           esteira_gateway.remark(table_schema::name, table_name::name, ordinal_position::int) AS remarks, NULL::text AS domain_name,
           -- Redshift's SELECT may use an alias of its own list; the connector's get_columns() does, with this name.
           CASE is_identity WHEN 'YES' THEN 'YES' ELSE 'NO' END AS is_autoincrement
    FROM information_schema.columns WHERE table_schema <> 'esteira_gateway';

-- What ENCODE AUTO starts with: https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html
CREATE OR REPLACE FUNCTION esteira_gateway.encoding_of(target oid, attribute smallint, kind oid, sort_position integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT nullif(e.encoding, 'raw') FROM esteira_gateway.column_encoding e WHERE e.table_id = target AND e.attnum = attribute),
        CASE WHEN EXISTS (SELECT FROM esteira_gateway.column_encoding e WHERE e.table_id = target AND e.attnum = attribute) OR sort_position > 0
                  OR kind IN ('bool'::regtype, 'float4'::regtype, 'float8'::regtype) THEN 'none'
             WHEN kind IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'numeric'::regtype, 'date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)
             THEN 'az64' ELSE 'lzo' END) $$;

-- https://docs.aws.amazon.com/redshift/latest/dg/r_PG_TABLE_DEF.html: only tables of schemas in the search path.
CREATE OR REPLACE VIEW pg_catalog.pg_table_def AS
    SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname AS "column",
           esteira_gateway.type_name(format_type(a.atttypid, a.atttypmod)) AS type,
           esteira_gateway.encoding_of(c.oid, a.attnum, a.atttypid, coalesce(array_position(s.columns, a.attname::text), 0)) AS encoding,
           coalesce(a.attname = d.columns[1], false) AS distkey, coalesce(array_position(s.columns, a.attname::text), 0) AS sortkey, a.attnotnull AS "notnull"
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN esteira_gateway.informational_key d ON d.table_id = c.oid AND d.kind = 'distkey'
    LEFT JOIN esteira_gateway.informational_key s ON s.table_id = c.oid AND s.kind = 'sortkey'
    WHERE c.relkind = 'r' AND n.nspname = ANY (current_schemas(false)) AND n.nspname <> 'pg_catalog';

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_REDSHIFT_COLUMNS.html
CREATE OR REPLACE VIEW pg_catalog.svv_redshift_columns AS
    SELECT current_database()::varchar(128) AS database_name, n.nspname::varchar(128) AS schema_name, c.relname::varchar(128) AS table_name,
           a.attname::varchar(128) AS column_name, a.attnum::integer AS ordinal_position,
           esteira_gateway.type_name(format_type(a.atttypid, a.atttypmod))::varchar(32) AS data_type,
           pg_get_expr(f.adbin, f.adrelid)::varchar(4000) AS column_default, CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END::varchar(3) AS is_nullable,
           esteira_gateway.encoding_of(c.oid, a.attnum, a.atttypid, coalesce(array_position(s.columns, a.attname::text), 0))::varchar(128) AS encoding,
           coalesce(a.attname = d.columns[1], false) AS distkey, coalesce(array_position(s.columns, a.attname::text), 0) AS sortkey,
           NULL::varchar(128) AS column_acl, col_description(c.oid, a.attnum)::varchar(256) AS remarks
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef f ON f.adrelid = c.oid AND f.adnum = a.attnum
    LEFT JOIN esteira_gateway.informational_key d ON d.table_id = c.oid AND d.kind = 'distkey'
    LEFT JOIN esteira_gateway.informational_key s ON s.table_id = c.oid AND s.kind = 'sortkey'
    WHERE c.relkind IN ('r', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'esteira_gateway')
      AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE') OR has_any_column_privilege(c.oid, 'SELECT'));

-- https://docs.aws.amazon.com/redshift/latest/dg/r_PG_CLASS_INFO.html: the user's own tables. The columns that say which table it is, and its
-- distribution; of automatic ones only what a small table has. The rest of the columns is not there, so that asking for it fails.
CREATE OR REPLACE VIEW pg_catalog.pg_class_info AS
    SELECT c.oid AS reloid, c.relname, c.relnamespace, c.relowner, c.relkind,
           CASE WHEN d.columns IS NOT NULL THEN 1 WHEN y.columns[1] = 'EVEN' THEN 0 WHEN y.columns[1] = 'ALL' THEN 8 ELSE 10 END AS releffectivediststyle
    FROM pg_class c
    LEFT JOIN esteira_gateway.informational_key d ON d.table_id = c.oid AND d.kind = 'distkey'
    LEFT JOIN esteira_gateway.informational_key y ON y.table_id = c.oid AND y.kind = 'diststyle'
    WHERE c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE');

-- https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html: no empty tables; tbl_rows counts rows that are deleted and not yet vacuumed.
CREATE OR REPLACE VIEW pg_catalog.svv_table_info AS
    SELECT current_database()::text AS database, n.nspname::text AS schema, c.oid AS table_id, c.relname::text AS "table",
           CASE WHEN EXISTS (SELECT FROM esteira_gateway.column_encoding e WHERE e.table_id = c.oid) THEN 'Y' ELSE 'Y, AUTO(ENCODE)' END::text AS encoded,
           coalesce('KEY(' || d.columns[1] || ')', y.columns[1], 'AUTO(ALL)') AS diststyle, coalesce(s.columns[1], 'AUTO(SORTKEY)') AS sortkey1,
           (SELECT max(a.atttypmod - 4) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid = 'varchar'::regtype)::integer AS max_varchar,
           coalesce(cardinality(s.columns), 0) AS sortkey_num,
           greatest(ceil(pg_total_relation_size(c.oid) / 1048576.0), 1)::bigint AS size, NULL::numeric(10, 4) AS pct_used, 0::bigint AS empty,
           CASE WHEN s.columns IS NOT NULL THEN least(100.0 * pg_stat_get_ins_since_vacuum(c.oid) / greatest(t.live + t.dead, 1), 100)::numeric(5, 2) END AS unsorted,
           CASE WHEN c.reltuples < 0 THEN 100 ELSE least(100.0 * pg_stat_get_mod_since_analyze(c.oid) / greatest(t.live, 1), 100) END::numeric(5, 2) AS stats_off,
           (t.live + t.dead)::numeric(38, 0) AS tbl_rows, NULL::numeric(19, 2) AS skew_sortkey1, NULL::numeric(19, 2) AS skew_rows,
           t.live::numeric(38, 0) AS estimated_visible_rows, NULL::text AS risk_event, NULL::numeric(12, 2) AS vacuum_sort_benefit, NULL::timestamp AS create_time
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT greatest(pg_stat_get_live_tuples(c.oid), 0) AS live, greatest(pg_stat_get_dead_tuples(c.oid), 0) AS dead) t
    LEFT JOIN esteira_gateway.informational_key d ON d.table_id = c.oid AND d.kind = 'distkey'
    LEFT JOIN esteira_gateway.informational_key y ON y.table_id = c.oid AND y.kind = 'diststyle'
    LEFT JOIN esteira_gateway.informational_key s ON s.table_id = c.oid AND s.kind = 'sortkey'
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'esteira_gateway') AND pg_relation_size(c.oid) > 0;

-- https://docs.aws.amazon.com/redshift/latest/dg/SYS_LOAD_ERROR_DETAIL.html
CREATE OR REPLACE VIEW pg_catalog.sys_load_error_detail AS
    SELECT e.user_id, e.query_id, e.transaction_id, e.session_id, e.database_name::character(64) AS database_name, e.table_id, e.start_time,
           e.file_name::character(256) AS file_name, e.line_number, e.column_name::character(127) AS column_name, e.column_type::character(10) AS column_type,
           e.column_length::character(10) AS column_length, e.position, e.error_code, e.error_message::character(512) AS error_message
    FROM esteira_gateway.load_error e JOIN pg_roles r ON r.oid = e.user_id::oid WHERE esteira_gateway.may_see(r.rolname);

-- Informational keys are all the keys there are: https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_TABLE.html (DROP CONSTRAINT)
CREATE OR REPLACE VIEW information_schema.table_constraints AS
    SELECT current_database()::information_schema.sql_identifier AS constraint_catalog, n.nspname::information_schema.sql_identifier AS constraint_schema,
           (c.relname || '_pkey')::information_schema.sql_identifier AS constraint_name, current_database()::information_schema.sql_identifier AS table_catalog,
           n.nspname::information_schema.sql_identifier AS table_schema, c.relname::information_schema.sql_identifier AS table_name,
           'PRIMARY KEY'::information_schema.character_data AS constraint_type, 'NO'::information_schema.yes_or_no AS is_deferrable,
           'NO'::information_schema.yes_or_no AS initially_deferred, 'NO'::information_schema.yes_or_no AS enforced,
           NULL::information_schema.yes_or_no AS nulls_distinct
    FROM esteira_gateway.informational_key k JOIN pg_class c ON c.oid = k.table_id JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.kind = 'primary key' AND pg_has_role(c.relowner, 'USAGE');
CREATE OR REPLACE VIEW information_schema.key_column_usage AS
    SELECT current_database()::information_schema.sql_identifier AS constraint_catalog, n.nspname::information_schema.sql_identifier AS constraint_schema,
           (c.relname || '_pkey')::information_schema.sql_identifier AS constraint_name, current_database()::information_schema.sql_identifier AS table_catalog,
           n.nspname::information_schema.sql_identifier AS table_schema, c.relname::information_schema.sql_identifier AS table_name,
           u.name::information_schema.sql_identifier AS column_name, u.position::information_schema.cardinal_number AS ordinal_position,
           NULL::information_schema.cardinal_number AS position_in_unique_constraint
    FROM esteira_gateway.informational_key k JOIN pg_class c ON c.oid = k.table_id JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL unnest(k.columns) WITH ORDINALITY AS u (name, position)
    WHERE k.kind = 'primary key' AND pg_has_role(c.relowner, 'USAGE');

GRANT SELECT ON pg_catalog.svv_transactions, pg_catalog.stv_sessions, pg_catalog.stv_recents, pg_catalog.stv_db_isolation_level, pg_catalog.svv_tables,
    pg_catalog.svv_columns, pg_catalog.pg_table_def, pg_catalog.svv_redshift_columns, pg_catalog.pg_class_info, pg_catalog.svv_table_info,
    pg_catalog.sys_load_error_detail TO PUBLIC;
