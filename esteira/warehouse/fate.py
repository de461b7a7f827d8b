"""What the fold means for each row that the table holds of the keys concerned, and where the rows of the batches at hand went.

`FATE` has one narrow row for each of the table's: its identity, whether the table still has a row of it afterwards (`_stays`), whether that one
is equal (`_is_same`) and whether it is told by the same batch (`_is_told`). Wide rows are compared here, once; what follows reads `FATE`.
"""

from __future__ import annotations

from collections.abc import Iterable

from esteira.contract import Scd2
from esteira.contract.columns import POSITION_COLUMN
from esteira.contract.write import VALID_FROM, VALID_TO
from esteira.warehouse.connection import Session
from esteira.warehouse.fold import VERDICT, VERSION, final
from esteira.warehouse.rule import Rule, match, null_safe, prefixed
from esteira.warehouse.statements import BATCH_COLUMN, LOADED_COLUMN, literal, names

FATE = "esteira_fate"


def decide(session: Session, rule: Rule, before: str, rewritten: Iterable[str]) -> None:
    """Compute `FATE` after the fold.

    Args:
        session: In the load's transaction.
        rule: The dataset's rule.
        before: The table's rows of the keys concerned.
        rewritten: Batches that are loaded or taken out now: a row stays in the name of one only if it is told there again.
    """
    batches = ", ".join(literal(batch_id) for batch_id in rewritten)
    is_told = f'b."{BATCH_COLUMN}" NOT IN ({batches}) OR ({match((BATCH_COLUMN, POSITION_COLUMN), "f", "b")})'
    if rule.validity:
        is_told = f"""({is_told}) AND {null_safe(f'b."{VALID_TO}"', f'f."{VALID_TO}"')}"""
    session.run(
        f'CREATE TEMP TABLE {FATE} AS SELECT {prefixed("b", rule.identity)}, f."{rule.identity[0]}" IS NOT NULL AS _stays, '
        f"{rule.same('b', 'f')} AS _is_same, ({is_told}) AS _is_told "
        f"FROM {before} b LEFT JOIN {final(rule)} f ON {match(rule.identity, 'f', 'b')}"
    )


def count_deleted(session: Session) -> int:
    """How many rows leave the table without a successor."""
    return session.count(f"SELECT COUNT(*) FROM {FATE} WHERE NOT _stays")


def change_table(session: Session, rule: Rule) -> None:
    """Delete and insert the rows that differ, and no others."""
    is_kept = "x._is_same AND x._is_told"
    session.run(
        f"DELETE FROM {rule.table} USING {FATE} x "
        f"WHERE {match(rule.identity, 'x', rule.table)} AND (NOT x._stays OR NOT ({is_kept}))"
    )
    columns = (*rule.copied, *rule.validity)
    session.run(
        f'INSERT INTO {rule.table} ({names(columns)}, "{LOADED_COLUMN}") SELECT {prefixed("f", columns)}, GETDATE() '
        f"FROM {final(rule)} f LEFT JOIN {FATE} x ON {match(rule.identity, 'x', 'f')} "
        f'WHERE x."{rule.identity[0]}" IS NULL OR NOT ({is_kept})'
    )


def count_actions(session: Session, rule: Rule, before: str) -> list[tuple[str, str, int]]:
    """Where the rows of the batches at hand went: batch, action, rows. Only rows that do not stand are compared, with the one that does."""
    batch, identity = f'v."{BATCH_COLUMN}" AS batch_id', rule.identity
    standing = _versions(rule, before) if isinstance(rule.mode, Scd2) else _rows(rule)
    stands = f"SELECT {batch}, {standing} WHERE v._is_own AND v._age = 1"
    repeats = f"(v._is_gone AND w._is_gone) OR (NOT v._is_gone AND NOT w._is_gone AND {rule.same('v', 'w')})"
    beaten = (
        f"SELECT {batch}, CASE WHEN v._copy > 1 THEN 'duplicate' WHEN {repeats} THEN 'unchanged' ELSE 'stale' END AS action "
        f"FROM {VERDICT} v LEFT JOIN {VERDICT} w ON {match(identity, 'w', 'v')} AND w._age = 1 WHERE v._is_own AND v._age > 1"
    )
    actions = f"({stands} UNION ALL {beaten}) AS actions"
    rows = session.rows(f"SELECT batch_id, action, COUNT(*) FROM {actions} GROUP BY batch_id, action")
    return [(str(batch_id), str(name), int(count)) for batch_id, name, count in rows]


def _rows(rule: Rule) -> str:
    was_there = f'x."{rule.identity[0]}" IS NOT NULL'
    return (
        f"CASE WHEN v._is_gone THEN CASE WHEN {was_there} THEN 'updated' ELSE 'unchanged' END "
        f"WHEN NOT {was_there} THEN 'inserted' WHEN x._is_same THEN 'unchanged' ELSE 'updated' END AS action "
        f"FROM {VERDICT} v LEFT JOIN {FATE} x ON {match(rule.identity, 'x', 'v')}"
    )


def _versions(rule: Rule, before: str) -> str:
    first, pair = rule.key[0], match(rule.identity, "x", "v")
    return (
        "CASE WHEN n._number IS NULL THEN 'unchanged' "
        f"WHEN v._is_gone THEN CASE WHEN c.\"{first}\" IS NULL THEN 'updated' ELSE 'unchanged' END "
        f"WHEN k.\"{first}\" IS NULL THEN 'inserted' "
        f"WHEN x.\"{first}\" IS NOT NULL AND x._is_same THEN 'unchanged' ELSE 'updated' END AS action "
        f"FROM {VERDICT} v LEFT JOIN {FATE} x ON {pair} LEFT JOIN {VERSION} n ON {match(rule.identity, 'n', 'v')} "
        f'LEFT JOIN {before} c ON {match(rule.key, "c", "v")} AND c."{VALID_TO}" = v."{VALID_FROM}" '
        f"LEFT JOIN (SELECT DISTINCT {names(rule.key)} FROM {before}) k ON {match(rule.key, 'k', 'v')}"
    )
