"""The write modes with a key: fold, compare with the table, and change only the rows that differ."""

from __future__ import annotations

from collections import defaultdict

from esteira.batch import Batch
from esteira.contract import DeleteInsert
from esteira.contract.columns import BATCH_COLUMN, POSITION_COLUMN
from esteira.errors import DataQualityError
from esteira.warehouse.connection import Session
from esteira.warehouse.counts import Counts, Outcome
from esteira.warehouse.events import KEY, READ, Events
from esteira.warehouse.fate import Fate
from esteira.warehouse.findings import samples
from esteira.warehouse.fold import VERDICT, fold, is_in_doubt, without_rivals
from esteira.warehouse.graves import grave_columns, grave_table
from esteira.warehouse.history import Past
from esteira.warehouse.order import ORDER
from esteira.warehouse.rule import Rule, match, prefixed
from esteira.warehouse.staging import STAGING
from esteira.warehouse.statements import names


class KeyedWriter:
    """Writes batches of one dataset in one transaction.

    Args:
        session: In the transaction, after the order was staged.
        rule: The dataset's rule.
        past: The batches that stay, in the lake.
    """

    def __init__(self, session: Session, rule: Rule, past: Past) -> None:
        self._session, self._rule, self._past = session, rule, past
        self._events = Events(session, rule)
        self._rewritten: list[str] = []
        self._has_rivals = False

    def take(self, batch: Batch) -> None:
        """Take the staged rows of a batch.

        Raises:
            DataQualityError: A key stands twice with different values and no column tells which is newer.
        """
        repeats = _repeats_keys(self._session, self._rule)
        self._has_rivals = self._has_rivals or repeats or bool(self._rewritten)
        self._events.add_staged(batch.id, self._rule.dataset.column_names, is_own=True)
        self._rewritten.append(batch.id)

    def take_out(self, batch_id: str) -> None:
        """Forget the rows of a batch."""
        self._events.mark_read(batch_id)
        self._rewritten.append(batch_id)

    def settle(self, *, is_rewrite: bool) -> Outcome:
        """Change the table.

        Args:
            is_rewrite: Whether something that was committed is replaced or taken out: then the table holds what must be forgotten,
                and only the lake can tell what it hid.
        """
        if is_rewrite:
            self._events.scope_to_all()
            verdict = self._fold_the_lake()
        else:
            verdict = self._step()
        fate = Fate(self._session, self._rule, verdict, self._events.before)
        fate.decide(self._rewritten, is_scoped=self._events.is_scoped)
        outcome = self._outcome(fate)
        fate.change_table()
        self._change_graves()
        return outcome

    def _step(self) -> str:
        """The cheap step of the fold: the table stands for every earlier batch, unless an older window comes late."""
        is_late, rule = self._is_late(), self._rule
        if not is_late and rule.is_won_by_the_last and not self._has_rivals:
            scope = self._events.scope_to_unique if rule.identity == rule.key else self._events.scope_to_own
            scope()
            return without_rivals()
        if is_late and rule.is_snapshot_history:
            self._events.scope_to_all()
        else:
            self._events.scope_to_own()
        if is_late and rule.forgets:
            return self._fold_the_lake()
        if is_late or not rule.is_won_by_the_last:
            self._events.add_state()
        verdict = self._fold()
        if is_late and (is_in_doubt(self._session, rule) or self._has_moved()):
            self._events.forget_others()
            verdict = self._fold_the_lake()
        return verdict

    def _fold_the_lake(self) -> str:
        """All other batches from their sealed parts; for one whose parts are gone, the rows that the table still has of it."""
        for batch_id, columns in self._past.stage_each(self._session, self._rule.dataset.name):
            self._events.add_staged(batch_id, columns, is_own=False)
        self._events.add_state()
        return self._fold()

    def _fold(self) -> str:
        if self._rule.is_snapshot_history:
            self._events.add_absences()
        return fold(self._session, self._rule)

    def _is_late(self) -> bool:
        own = f"SELECT MIN(o.place) FROM {ORDER} o JOIN {READ} r ON r.batch_id = o.batch_id"
        later = f"SELECT COUNT(*) FROM {ORDER} o LEFT JOIN {READ} r ON r.batch_id = o.batch_id WHERE r.batch_id IS NULL"
        return bool(self._session.count(f"{later} AND o.place > ({own})"))

    def _has_moved(self) -> bool:
        """Whether a batch that is in the table already has another winner of a key now: the old one's name may stand for a later batch's too."""
        rule = self._rule
        same_batch = match((BATCH_COLUMN,), "w", "b")
        return bool(
            self._session.count(
                f"SELECT COUNT(*) FROM {VERDICT} w JOIN {self._events.before} b ON {match(rule.identity, 'w', 'b')} AND {same_batch} "
                f'WHERE w._age = 1 AND w._is_own AND w."{POSITION_COLUMN}" <> b."{POSITION_COLUMN}"'
            )
        )

    def _outcome(self, fate: Fate) -> Outcome:
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for batch_id, action, count in fate.count_actions():
            found[batch_id][action] = count
        for batch_id, count in self._events.superseded.items():
            found[batch_id]["stale"] = count
        counts = {batch_id: Counts(**actions) for batch_id, actions in found.items()}
        return Outcome(counts, fate.count_deleted())

    def _change_graves(self) -> None:
        rule = self._rule
        if not rule.has_graves:
            return
        graves, columns = grave_table(rule), names(grave_columns(rule))
        concerned = f" USING {KEY} k WHERE {match(rule.key, 'k', graves)}" if self._events.is_scoped else ""
        self._session.run(f"DELETE FROM {graves}{concerned}")
        told = f"WHERE _age = 1 AND _is_gone AND \"{BATCH_COLUMN}\" <> ''"
        self._session.run(f"INSERT INTO {graves} ({columns}) SELECT {columns} FROM {VERDICT} {told}")


def _repeats_keys(session: Session, rule: Rule) -> bool:
    """Whether one row of the batch may take the place of another: a key may stand twice only with equal values, or with an order."""
    if rule.newest_by or isinstance(rule.mode, DeleteInsert):
        return rule.newest_by is not None
    key, columns = names(rule.key), rule.dataset.column_names
    repeated = f"SELECT {key} FROM {STAGING} GROUP BY {key} HAVING COUNT(*) > 1"
    if not session.count(f"SELECT COUNT(*) FROM ({repeated}) AS repeated"):
        return False  # whole rows are compared only where it matters
    rows = (
        f"SELECT DISTINCT {prefixed('s', columns)} FROM {STAGING} s JOIN ({repeated}) r ON {match(rule.key, 'r', 's')}"
    )
    found = session.rows(
        f"SELECT {key} FROM ({rows}) AS every GROUP BY {key} HAVING COUNT(*) > 1 ORDER BY {key} LIMIT 5"
    )
    if found:
        by_name = {column.name: column for column in rule.dataset.columns}
        shown = samples(found, [by_name[name] for name in rule.key])
        raise DataQualityError(
            f"Key {', '.join(rule.key)} stands more than once in the batch with different values: {shown}.",
            hint=f"Name the column that orders versions in {type(rule.mode).__name__}(newest_by=...), or correct the key.",
        )
    return True
