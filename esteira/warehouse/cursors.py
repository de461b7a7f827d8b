"""How far a cursor that is a number or a text, and no time, has come: the largest value that is committed."""

from __future__ import annotations

from collections.abc import Iterable

from esteira.contract import Append, Dataset
from esteira.contract.incremental import Incremental, Value
from esteira.errors import ConfigError, DataQualityError
from esteira.warehouse import ledger
from esteira.warehouse.connection import Session
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.request import LoadRequest


def largest_committed(dataset: Dataset, entries: Iterable[LedgerEntry]) -> Value | None:
    """The largest value that stands in the table, from the current entries of the ledger; None when there is none.

    Raises:
        ConfigError: The ledger holds values of another type than the contract's cursor.
    """
    incremental = dataset.source.incremental
    if incremental is None or incremental.is_time:
        return None
    texts = [each.cursor_end for each in entries if each.state == "committed" and each.cursor_end is not None]
    return max((_value(text, incremental, dataset) for text in texts), default=None)


def cursor_value(dataset: Dataset, text: str | None) -> Value | None:
    """A value as the ledger holds it, in the type of the contract's cursor."""
    incremental = dataset.source.incremental
    return None if text is None or incremental is None else _value(text, incremental, dataset)


def refuse_overlap(session: Session, request: LoadRequest, current: LedgerEntry | None) -> None:
    """Stop a first load whose rows another batch has brought meanwhile, where they would be inserted again; under the lock.

    Raises:
        DataQualityError: The batch began before a value that is committed by now.
    """
    start = request.seal.provenance.cursor_start
    is_first = current is None or current.state == "given_up"
    if start is None or not is_first or not isinstance(request.dataset.write, Append):
        return
    largest = largest_committed(request.dataset, ledger.read_current(session, request.dataset.name))
    if largest is not None and largest > start:  # type: ignore[operator] # both of the contract's type
        raise DataQualityError(
            f"The batch asked for what lies above {start!r}, and rows up to {largest!r} are in the table by now: Append() would insert them again.",
            hint="Nothing was loaded and nothing is missing: the next run goes on from there.",
        )


def _value(text: str, incremental: Incremental, dataset: Dataset) -> Value:
    if isinstance(incremental.initial, str):
        return text
    try:
        return int(text)
    except ValueError:
        raise ConfigError(
            f"The ledger's cursor stands at {text!r}, and initial={incremental.initial!r} says that it is a whole number.",
            dataset=dataset.name,
            hint="Give initial as a text, as the earlier contract had it; or give the dataset another name.",
        ) from None
