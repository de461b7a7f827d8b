"""The catalogue's page as the template reads it: every dataset with its status, freshness, rows, owner, schema and lineage."""

from __future__ import annotations

from dataclasses import dataclass

from esteira.contract import Replace
from esteira.report.amounts import age, count, moment, share
from esteira.report.bilingual import Text
from esteira.report.columns import ColumnLine, Picture, columns_of
from esteira.report.facts import CatalogueFacts, DatasetFacts, Freshness, Stage
from esteira.report.foreign import shown
from esteira.report.lineage import Step, plain_steps
from esteira.report.plots import bars
from esteira.report.trends import TREND_BATCHES
from esteira.report.words import say
from esteira.warehouse import LedgerEntry


@dataclass(frozen=True, slots=True)
class Card:
    """A dataset."""

    name: str
    description: str
    owner: str
    tone: str
    status: Text
    status_note: Text | None
    rows: Text
    loaded_up_to: Text
    age: Text
    limit: Text | None
    cadence: Text
    write: str
    last_batch: str
    last_rows: Text
    last_quarantine: Text
    trend: Picture | None
    columns: tuple[ColumnLine, ...]
    steps: tuple[Step, ...]
    parents: tuple[str, ...]
    children: tuple[str, ...]
    href: str


@dataclass(frozen=True, slots=True)
class CataloguePage:
    """Everything that the template shows."""

    cards: tuple[Card, ...]
    datasets: Text
    rows: Text
    late: Text
    attention: Text
    as_of: Text


def catalogue_page(facts: CatalogueFacts) -> CataloguePage:
    """Make the model of the page, by name."""
    cards = tuple(_card(each, facts.stage) for each in sorted(facts.datasets, key=lambda each: each.dataset.name))
    late = [each for each in facts.datasets if _freshness(each, facts.stage).is_stale]
    return CataloguePage(
        cards,
        count(len(cards)),
        count(sum(each.rows or 0 for each in facts.datasets)),
        count(len(late)),
        count(sum(card.tone in {"warn", "bad"} for card in cards)),
        moment(facts.stage.as_of),
    )


def _card(facts: DatasetFacts, stage: Stage) -> Card:
    dataset, last = facts.dataset, _last(facts)
    tone, status = _status(facts, stage)
    fresh = _freshness(facts, stage)
    note = Text.same(shown(str(facts.state), limit=300)) if facts.state else None
    return Card(
        name=dataset.name,
        description=shown(dataset.description, limit=300),
        owner=shown(dataset.owner),
        tone=tone,
        status=status,
        status_note=note,
        rows=count(facts.rows),
        loaded_up_to=moment(facts.watermark),
        age=age(fresh.age),
        limit=None if fresh.limit is None else age(fresh.limit),
        cadence=say(f"cadence_{dataset.cadence}"),
        write=_mode(facts),
        last_batch=last.batch_id if last else "",
        last_rows=count(last.extracted if last else None),
        last_quarantine=share(last.quarantined, last.extracted) if last else Text.same("—"),
        trend=_trend(facts.history),
        columns=columns_of(dataset),
        steps=plain_steps(dataset, stage, facts.rows),
        parents=dataset.parents,
        children=facts.children,
        href=f"{dataset.name}/latest.html" if last else "",
    )


def _status(facts: DatasetFacts, stage: Stage) -> tuple[str, Text]:
    """What a person must know first, the most pressing of it."""
    if facts.state:
        event = "retired" if facts.state.event == "dropped" else facts.state.event
        return "calm", say(f"status_{event}")
    if facts.dataset.retired:
        return "calm", say("status_retired")
    if not facts.history:
        return "calm", say("status_never")
    if facts.history[-1].state == "given_up":
        return "bad", say("status_given_up")
    fresh = _freshness(facts, stage)
    if fresh.limit is None:
        return "good", say("status_loaded")
    return ("warn", say("status_late")) if fresh.is_stale else ("good", say("status_fresh"))


def _freshness(facts: DatasetFacts, stage: Stage) -> Freshness:
    return Freshness.of(facts.dataset, facts.watermark, stage.as_of)


def _last(facts: DatasetFacts) -> LedgerEntry | None:
    return facts.history[-1] if facts.history else None


def _mode(facts: DatasetFacts) -> str:
    mode, key = type(facts.dataset.write).__name__, ", ".join(facts.dataset.key)
    return mode if isinstance(facts.dataset.write, Replace) or not key else f"{mode}({key})"


def _trend(history: tuple[LedgerEntry, ...]) -> Picture | None:
    rows = [entry.extracted for entry in history[-TREND_BATCHES:]]
    if len(rows) < 2:
        return None
    low, high = count(min(rows)), count(max(rows))
    return Picture(bars(rows), say("trend_of", what=say("trend_rows"), last=count(rows[-1]), low=low, high=high))
