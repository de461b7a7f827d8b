"""What the fold means for each row that the table holds of the keys concerned, and where the rows of the batches at hand went.

`FATE` has one narrow row for each of the table's: its identity, whether the table still has a row of it afterwards (`_stays`), whether that one
is equal (`_is_same`) and whether it is told by the same batch (`_is_told`). Wide rows are compared here, once; what follows reads `FATE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from esteira.contract import Scd2
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.contract.write import VALID_FROM, VALID_TO
from esteira.warehouse.connection import Session
from esteira.warehouse.fold import VERSION, final
from esteira.warehouse.rule import Rule, match, null_safe, prefixed
from esteira.warehouse.statements import LOADED_COLUMN, literal, names

FATE = "esteira_fate"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a fold means for the table.

    Attributes:
        session: In the load's transaction, after the fold.
        rule: The dataset's rule.
        verdict: What the fold returned.
        before: The table's rows of the keys concerned, as they were.
    """

    session: Session
    rule: Rule
    verdict: str
    before: str

    def decide(self, rewritten: Iterable[str], *, is_scoped: bool) -> None:
        """Compute `FATE`.

        Args:
            rewritten: Batches that are loaded or taken out now: a row stays in the name of one only if it is told there again.
            is_scoped: Whether only the keys of the batches at hand are concerned.
        """
        rule, first = self.rule, self.rule.identity[0]
        rows = f"{self.before} b LEFT JOIN {final(rule, self.verdict)} f ON {match(rule.identity, 'f', 'b')}"
        stays = f'f."{first}" IS NOT NULL'
        if is_scoped and rule.identity == rule.key:  # then each key concerned has one verdict that stands
            rows = f"{rule.table} b JOIN {self.verdict} f ON {match(rule.key, 'f', 'b')} AND f._age = 1"
            stays = "NOT f._is_gone"
        self.session.run(
            f"CREATE TEMP TABLE {FATE} AS SELECT {prefixed('b', rule.identity)}, {stays} AS _stays, "
            f"{rule.same('b', 'f')} AS _is_same, ({_is_told(rule, rewritten)}) AS _is_told FROM {rows}"
        )

    def count_deleted(self) -> int:
        """How many rows leave the table without a successor."""
        return self.session.count(f"SELECT COUNT(*) FROM {FATE} WHERE NOT _stays")

    def count_actions(self) -> list[tuple[str, str, int]]:
        """Where the rows of the batches at hand went: batch, action, rows. Only beaten rows are compared, with the one that stands."""
        rule, batch = self.rule, f'v."{BATCH_COLUMN}" AS batch_id'
        standing = _versions(rule, self.before) if isinstance(rule.mode, Scd2) else _rows(rule)
        stands = f"SELECT {batch}, {standing[0]} AS action FROM {self.verdict} v {standing[1]} WHERE v._is_own AND v._age = 1"
        repeats = f"(v._is_gone AND w._is_gone) OR (NOT v._is_gone AND NOT w._is_gone AND {rule.same('v', 'w')})"
        beaten = (
            f"SELECT {batch}, CASE WHEN v._copy > 1 THEN 'duplicate' WHEN {repeats} THEN 'unchanged' ELSE 'stale' END AS action "
            f"FROM {self.verdict} v LEFT JOIN {self.verdict} w ON {match(rule.identity, 'w', 'v')} AND w._age = 1 "
            "WHERE v._is_own AND v._age > 1"
        )
        actions = f"({stands} UNION ALL {beaten}) AS actions"
        rows = self.session.rows(f"SELECT batch_id, action, COUNT(*) FROM {actions} GROUP BY batch_id, action")
        return [(str(batch_id), str(name), int(count)) for batch_id, name, count in rows]

    def change_table(self) -> None:
        """Delete and insert the rows that differ, and no others."""
        rule, is_kept = self.rule, "x._is_same AND x._is_told"
        self.session.run(
            f"DELETE FROM {rule.table} USING {FATE} x "
            f"WHERE {match(rule.identity, 'x', rule.table)} AND (NOT x._stays OR NOT ({is_kept}))"
        )
        columns = (*rule.copied, *rule.validity)
        self.session.run(
            f'INSERT INTO {rule.table} ({names(columns)}, "{LOADED_COLUMN}") SELECT {prefixed("f", columns)}, GETDATE() '
            f"FROM {final(rule, self.verdict)} f LEFT JOIN {FATE} x ON {match(rule.identity, 'x', 'f')} "
            f'WHERE x."{rule.identity[0]}" IS NULL OR NOT ({is_kept})'
        )


def _is_told(rule: Rule, rewritten: Iterable[str]) -> str:
    batches = ", ".join(literal(batch_id) for batch_id in rewritten)
    told = f'b."{BATCH_COLUMN}" NOT IN ({batches}) OR ({match((BATCH_COLUMN, POSITION_COLUMN), "f", "b")})'
    if not rule.validity:
        return told
    ends = (f'{alias}."{VALID_TO}"' for alias in "bf")
    return f"({told}) AND {null_safe(*ends)}"


def _rows(rule: Rule) -> tuple[str, str]:
    """What became of a row that stands, and the joins that tell."""
    was_there = f'x."{rule.identity[0]}" IS NOT NULL'
    action = (
        f"CASE WHEN v._is_gone THEN CASE WHEN {was_there} THEN 'updated' ELSE 'unchanged' END "
        f"WHEN NOT {was_there} THEN 'inserted' WHEN x._is_same THEN 'unchanged' ELSE 'updated' END"
    )
    return action, f"LEFT JOIN {FATE} x ON {match(rule.identity, 'x', 'v')}"


def _versions(rule: Rule, before: str) -> tuple[str, str]:
    """The same of a version: `n` is its own, `c` the one that it closes, `k` says that the key was there."""
    first = rule.key[0]
    action = (
        "CASE WHEN n._number IS NULL THEN 'unchanged' "
        f"WHEN v._is_gone THEN CASE WHEN c.\"{first}\" IS NULL THEN 'updated' ELSE 'unchanged' END "
        f"WHEN k.\"{first}\" IS NULL THEN 'inserted' "
        f"WHEN x.\"{first}\" IS NOT NULL AND x._is_same THEN 'unchanged' ELSE 'updated' END"
    )
    joins = (
        f"LEFT JOIN {FATE} x ON {match(rule.identity, 'x', 'v')} LEFT JOIN {VERSION} n ON {match(rule.identity, 'n', 'v')} "
        f'LEFT JOIN {before} c ON {match(rule.key, "c", "v")} AND c."{VALID_TO}" = v."{VALID_FROM}" '
        f"LEFT JOIN (SELECT DISTINCT {names(rule.key)} FROM {before} d) k ON {match(rule.key, 'k', 'v')}"
    )
    return action, joins
