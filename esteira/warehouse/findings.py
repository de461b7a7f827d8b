"""What a broken whole-batch rule leads to: a warning in the ledger, or an error that stops the load."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from esteira.contract import Column
from esteira.contract.batch_rules import Otherwise
from esteira.errors import DataQualityError
from esteira.findings import Finding, sentence
from esteira.redaction import MASK

SAMPLES, SAMPLE_CHARACTERS = 5, 200
"""A text may have 64 KB, and so may all that a ledger's column takes."""
_ACCEPT = (
    "If the source is right, say so in the contract (otherwise='warn', or wider limits) and run the same command again."
)
_CORRECT = f"Have the data corrected at the source. {_ACCEPT}"


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that does not hold.

    Attributes:
        finding: Rule and figures.
        otherwise: What follows.
        hint: What to do next.
    """

    finding: Finding
    otherwise: Otherwise
    hint: str = _CORRECT


def settle(broken: Iterable[Broken], spares: Callable[[Finding], bool], kept: str = "") -> tuple[Finding, ...]:
    """What warns.

    Args:
        broken: The rules that do not hold.
        spares: Whether one warns, whatever the contract says.
        kept: What stays in the table if one fails; nothing of a batch that is not in it.

    Raises:
        DataQualityError: Something fails: all of it in one message.
    """
    found = tuple(broken)
    failing = [each for each in found if each.otherwise == "fail" and not spares(each.finding)]
    if failing:
        hints = dict.fromkeys(each.hint for each in failing)
        raise DataQualityError(
            " ".join(str(sentence(each.finding)) for each in failing),
            hint=" ".join((f"Nothing was loaded{kept}.", *hints)),
        )
    return tuple(each.finding for each in found)


def samples(rows: Iterable[tuple[object, ...]], columns: Iterable[Column]) -> str:
    """Values as a message shows them: personal ones masked, long ones cut."""
    hidden = [column.is_pii for column in columns]
    shown = (
        "/".join(MASK if mask else _cut(str(value)) for value, mask in zip(row, hidden, strict=True)) for row in rows
    )
    return ", ".join(dict.fromkeys(shown))


def _cut(value: str) -> str:
    return value if len(value) <= SAMPLE_CHARACTERS else f"{value[:SAMPLE_CHARACTERS]}…"
