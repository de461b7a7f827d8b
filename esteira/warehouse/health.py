"""What loads leave behind in a table: rows that are deleted and still stored, unsorted rows, stale statistics; and the cure.

Redshift does all of this by itself when it finds the time; this catches what it did not come to. Never part of a load: VACUUM does not
run in a transaction, and only one runs on a cluster at a time.
https://docs.aws.amazon.com/redshift/latest/dg/t_Reclaiming_storage_space202.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from esteira.errors import AuthError
from esteira.warehouse import ddl
from esteira.warehouse.connection import Session, Warehouse

GHOST_PERCENT = 5.0
"""VACUUM by itself leaves a table alone of which less is deleted (its threshold of 95 percent):
https://docs.aws.amazon.com/redshift/latest/dg/r_VACUUM_command.html"""
UNSORTED_PERCENT = 5.0
"""The same threshold, for the sort phase."""
STATS_OFF_PERCENT = 10.0
"""ANALYZE by itself skips a table below it (`analyze_threshold_percent`): https://docs.aws.amazon.com/redshift/latest/dg/r_ANALYZE.html"""
MIN_ROWS = 1_000
"""A smaller table is read whole in one block a column; its percentages say nothing."""
CARE_SECONDS = 4 * 60 * 60
"""Bound of one VACUUM: a first one of a large table takes hours."""


@dataclass(frozen=True, slots=True)
class TableHealth:
    """What SVV_TABLE_INFO says of a table.

    https://docs.aws.amazon.com/redshift/latest/dg/r_SVV_TABLE_INFO.html

    Attributes:
        dataset: Its name.
        rows: Rows that a query sees.
        stored_rows: Rows on disk, those included that are deleted and not yet vacuumed.
        unsorted_percent: Share of rows outside the sort order; None without a sort key.
        stats_off_percent: How stale the statistics are: 0 is current, 100 is out of date.
        size_mb: Blocks of 1 MB.
    """

    dataset: str
    rows: int
    stored_rows: int
    unsorted_percent: float | None
    stats_off_percent: float
    size_mb: int

    @property
    def ghost_percent(self) -> float:
        """Share of the stored rows that no query sees; a load between the two readings can make it negative, which is none."""
        return 100 * max(self.stored_rows - self.rows, 0) / self.stored_rows if self.stored_rows else 0.0


@dataclass(frozen=True, slots=True)
class TableCare:
    """What a table needs, and what became of it.

    Attributes:
        health: How it was found.
        statements: What it needs, in order; empty when it is well.
        after: How it was left; None when nothing was run.
    """

    health: TableHealth
    statements: tuple[str, ...] = ()
    after: TableHealth | None = None


def plan_care(warehouse: Warehouse, dataset: str) -> TableCare | None:
    """What a dataset's table needs; None when there is no table or no row in it."""
    health = read_health(warehouse, dataset)
    return TableCare(health, care_statements(health, warehouse.config.schema)) if health else None


def read_health(warehouse: Warehouse, dataset: str) -> TableHealth | None:
    """The health of a dataset's table, or None when there is no table or no row in it.

    Raises:
        AuthError: The user may not read SVV_TABLE_INFO, which Redshift shows to superusers alone by default.
    """
    with warehouse.session(f"esteira health {dataset}") as session:
        return _read(session, warehouse.config.schema, dataset)


def care_statements(health: TableHealth, schema: str) -> tuple[str, ...]:
    """What the table needs, in order: VACUUM moves rows, so statistics come last."""
    if health.stored_rows < MIN_ROWS:
        return ()
    table = ddl.table_name(schema, health.dataset)
    is_haunted = health.ghost_percent > GHOST_PERCENT
    is_unsorted = (health.unsorted_percent or 0) > UNSORTED_PERCENT
    kinds = {(True, True): "FULL", (True, False): "DELETE ONLY", (False, True): "SORT ONLY"}
    kind = kinds.get((is_haunted, is_unsorted))
    vacuum = (f"VACUUM {kind} {table}",) if kind else ()
    return (*vacuum, f"ANALYZE {table}") if health.stats_off_percent > STATS_OFF_PERCENT else vacuum


def apply_care(warehouse: Warehouse, care: TableCare) -> TableCare:
    """Run the statements one after another, each by itself, and look again.

    VACUUM by a user who may not do it ends without an error and without an effect, so only the second look tells.
    """
    dataset = care.health.dataset
    with warehouse.patient(CARE_SECONDS).session(f"esteira care {dataset}") as session:
        for statement in care.statements:
            session.run(statement)
        return replace(care, after=_read(session, warehouse.config.schema, dataset))


def _read(session: Session, schema: str, dataset: str) -> TableHealth | None:
    query = (
        'SELECT tbl_rows, unsorted, stats_off, size FROM svv_table_info WHERE "schema" = %s AND "table" = %s'
        " AND database = current_database()"
    )
    try:
        found = session.rows(query, (schema, dataset))
    except AuthError as exc:
        raise AuthError(
            exc.message, dataset=dataset, hint="As a superuser: GRANT SELECT ON svv_table_info to the loading user."
        ) from exc.__cause__
    if not found:
        return None
    stored, unsorted, stats_off, size = found[0]
    rows = session.count(f"SELECT COUNT(*) FROM {ddl.table_name(schema, dataset)}")
    unsorted_percent = None if unsorted is None else float(unsorted)
    return TableHealth(dataset, rows, int(stored), unsorted_percent, float(stats_off or 0), int(size))
