"""The headline: what became of a batch, in one sentence and one more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from esteira.report.amounts import count, share
from esteira.report.bilingual import Text
from esteira.report.facts import BatchFacts
from esteira.report.foreign import shown
from esteira.report.words import say, say_count

Tone = Literal["good", "warn", "bad", "calm"]
_TONES: dict[str, Tone] = {"undone": "bad", "given_up": "bad"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headline.

    Attributes:
        tone: Which colour it has.
        headline, details: What it says, and why one may believe it.
    """

    tone: Tone
    headline: Text
    details: tuple[Text, ...]


def verdict_of(facts: BatchFacts) -> Verdict:
    """The headline of a batch's page, by its state, its quarantine and its warnings."""
    entry = facts.entry
    if entry.state != "committed":
        return Verdict(_TONES.get(entry.state, "calm"), say(f"verdict_{entry.state}"), tuple(_reasons(facts)))
    return Verdict(*_loaded(facts), tuple(_details(facts)))


def _reasons(facts: BatchFacts) -> Iterator[Text]:
    """Why it is in another state, and what that took out."""
    entry, before = facts.entry, facts.before
    if entry.reason:
        yield Text.same(shown(entry.reason, limit=600))
    if entry.state == "undone" and before:
        yield say("taken_out", rows=say_count("row", before.extracted), number=count(before.generation))


def _loaded(facts: BatchFacts) -> tuple[Tone, Text]:
    entry = facts.entry
    bad, warnings = say_count("row", entry.quarantined), say_count("warning", len(entry.warnings))
    if entry.quarantined:
        key = "verdict_both" if entry.warnings else "verdict_quarantined"
        return "warn", say(key, bad=bad, warnings=warnings)
    if entry.warnings:
        return "warn", say("verdict_warned", warnings=warnings)
    if not entry.extracted:
        return "calm", say("verdict_empty")
    return "good", say("verdict_clean", rows=say_count("row", entry.extracted))


def _details(facts: BatchFacts) -> list[Text]:
    entry = facts.entry
    rows, bad = count(entry.extracted), count(entry.quarantined)
    found = [_totals(facts)]
    if entry.quarantined:
        found.append(say("of_extracted", share=share(entry.quarantined, entry.extracted), bad=bad, rows=rows))
    return found


def _totals(facts: BatchFacts) -> Text:
    entry, erased = facts.entry, facts.raw.erased if facts.raw else 0
    rows, total = count(entry.extracted), count(entry.total_reported)
    if entry.total_reported is None:
        return say("no_total", rows=rows)
    if entry.total_reported == entry.extracted:
        return say("accounted", rows=rows)
    if entry.total_reported == entry.extracted + erased:
        return say("accounted_erased", total=total, erased=count(erased))
    return say("unaccounted", total=total, rows=rows)
