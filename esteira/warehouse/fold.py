"""The fold of each write mode with a key: from the events to the rows that the table should hold.

`VERDICT` ranks every event: `_age` 1 is the one that stands, of those that contradict each other; `_copy` above 1 is a repetition within its
batch. `final` is the table's rows. Newer is `newest_by`, then the window's place, then the position: never the time of loading.
"""

from __future__ import annotations

from esteira.contract import DeleteInsert, Scd2
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.contract.write import IS_CURRENT, VALID_FROM, VALID_TO
from esteira.warehouse.connection import Session
from esteira.warehouse.events import EVENT
from esteira.warehouse.rule import Rule, match, null_safe, prefixed
from esteira.warehouse.statements import names

VERDICT, VERSION, _NUMBERED = "esteira_verdict", "esteira_version", "esteira_numbered"


def fold(session: Session, rule: Rule) -> str:
    """Compute `VERDICT` (and `VERSION` for `Scd2`) from the events; returns what may stand behind FROM for it."""
    for name in (VERDICT, VERSION, _NUMBERED):
        session.run(f"DROP TABLE IF EXISTS {name}")
    session.run(f"CREATE TEMP TABLE {VERDICT} AS SELECT e.*, {_ranks(rule)} FROM {EVENT} e")
    if isinstance(rule.mode, Scd2):
        _fold_versions(session, rule)
    return VERDICT


def without_rivals() -> str:
    """The verdict, as `fold` returns it, when no event contradicts or repeats another: nothing is sorted or copied."""
    return f"(SELECT e.*, 1 AS _age, 1 AS _copy FROM {EVENT} e)"


def final(rule: Rule, verdict: str) -> str:
    """The rows that the table should hold of the keys concerned: what may stand behind FROM."""
    columns = names((*rule.copied, *rule.validity))
    if not isinstance(rule.mode, Scd2):
        return f"(SELECT {columns} FROM {verdict} v WHERE _age = 1 AND NOT _is_gone)"
    versions = f'SELECT v.*, v."{VALID_TO}" IS NULL AS "{IS_CURRENT}" FROM {VERSION} v WHERE NOT v._is_gone'
    return f"(SELECT {columns} FROM ({versions}) AS versions)"


def _ranks(rule: Rule) -> str:
    if isinstance(rule.mode, DeleteInsert):
        newest = f"MAX(e._place) OVER (PARTITION BY {prefixed('e', rule.key)})"
        return f"CASE WHEN e._place = {newest} THEN 1 ELSE 2 END AS _age, 1 AS _copy"
    newest = f'e."{rule.newest_by}" DESC NULLS LAST, ' if rule.newest_by else ""
    position, decided = f'e."{POSITION_COLUMN}" DESC', prefixed("e", rule.identity)
    return (
        f"ROW_NUMBER() OVER (PARTITION BY {decided} ORDER BY {newest}e._place DESC, {position}) AS _age, "
        f'ROW_NUMBER() OVER (PARTITION BY {decided}, e."{BATCH_COLUMN}" ORDER BY {newest}{position}) AS _copy'
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
