"""`bi.freshness` and `bi.history`: late-binding views over the ledgers and the groups' snapshots, true whether or not a run could publish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from esteira.contract import ApiSource, Dataset, Group, Replace, Scd2, Upsert
from esteira.contract.titles import LANGUAGES, Titles
from esteira.warehouse.ledger_tables import VIEW_SCHEMA, ledger_table
from esteira.warehouse.statements import literal

FRESHNESS_NAME, HISTORY_NAME = "freshness", "history"
# SNAPSHOT is a reserved word: https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html
SNAPSHOT_TABLE = f'"{VIEW_SCHEMA}"."group_snapshot"'
FACTS = (
    "last_batch", "window_end", "data_as_of", "loaded_at", "row_count", "extracted", "curated", "quarantined", "reported", "missing_batches",
)  # fmt: skip
"""What is told of a dataset's ledger, in `facts_query` and in a snapshot's rows."""
_GOOD = "state IN ('committed', 'unchanged')"
"""`unchanged` is the portal's word that the rows of an earlier batch are still those of this slot."""


def facts_query(dataset: Dataset) -> str:
    """One row: what the dataset's ledger says now.

    Counts are those of the batches that stand in the table: where each is the whole table the last one, else all. There what is missing is over
    as soon as a later batch is in.
    """
    counted = "state = 'committed'" + (" AND loaded_place = 1" if _stands_alone(dataset) else "")
    missing = "state IN ('undone', 'given_up', 'skipped')" + (
        " AND window_end > newest" if _stands_alone(dataset) else ""
    )
    sums = (
        f"COALESCE(SUM(CASE WHEN {counted} THEN {what} ELSE 0 END), 0) AS {name}"
        for name, what in {
            "extracted": "extracted", "curated": "curated", "quarantined": "quarantined",
            "reported": "GREATEST(extracted, COALESCE(total_reported, extracted))",
        }.items()
    )  # fmt: skip
    return (
        f"SELECT MAX(CASE WHEN {_GOOD} AND place = 1 THEN batch_id END) AS last_batch, "
        f"MAX(CASE WHEN {_GOOD} THEN window_end END) AS window_end, "
        f"MAX(CASE WHEN {_GOOD} THEN LEAST(window_end, committed_at) END) AS data_as_of, "
        f"MAX(CASE WHEN {_GOOD} THEN committed_at END) AS loaded_at, "
        f"MAX(CASE WHEN counted_place = 1 THEN table_rows END) AS row_count, {', '.join(sums)}, "
        f"COALESCE(SUM(CASE WHEN {missing} THEN 1 ELSE 0 END), 0) AS missing_batches "
        f"FROM ({_placed(dataset.name)}) AS placed"
    )


def freshness_of(dataset: Dataset) -> str:
    """A dataset's row of `bi.freshness`, as a query."""
    head = _head("dataset", dataset.name, dataset.titles, dataset.owner)
    return f"SELECT {head}, {_judged(dataset.quality.freshness)} FROM ({facts_query(dataset)}) AS facts"


def freshness_of_group(group: Group, members: Sequence[Dataset]) -> str:
    """A group's row: what the last snapshot shows, as fresh as its oldest member."""
    limits = [limit for each in members if (limit := each.quality.freshness)]
    last = f"SELECT MAX(snapshot_id) FROM {SNAPSHOT_TABLE} WHERE group_name = '{group.name}'"
    sums = (
        f"SUM({name}) AS {name}" for name in ("row_count", "extracted", "curated", "quarantined", "reported", "missing_batches")
    )  # fmt: skip
    facts = (
        "SELECT CAST(NULL AS VARCHAR(128)) AS last_batch, MIN(window_end) AS window_end, MIN(data_as_of) AS data_as_of, "
        f"MAX(published_at) AS loaded_at, {', '.join(sums)} FROM {SNAPSHOT_TABLE} "
        f"WHERE group_name = '{group.name}' AND snapshot_id = ({last})"
    )
    head = _head("group", group.name, group.titles, group.owner)
    return f"SELECT {head}, {_judged(min(limits, default=None))} FROM ({facts}) AS facts"


def history_of(dataset: str) -> str:
    """A dataset's rows of `bi.history`, as a query: each generation of each batch, with what it changed."""
    current = "generation = MAX(generation) OVER (PARTITION BY batch_id)"
    return (
        f"SELECT CAST('{dataset}' AS VARCHAR(63)) AS dataset, batch_id AS batch, generation, {current} AS is_current, state, "
        "window_start, window_end, committed_at AS loaded_at, extracted, inserted, updated, unchanged, deleted, quarantined, "
        f"table_rows AS row_count, reason FROM {ledger_table(dataset)}"
    )


def _stands_alone(dataset: Dataset) -> bool:
    """Whether each batch is the whole table's state, so that the ones before it say nothing of what stands."""
    if isinstance(dataset.source, ApiSource) and dataset.source.incremental is None:
        return isinstance(dataset.write, Replace | Upsert | Scd2)
    return isinstance(dataset.write, Replace)


def _placed(dataset: str) -> str:
    """Each batch's current entry with its place among them: by the newest data, by what is loaded, and by the count of the table's rows."""
    current = (
        "SELECT batch_id, window_end, committed_at, state, table_rows, sequence, extracted, curated, quarantined, total_reported, "
        f"ROW_NUMBER() OVER (PARTITION BY batch_id ORDER BY generation DESC) AS age FROM {ledger_table(dataset)}"
    )
    return (
        f"SELECT *, COALESCE(MAX(CASE WHEN {_GOOD} THEN window_end END) OVER (), '1970-01-01') AS newest, "
        f"ROW_NUMBER() OVER (ORDER BY CASE WHEN {_GOOD} THEN 0 ELSE 1 END, window_end DESC, sequence DESC) AS place, "
        "ROW_NUMBER() OVER (ORDER BY CASE WHEN state = 'committed' THEN 0 ELSE 1 END, window_end DESC, sequence DESC) AS loaded_place, "
        "ROW_NUMBER() OVER (ORDER BY CASE WHEN table_rows IS NULL THEN 1 ELSE 0 END, sequence DESC) AS counted_place "
        f"FROM ({current}) AS numbered WHERE age = 1"
    )


def _head(kind: str, name: str, titles: Titles, owner: str) -> str:
    texts = [
        (kind, "kind"),
        (name, "dataset"),
        *((titles[each], f"title_{each}") for each in LANGUAGES),
        (owner, "owner"),
    ]
    return ", ".join(f"CAST({literal(text)} AS VARCHAR(256)) AS {name}" for text, name in texts)


def _judged(limit: timedelta | None) -> str:
    """Age and completeness. GETDATE is UTC: https://docs.aws.amazon.com/redshift/latest/dg/r_GETDATE.html.

    A quotient of two sums would keep four digits: https://docs.aws.amazon.com/redshift/latest/dg/r_numeric_computations201.html
    """
    seconds = "GREATEST(DATEDIFF(second, window_end AT TIME ZONE 'UTC', GETDATE()), 0)"
    hours = f"{limit.total_seconds() / 3600:.4f}" if limit else "NULL"
    fresh = f"{seconds} <= {limit.total_seconds():.0f}" if limit else "CAST(NULL AS BOOLEAN)"
    return (
        f"last_batch, data_as_of, loaded_at, CAST({seconds} / 3600.0 AS DECIMAL(12,2)) AS age_hours, "
        f"CAST({hours} AS DECIMAL(12,2)) AS expected_hours, {fresh} AS is_fresh, CAST(row_count AS BIGINT) AS row_count, "
        "CAST(extracted AS BIGINT) AS extracted, CAST(quarantined AS BIGINT) AS quarantined, "
        "CAST(CASE WHEN reported > 0 THEN CAST(curated AS DOUBLE PRECISION) / reported ELSE 1 END AS DECIMAL(9,6)) AS completeness, "
        "CAST(missing_batches AS BIGINT) AS missing_batches"
    )
