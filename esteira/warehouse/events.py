"""What a fold is computed from: one temporary table of events, each a row that some batch says about a key.

They come from the batch at hand, and either from the table itself (the cheap step) or from the sealed parts of all other batches (the
fold proper). `READ` holds the batches that are in `EVENT` as wholes.
"""

from __future__ import annotations

from collections.abc import Collection

from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.contract.write import IS_CURRENT, VALID_FROM, VALID_TO
from esteira.warehouse.connection import Session
from esteira.warehouse.graves import grave_columns, grave_table
from esteira.warehouse.order import ORDER
from esteira.warehouse.rule import Rule, match, prefixed
from esteira.warehouse.staging import STAGING
from esteira.warehouse.statements import names, stored_value

EVENT, KEY, READ, _BEFORE = "esteira_event", "esteira_key", "esteira_read", "esteira_before"
_SYNTHETIC = f'CAST(\'\' AS VARCHAR(128)) AS "{BATCH_COLUMN}", -1 AS "{POSITION_COLUMN}", 0 AS _place, FALSE AS _is_own, TRUE AS _is_gone'
"""An event that no row told: a version's end without a successor, a key that a snapshot lacks. Any told event at its moment wins."""


class Events:
    """The events of one transaction, in temporary tables.

    Args:
        session: In the load's transaction, after the order was staged.
        rule: The dataset's rule.

    Attributes:
        before: The table's rows of the keys concerned, as they were: what may stand behind FROM until the table is changed.
    """

    def __init__(self, session: Session, rule: Rule) -> None:
        self._session = session
        self._rule = rule
        self._keys = ""
        self.before = ""
        self.superseded: dict[str, int] = {}
        moment = f', t."{VALID_FROM}"' if rule.validity else ""
        session.run(
            f"CREATE TEMP TABLE {EVENT} AS SELECT {prefixed('t', rule.copied)}{moment}, CAST(0 AS BIGINT) AS _place, "
            f"FALSE AS _is_own, FALSE AS _is_gone FROM {rule.table} t WHERE 1 = 0"
        )
        session.run(f"CREATE TEMP TABLE {READ} (batch_id VARCHAR(128))")

    def add_staged(self, batch_id: str, columns: Collection[str], *, is_own: bool) -> None:
        """The staged rows of a batch as events.

        Args:
            batch_id: The batch.
            columns: The columns of its parts; none when it has no part.
            is_own: Whether the batch is loaded now; of others only the keys concerned are taken.
        """
        self.mark_read(batch_id)
        if not columns:
            return
        rule, known = self._rule, {column.name: column for column in self._rule.dataset.columns}
        values = {name: stored_value(known[name], f's."{name}"') for name in columns if name in known}
        flag = rule.mode.deleted_when
        is_gone = rule.is_gone("s") if flag and flag[0] in values else "FALSE"
        values |= {POSITION_COLUMN: f's."{POSITION_COLUMN}"', BATCH_COLUMN: "o.batch_id"}
        if rule.validity:
            values[VALID_FROM] = f's."{rule.newest_by}"' if rule.newest_by else "o.moment"
        self._session.run(
            f"INSERT INTO {EVENT} ({names(values)}, _place, _is_own, _is_gone) "
            f"SELECT {', '.join(values.values())}, o.place, {is_own}, {is_gone} FROM {STAGING} s "
            f"CROSS JOIN (SELECT batch_id, moment, place FROM {ORDER} WHERE batch_id = %s) o {'' if is_own else self._concerned('s')}",
            (batch_id,),
        )

    def mark_read(self, batch_id: str) -> None:
        """Nothing that the table holds of this batch counts any more."""
        self._session.run(f"INSERT INTO {READ} VALUES (%s)", (batch_id,))

    def scope_to_own(self) -> None:
        """Only the keys that the batches at hand concern: their own, and for a snapshot those that it may retire."""
        rule = self._rule
        keys = f"SELECT {names(rule.key)} FROM {EVENT} WHERE _is_own"
        if rule.is_snapshot_history:
            keys += f' UNION ALL SELECT {names(rule.key)} FROM {rule.table} WHERE "{IS_CURRENT}"'
        self._session.run(f"CREATE TEMP TABLE {KEY} AS SELECT DISTINCT {names(rule.key)} FROM ({keys}) AS concerned")
        self._keys = KEY
        self._remember_before()

    def scope_to_unique(self) -> None:
        """The same where each key stands in one event and all events are own: the keys need no copy."""
        self._keys = f"(SELECT {names(self._rule.key)} FROM {EVENT})"
        self._remember_before()

    def scope_to_all(self) -> None:
        """Take every key into the fold, and not only those of the batches at hand."""
        self._remember_before()

    def _remember_before(self) -> None:
        """Versions are joined with each other and so kept; other rows are read once or twice, which costs less than a copy."""
        columns = prefixed("t", (*self._rule.copied, *self._rule.validity))
        self.before = f"(SELECT {columns} FROM {self._rule.table} t {self._concerned('t')})"
        if self._rule.validity:
            self._session.run(f"CREATE TEMP TABLE {_BEFORE} AS {self.before[1:-1]}")
            self.before = _BEFORE

    def _concerned(self, alias: str) -> str:
        return f"JOIN {self._keys} k ON {match(self._rule.key, 'k', alias)}" if self._keys else ""

    @property
    def is_scoped(self) -> bool:
        """Whether only the keys of the batches at hand are concerned."""
        return bool(self._keys)

    def forget_others(self) -> None:
        """Leave only the batches at hand."""
        self._session.run(f"DELETE FROM {EVENT} WHERE NOT _is_own")

    def add_state(self) -> None:
        """The table's rows, and the deletions beside it, as events: of every batch that is not read as a whole.

        Rows of a batch that nobody knows count as older than all others.
        """
        columns = (*self._rule.copied, *((VALID_FROM,) if self._rule.validity else ()))
        self._session.run(
            f"INSERT INTO {EVENT} ({names(columns)}, _place, _is_own, _is_gone) "
            f"SELECT {prefixed('b', columns)}, COALESCE(o.place, 0), FALSE, FALSE FROM {self.before} b {_unread('b')}"
        )
        if self._rule.has_graves:
            self._add_graves()
        elif self._rule.validity:
            self._add_ends()

    def _add_graves(self) -> None:
        rule = self._rule
        moment = {VALID_FROM: f'g."{rule.newest_by}"'} if rule.validity else {}
        values = {name: f'g."{name}"' for name in grave_columns(rule)} | moment
        self._session.run(
            f"INSERT INTO {EVENT} ({names(values)}, _place, _is_own, _is_gone) SELECT {', '.join(values.values())}, "
            f"COALESCE(o.place, 0), FALSE, TRUE FROM {grave_table(rule)} g {self._concerned('g')} {_unread('g')}"
        )

    def _add_ends(self) -> None:
        """Where a version ended and none followed, something ended it: a deletion, or a snapshot without the key."""
        rule = self._rule
        self._add_synthetic(
            f'SELECT {prefixed("b", rule.key)}, b."{VALID_TO}", {_SYNTHETIC} FROM {self.before} b LEFT JOIN {self.before} n '
            f'ON {match(rule.key, "n", "b")} AND n."{VALID_FROM}" = b."{VALID_TO}" {_unread("b")} '
            f'AND b."{VALID_TO}" IS NOT NULL AND n."{VALID_FROM}" IS NULL'
        )

    def add_absences(self) -> None:
        """A key that is seen in one snapshot and not in the next one that was read was gone by then.

        Of several snapshots of one moment only the last counts.
        """
        self._drop_superseded()
        key = self._rule.key
        seen = f"SELECT DISTINCT {names((*key, VALID_FROM))} FROM {EVENT} WHERE NOT _is_gone"
        next_seen = f'LEAD(d."{VALID_FROM}") OVER (PARTITION BY {prefixed("d", key)} ORDER BY d."{VALID_FROM}")'
        sightings = (
            f"SELECT {prefixed('d', key)}, n._next_moment, {next_seen} AS _next_seen FROM ({seen}) d "
            f'JOIN ({_next_moments()}) n ON n.moment = d."{VALID_FROM}"'
        )
        self._add_synthetic(
            f"SELECT {prefixed('a', key)}, a._next_moment, {_SYNTHETIC} FROM ({sightings}) a "
            "WHERE a._next_moment IS NOT NULL AND (a._next_seen IS NULL OR a._next_seen > a._next_moment)"
        )

    def _add_synthetic(self, select: str) -> None:
        columns = names((*self._rule.key, VALID_FROM, BATCH_COLUMN, POSITION_COLUMN))
        self._session.run(f"INSERT INTO {EVENT} ({columns}, _place, _is_own, _is_gone) {select}")

    def _drop_superseded(self) -> None:
        places = f"SELECT place FROM ({_last_of_moment()}) AS ordered WHERE place < last_place"
        batch = f'"{BATCH_COLUMN}"'
        found = self._session.rows(
            f"SELECT {batch}, COUNT(*) FROM {EVENT} WHERE _is_own AND _place IN ({places}) GROUP BY {batch}"
        )
        self.superseded = {str(batch_id): int(count) for batch_id, count in found}
        self._session.run(f"DELETE FROM {EVENT} WHERE _place IN ({places})")


def _unread(alias: str) -> str:
    """Joins its place, and leaves only what no batch in `READ` brought."""
    batch = f'{alias}."{BATCH_COLUMN}"'
    return f"LEFT JOIN {ORDER} o ON o.batch_id = {batch} LEFT JOIN {READ} r ON r.batch_id = {batch} WHERE r.batch_id IS NULL"


def _last_of_moment() -> str:
    return f"SELECT batch_id, moment, place, MAX(place) OVER (PARTITION BY moment) AS last_place FROM {ORDER}"


def _next_moments() -> str:
    """Each moment of the order with the next one whose snapshot was read."""
    after = "OVER (ORDER BY l.moment ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
    return (
        f"SELECT l.moment, MIN(CASE WHEN r.batch_id IS NOT NULL THEN l.moment END) {after} AS _next_moment "
        f"FROM ({_last_of_moment()}) AS l LEFT JOIN {READ} r ON r.batch_id = l.batch_id WHERE l.place = l.last_place"
    )
