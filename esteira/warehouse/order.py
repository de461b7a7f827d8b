"""The window order of a dataset's committed batches, as a temporary table: batch id, moment (its window's start) and place from 1.

"Newer" is this order, never the time of loading. Batch ids are text whose order is not that of the windows, so everything that compares
batches joins this table. Of equal windows (a changed source definition asks for the same day again) the id decides, so that it is total.
"""

from __future__ import annotations

from collections.abc import Iterable

from esteira.batch import Batch
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_tables import ledger_table

ORDER, _MEMBER = "esteira_order", "esteira_member"


def stage_order(session: Session, dataset: str, own: Iterable[Batch] = (), without: str | None = None) -> None:
    """Order what will be committed when this transaction is: what is now, with `own`, without the batch that is undone."""
    aged = (
        "SELECT batch_id, window_start, window_end, state, "
        f"ROW_NUMBER() OVER (PARTITION BY batch_id ORDER BY generation DESC) AS age FROM {ledger_table(dataset)}"
    )
    session.run(f"DROP TABLE IF EXISTS {_MEMBER}")
    session.run(
        f"CREATE TEMP TABLE {_MEMBER} AS SELECT batch_id, window_start, window_end FROM ({aged}) AS entries "
        "WHERE age = 1 AND state = 'committed'"
    )
    for batch in own:
        session.run(f"DELETE FROM {_MEMBER} WHERE batch_id = %s", (batch.id,))
        window = batch.window
        session.run(f"INSERT INTO {_MEMBER} VALUES (%s, %s, %s)", (batch.id, window.start, window.end))
    if without:
        session.run(f"DELETE FROM {_MEMBER} WHERE batch_id = %s", (without,))
    place = "ROW_NUMBER() OVER (ORDER BY window_start, window_end, batch_id) AS place"
    session.run(f"DROP TABLE IF EXISTS {ORDER}")
    session.run(f"CREATE TEMP TABLE {ORDER} AS SELECT batch_id, window_start AS moment, {place} FROM {_MEMBER}")


def newest(session: Session) -> str | None:
    """Id of the newest batch; None where nothing is committed."""
    found = session.rows(f"SELECT batch_id FROM {ORDER} ORDER BY place DESC LIMIT 1")
    return str(found[0][0]) if found else None
