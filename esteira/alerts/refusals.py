"""Quarantined rows for a person: how many, of what limit, and which rules in words. No value of any row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esteira.demands import WHOLE_ROW, demand, standard

NEAR_SHARE = 0.5
"""From half of the limit on people are told, while the batch still loads: the other half may be gone tomorrow."""
MOST_RULES = 5
_OF_EVERY_COLUMN = {
    "type": "must be of the contract's type",
    "not_nullable": "must not be missing",
    "not_null": "must not be missing",
}


@dataclass(frozen=True, slots=True)
class Refusals:
    """What was refused of a batch.

    Attributes:
        quarantined, extracted: Rows.
        limit: The contract's, as a share.
        reasons: Rows by `column: rule`.
    """

    quarantined: int
    extracted: int
    limit: float
    reasons: Mapping[str, int]

    @property
    def share(self) -> float:
        """Quarantined rows over extracted rows."""
        return self.quarantined / self.extracted if self.extracted else 0.0

    @property
    def is_over(self) -> bool:
        """Whether the batch was not loaded for it."""
        return self.share > self.limit

    @property
    def is_near(self) -> bool:
        """Whether it is time to look, although the batch is loaded."""
        return self.quarantined > 0 and self.share >= NEAR_SHARE * self.limit

    def rules(self) -> tuple[str, ...]:
        """The most frequent rules in words, with their rows."""
        ordered = sorted(self.reasons.items(), key=lambda each: (-each[1], each[0]))
        return tuple(f"{_in_words(reason)} ({rows:,})" for reason, rows in ordered[:MOST_RULES])

    def sentence(self) -> str:
        """Counts, share and limit, for a person."""
        return f"{self.quarantined:,} of {self.extracted:,} rows are in quarantine ({self.share:.2%}; the limit is {self.limit:.2%})."

    def facts(self) -> dict[str, object]:
        """Counts, share, limit and rules, as an event's payload."""
        counts = {"quarantined": self.quarantined, "extracted": self.extracted}
        return counts | {
            "share": round(self.share, 6),
            "limit": self.limit,
            "is_over": self.is_over,
            "rules": list(self.rules()),
        }


def _in_words(reason: str) -> str:
    column, _, rule = reason.partition(": ")
    about = "the row" if column == WHOLE_ROW else column
    named = standard(rule, "en")
    asked = f"must be {named}" if named else _OF_EVERY_COLUMN.get(rule) or demand(rule, "en")
    return f"{about} {asked}" if asked else f"{about} breaks {rule}"
