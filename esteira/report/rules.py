"""Which rules a batch broke, how often, and what was refused; personal values masked here again, whatever the facts hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from esteira.demands import WHOLE_ROW
from esteira.findings import sentence
from esteira.redaction import MASK
from esteira.report.amounts import count, share
from esteira.report.bilingual import Text
from esteira.report.facts import BatchFacts, Sample
from esteira.report.foreign import shown
from esteira.report.reasons import demand
from esteira.report.words import say

SAMPLES_OF_A_RULE = 5
MAX_WARNING = 1_000
_NAME = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One refused record."""

    place: str
    value: str


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """A rule that rows broke.

    Attributes:
        column: The contract's column, or the words for a rule across columns.
        rule: Its name.
        demand: What it demands, in words.
        rows, share: Rows that broke it, and of how many.
        bar_percent: Width of its bar; the most frequent rule's is full.
        samples: Some of the records.
    """

    column: Text
    rule: str
    demand: Text | None
    rows: Text
    share: Text
    bar_percent: str
    samples: tuple[SampleLine, ...] = field(default=())


def broken_rules(facts: BatchFacts) -> tuple[BrokenRule, ...]:
    """The row rules that were broken, the most frequent first."""
    reasons = facts.curated.reasons if facts.curated else {}
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    most = ordered[0][1] if ordered else 1
    return tuple(_broken(facts, reason, rows, most) for reason, rows in ordered)


def warnings_of(facts: BatchFacts) -> tuple[Text, ...]:
    """What whole-batch rules said, in both languages; of a personal column only that they said something.

    Ledger rows from before figures were kept, and what was said at extraction, have English words alone.
    """
    known = {sentence(each): sentence(each, "pt") for each in facts.entry.findings}
    pairs = ((known.get(warning) or warning, warning) for warning in facts.entry.warnings)
    return tuple(Text(*(_safe(each, facts.personal) for each in pair)) for pair in pairs)


def _safe(warning: str, personal: frozenset[str]) -> str:
    return shown(_without_values(warning, personal), limit=MAX_WARNING)


def _broken(facts: BatchFacts, reason: str, rows: int, most: int) -> BrokenRule:
    column, _, rule = reason.partition(": ")
    samples = tuple(_line(each, facts) for each in facts.samples if each.reason == reason)[:SAMPLES_OF_A_RULE]
    return BrokenRule(
        say("whole_row") if column == WHOLE_ROW else Text.same(shown(column)),
        shown(rule),
        demand(rule),
        count(rows),
        share(rows, facts.entry.extracted),
        f"{100 * rows / most:.1f}",
        samples,
    )


def _line(sample: Sample, facts: BatchFacts) -> SampleLine:
    """A rule across columns names values of several: where one of them is personal, none is shown."""
    column = sample.reason.partition(": ")[0]
    hidden = column in facts.personal or (column == WHOLE_ROW and facts.personal)
    return SampleLine(shown(sample.place), MASK if hidden else shown(sample.value))


def _without_values(warning: str, personal: frozenset[str]) -> str:
    """The rules write what they looked at, a colon, and what they found: of a personal column that may be a value."""
    looked_at = warning.partition(": ")[0]
    return f"{looked_at}: {MASK}" if personal & set(_NAME.findall(looked_at)) else warning
