"""What a rule about a whole batch found, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from esteira.contract import Column
from esteira.contract.batch_rules import Otherwise
from esteira.errors import DataQualityError
from esteira.redaction import MASK

SAMPLES = 5
_ACCEPT = (
    "If the source is right, say so in the contract (otherwise='warn', or wider limits) and run the same command again."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that does not hold.

    Attributes:
        sentence: Rule, figure and expectation.
        otherwise: What follows.
        hint: What to do next.
    """

    sentence: str
    otherwise: Otherwise
    hint: str = f"Nothing was loaded. Have the data corrected at the source. {_ACCEPT}"


def settle(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The sentences of what warns.

    Raises:
        DataQualityError: Something fails: all of it in one message.
    """
    found = tuple(findings)
    failing = [finding for finding in found if finding.otherwise == "fail"]
    if failing:
        raise DataQualityError(
            " ".join(finding.sentence for finding in failing),
            hint=" ".join(dict.fromkeys(finding.hint for finding in failing)),
        )
    return tuple(finding.sentence for finding in found)


def samples(rows: Iterable[tuple[object, ...]], columns: Iterable[Column]) -> str:
    """Values as a message shows them: personal ones masked."""
    hidden = [column.is_pii for column in columns]
    shown = ("/".join(MASK if mask else str(value) for value, mask in zip(row, hidden, strict=True)) for row in rows)
    return ", ".join(dict.fromkeys(shown))
