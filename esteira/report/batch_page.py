"""A batch's page as the template reads it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from esteira.report.amounts import age, count, moment, share, window
from esteira.report.bilingual import Text
from esteira.report.columns import ColumnLine, ProfileLine, columns_of, profiles_of
from esteira.report.facts import BatchFacts, Freshness
from esteira.report.flow import Flow, flow_of
from esteira.report.foreign import shown
from esteira.report.lineage import Fact, Step, proof_of, steps_of
from esteira.report.plots import bands
from esteira.report.rules import BrokenRule, broken_rules, warnings_of
from esteira.report.trends import BatchLine, Trend, batch_lines, trends_of
from esteira.report.verdict import Verdict, verdict_of
from esteira.report.words import say

STANDS_FOR_LITTLE = frozenset({"given_up", "skipped", "unchanged", "undone"})
"""States of batches that brought nothing: pages of them have no flow and no columns to show."""
_ORDER = (
    "reported", "extracted", "erased", "curated", "quarantined", "inserted", "updated", "unchanged", "stale", "duplicate",
)  # fmt: skip
"""Of the terms of the equation in the table."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number at the top of the page."""

    name: Text
    value: Text
    note: Text | None = None
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of the equation in the table below the picture."""

    key: str
    name: Text
    rows: Text
    share: Text
    meaning: Text
    is_sum: bool


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Everything that the template shows."""

    title: str
    dataset: str
    description: str
    window: Text
    verdict: Verdict
    figures: tuple[Figure, ...]
    flow: Flow | None
    gaps: tuple[Markup, ...]
    terms: tuple[Term, ...]
    rules: tuple[BrokenRule, ...]
    has_seal: bool
    has_personal: bool
    limit: Text
    warnings: tuple[Text, ...]
    columns: tuple[ColumnLine, ...]
    profiles: tuple[ProfileLine, ...]
    curated: Text
    trends: tuple[Trend, ...]
    trend_count: Text
    batches: tuple[BatchLine, ...]
    steps: tuple[Step, ...]
    proof: tuple[Fact, ...]
    parents: tuple[str, ...]
    children: tuple[str, ...]
    owner: str
    brought_rows: bool
    replaced_by: Text | None
    replaced_href: str
    has_neighbours: bool


def batch_page(facts: BatchFacts) -> BatchPage:
    """Everything that a batch's page shows, from its facts."""
    dataset, entry = facts.dataset, facts.entry
    flow = None if entry.state in STANDS_FOR_LITTLE else flow_of(facts)
    replaced = facts.replaced_by
    return BatchPage(
        title=f"{dataset.name} · {entry.batch_id}",
        dataset=dataset.name,
        description=shown(dataset.description, limit=300),
        window=window(entry.window_start, entry.window_end),
        verdict=verdict_of(facts),
        figures=figures_of(facts),
        flow=flow,
        gaps=tuple(bands(gap) for gap in flow.gaps) if flow else (),
        terms=_terms(facts, flow),
        rules=broken_rules(facts),
        has_seal=facts.curated is not None,
        has_personal=bool(facts.personal),
        limit=share(dataset.quality.max_quarantine_ratio, 1),
        warnings=warnings_of(facts),
        columns=columns_of(dataset),
        profiles=profiles_of(facts),
        curated=count(entry.curated),
        trends=trends_of(facts),
        trend_count=count(len(facts.history)),
        batches=batch_lines(facts),
        steps=steps_of(facts),
        proof=proof_of(facts),
        parents=dataset.parents,
        children=facts.children,
        owner=shown(dataset.owner),
        brought_rows=entry.state not in STANDS_FOR_LITTLE,
        replaced_by=None if replaced is None else say("replaced", number=count(replaced)),
        replaced_href=f"{replaced}.html",
        has_neighbours=facts.has_neighbours,
    )


def figures_of(facts: BatchFacts) -> tuple[Figure, ...]:
    """The numbers that most people came for."""
    entry = facts.entry
    fresh = Freshness.of(facts.dataset, facts.watermark or entry.window_end, facts.stage.as_of)
    return (
        Figure(say("rows_loaded"), count(entry.extracted)),
        Figure(
            say("quarantine_share"), share(entry.quarantined, entry.extracted), tone="warn" if entry.quarantined else ""
        ),
        Figure(say("table_rows"), count(entry.table_rows)),
        Figure(say("freshness"), freshness_word(fresh), freshness_note(fresh, facts), "warn" if fresh.is_stale else ""),
    )


def freshness_word(fresh: Freshness) -> Text:
    """Fresh, late or never loaded; the age itself where the contract sets no limit."""
    if fresh.age is None:
        return say("never")
    if fresh.limit is None:
        return age(fresh.age)
    return say("stale_data" if fresh.is_stale else "fresh")


def freshness_note(fresh: Freshness, facts: BatchFacts) -> Text:
    """How old, of how much, and when that was said."""
    told = (
        say("age_alone", age=age(fresh.age))
        if fresh.limit is None
        else say("age_of_limit", age=age(fresh.age), limit=age(fresh.limit))
    )
    return Text("{told}, {at}", "{told}, {at}").filled(told=told, at=say("as_of", at=moment(facts.stage.as_of)))


def _terms(facts: BatchFacts, flow: Flow | None) -> tuple[Term, ...]:
    """Each stage's parts; a stage of one part is a sum of the ones below."""
    if flow is None:
        return ()
    found = [
        Term(
            part.key,
            part.label,
            part.rows_text,
            part.share_text,
            say(f"means_{part.key}"),
            stage.key in {"reported", "extracted"},
        )
        for stage in flow.stages
        for part in sorted((*stage.segments, *stage.empty), key=_order)
    ]
    if facts.entry.deleted:
        rows = count(facts.entry.deleted)
        found.append(Term("deleted", say("deleted"), rows, Text.same("—"), say("means_deleted"), is_sum=False))
    return tuple(found)


def _order(part: object) -> int:
    return _ORDER.index(str(getattr(part, "key", "")))
