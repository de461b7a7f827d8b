"""The fold of each write mode with a key: from the events to the rows that the table should hold.

`VERDICT` ranks every event: `_age` 1 is the one that stands, of those that contradict each other; `_copy` above 1 is a repetition within its
batch. `FINAL` holds the table's rows. Newer is `newest_by`, then the window's place, then the position: never the time of loading.
"""

from __future__ import annotations

from esteira.contract import DeleteInsert, Scd2
from esteira.contract.columns import POSITION_COLUMN
from esteira.contract.write import IS_CURRENT, VALID_FROM, VALID_TO
from esteira.warehouse.connection import Session
from esteira.warehouse.events import BEFORE, EVENT
from esteira.warehouse.rule import Rule, match, null_safe, prefixed
from esteira.warehouse.statements import BATCH_COLUMN, names

VERDICT, FINAL, VERSION, _NUMBERED = "esteira_verdict", "esteira_final", "esteira_version", "esteira_numbered"


def fold(session: Session, rule: Rule) -> None:
    """Compute `VERDICT` and `FINAL` (and `VERSION` for `Scd2`) from the events."""
    for name in (VERDICT, FINAL, VERSION, _NUMBERED):
        session.run(f"DROP TABLE IF EXISTS {name}")
    session.run(f"CREATE TEMP TABLE {VERDICT} AS SELECT e.*, {_ranks(rule)} FROM {EVENT} e")
    if isinstance(rule.mode, Scd2):
        _fold_versions(session, rule)
        rows = f'SELECT {names((*rule.copied, *rule.validity))} FROM (SELECT v.*, v."{VALID_TO}" IS NULL AS "{IS_CURRENT}" FROM {VERSION} v) AS versions'
    else:
        rows = f"SELECT {names(rule.copied)} FROM {VERDICT} WHERE _age = 1"
    gone = " AND NOT _is_gone" if "WHERE" in rows else " WHERE NOT _is_gone"
    session.run(f"CREATE TEMP TABLE {FINAL} AS {rows}{gone}")


def _ranks(rule: Rule) -> str:
    if isinstance(rule.mode, DeleteInsert):
        newest = f"MAX(e._place) OVER (PARTITION BY {prefixed('e', rule.key)})"
        return f"CASE WHEN e._place = {newest} THEN 1 ELSE 2 END AS _age, 1 AS _copy"
    newest = f'e."{rule.newest_by}" DESC NULLS LAST, ' if rule.newest_by else ""
    position, decided = f'e."{POSITION_COLUMN}" DESC', prefixed("e", rule.identity)
    return (
        f"ROW_NUMBER() OVER (PARTITION BY {decided} ORDER BY {newest}e._place DESC, {position}) AS _age, "
        f'ROW_NUMBER() OVER (PARTITION BY e."{BATCH_COLUMN}", {decided} ORDER BY {newest}{position}) AS _copy'
    )


def _fold_versions(session: Session, rule: Rule) -> None:
    """A version begins where a row differs from the one before it, and ends where the next begins or the key is gone."""
    key = names(rule.key)
    number = f'ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY "{VALID_FROM}") AS _number'
    session.run(f"CREATE TEMP TABLE {_NUMBERED} AS SELECT v.*, {number} FROM {VERDICT} v WHERE _age = 1")
    begins = (
        "(p._number IS NULL AND NOT n._is_gone) OR (p._number IS NOT NULL AND "
        f"(n._is_gone <> p._is_gone OR (NOT n._is_gone AND NOT {rule.same('n', 'p')})))"
    )
    bounds = (
        f"SELECT n.* FROM {_NUMBERED} n LEFT JOIN {_NUMBERED} p ON {match(rule.key, 'p', 'n')} AND p._number = n._number - 1 "
        f"WHERE {begins}"
    )
    until = f'LEAD("{VALID_FROM}") OVER (PARTITION BY {key} ORDER BY "{VALID_FROM}") AS "{VALID_TO}"'
    session.run(f"CREATE TEMP TABLE {VERSION} AS SELECT b.*, {until} FROM ({bounds}) AS b")


def is_in_doubt(session: Session, rule: Rule) -> bool:
    """Whether the table alone cannot tell that the batch at hand wins.

    A row that a later batch repeated unchanged keeps the earlier batch's name. An older window that contradicts it, and is decided by its
    window alone, may therefore win here and lose against that later batch: the lake knows.
    """
    equal = ""
    if rule.newest_by:
        ours, theirs = (f'{alias}."{rule.newest_by}"' for alias in "wl")
        equal = f" AND {null_safe(ours, theirs)}"
    differs = f"(w._is_gone <> l._is_gone OR (NOT w._is_gone AND NOT {rule.same('w', 'l')}))"
    return bool(
        session.count(
            f"SELECT COUNT(*) FROM {VERDICT} w JOIN {VERDICT} l ON {match(rule.identity, 'w', 'l')}{equal} "
            f"WHERE w._age = 1 AND w._is_own AND NOT l._is_own AND {differs}"
        )
    )


def count_actions(session: Session, rule: Rule) -> list[tuple[str, str, int]]:
    """Where the rows of the batches at hand went: batch, action, rows."""
    cases = _version_cases(rule) if isinstance(rule.mode, Scd2) else _row_cases(rule)
    joined = f"LEFT JOIN {VERDICT} w ON {match(rule.identity, 'w', 'v')} AND w._age = 1 LEFT JOIN {BEFORE} b ON {match(rule.identity, 'b', 'v')}"
    if isinstance(rule.mode, Scd2):
        joined += (
            f" LEFT JOIN {VERSION} x ON {match(rule.identity, 'x', 'v')}"
            f' LEFT JOIN {BEFORE} c ON {match(rule.key, "c", "v")} AND c."{VALID_TO}" = v."{VALID_FROM}"'
            f" LEFT JOIN (SELECT DISTINCT {names(rule.key)} FROM {BEFORE}) k ON {match(rule.key, 'k', 'v')}"
        )
    repeats = f"(v._is_gone AND w._is_gone) OR (NOT v._is_gone AND NOT w._is_gone AND {rule.same('v', 'w')})"
    action = (
        "CASE WHEN v._copy > 1 THEN 'duplicate' "
        f"WHEN v._age > 1 THEN CASE WHEN {repeats} THEN 'unchanged' ELSE 'stale' END {cases} END"
    )
    actions = f'SELECT v."{BATCH_COLUMN}" AS batch_id, {action} AS action FROM {VERDICT} v {joined} WHERE v._is_own'
    rows = session.rows(f"SELECT batch_id, action, COUNT(*) FROM ({actions}) AS actions GROUP BY batch_id, action")
    return [(str(batch_id), str(name), int(count)) for batch_id, name, count in rows]


def _row_cases(rule: Rule) -> str:
    was_there = f'b."{rule.identity[0]}" IS NOT NULL'
    return (
        f"WHEN v._is_gone THEN CASE WHEN {was_there} THEN 'updated' ELSE 'unchanged' END "
        f"WHEN NOT {was_there} THEN 'inserted' WHEN {rule.same('v', 'b')} THEN 'unchanged' ELSE 'updated'"
    )


def _version_cases(rule: Rule) -> str:
    first = rule.key[0]
    return (
        "WHEN x._number IS NULL THEN 'unchanged' "
        f"WHEN v._is_gone THEN CASE WHEN c.\"{first}\" IS NULL THEN 'updated' ELSE 'unchanged' END "
        f"WHEN k.\"{first}\" IS NULL THEN 'inserted' "
        f"WHEN b.\"{first}\" IS NOT NULL AND {rule.same('v', 'b')} THEN 'unchanged' ELSE 'updated'"
    )
