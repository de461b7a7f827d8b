"""How a batch compares with those before it, from the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from esteira.report.amounts import count, moment, share, window
from esteira.report.bilingual import Text
from esteira.report.columns import Picture
from esteira.report.facts import BatchFacts
from esteira.report.plots import bars, line
from esteira.report.words import say
from esteira.warehouse import LedgerEntry

TREND_BATCHES = 30
"""More bars than these cannot be told apart on a phone."""
TABLE_BATCHES = 10


@dataclass(frozen=True, slots=True)
class Trend:
    """One plot with its title."""

    title: Text
    last: Text
    picture: Picture


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch in figures; `href` leads to its page, empty where that is not beside this one."""

    id: str
    window: Text
    state: Text
    extracted: Text
    quarantined: Text
    inserted: Text
    updated: Text
    committed_at: Text
    href: str
    is_this: bool


def trends_of(facts: BatchFacts) -> tuple[Trend, ...]:
    """Rows, quarantine share and nulls over the last batches; nothing while there is only one."""
    entries = facts.history[-TREND_BATCHES:]
    if len(entries) < 2:
        return ()
    rows = [entry.extracted for entry in entries]
    shares = [entry.quarantined / entry.extracted if entry.extracted else 0.0 for entry in entries]
    has_trouble = [entry.state in {"given_up", "undone"} for entry in entries]
    found = [
        _trend("trend_rows", [count(each) for each in rows], rows, bars(rows, marked=has_trouble)),
        _trend("trend_quarantine", [share(each, 1) for each in shares], shares, line(shares)),
    ]
    nulls = _all_nulls(facts)
    if len(nulls) > 1:
        found.append(_trend("trend_nulls", [share(each, 1) for each in nulls], nulls, line(nulls)))
    return tuple(found)


def batch_lines(facts: BatchFacts) -> tuple[BatchLine, ...]:
    """The last batches, newest first."""
    return tuple(_line(entry, facts) for entry in reversed(facts.history[-TABLE_BATCHES:]))


def page_of(entry: LedgerEntry) -> str:
    """A batch's page as another page of the same dataset's batches names it."""
    return f"../{entry.batch_id}/{entry.generation}.html"


def _trend(key: str, texts: Sequence[Text], values: Sequence[float], svg: Markup) -> Trend:
    low, high = (texts[values.index(each)] for each in (min(values), max(values)))
    words = say("trend_of", what=say(key), last=texts[-1], low=low, high=high)
    return Trend(say(key), texts[-1], Picture(svg, words))


def _all_nulls(facts: BatchFacts) -> list[float]:
    """Over all columns, of the batches of which each column has a figure."""
    series = list(facts.past_nulls.values())
    length = min((len(each) for each in series), default=0)
    return [sum(each[at - length] for each in series) / len(series) for at in range(length)]


def _line(entry: LedgerEntry, facts: BatchFacts) -> BatchLine:
    is_this = entry.batch_id == facts.entry.batch_id
    return BatchLine(
        entry.batch_id,
        window(entry.window_start, entry.window_end),
        say(f"state_{entry.state}"),
        count(entry.extracted),
        count(entry.quarantined),
        count(entry.inserted),
        count(entry.updated),
        moment(entry.committed_at),
        "" if is_this or not facts.has_neighbours else page_of(entry),
        is_this,
    )
