"""Whether a candidate paginator really leads to the next page: asked for, and compared. The asking is the caller's."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jmespath
import msgspec

from esteira import contract
from esteira.errors import AuthError, ConfigError, PayloadError, SourceRejected, SourceUnavailable
from esteira.paginate import PageReading, PageRequest, Paginator
from esteira.recognise.draft import Paging
from esteira.recognise.paging import Candidate
from esteira.recognise.records import Records
from esteira.recognise.sample import Sample, leaves

MAX_ASKED = 8
"""Requests beside the first: enough for the usual parameters, and few enough for a portal with a budget."""
_MORE = re.compile(r"(has|is)?_?(more|next|truncated)(_?(page|items|results))?|exceeded_?transfer_?limit", re.IGNORECASE)  # fmt: skip
Ask = Callable[[PageRequest], Sample]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The paginator to write, the page after the first if one came, and what was tried in vain."""

    paging: Paging
    second: Sample | None = None
    tried: tuple[str, ...] = ()


def confirm(first: Sample, records: Records, found: Iterable[Candidate], *, total: int | None, ask: Ask) -> Confirmed:
    """The first candidate that proves itself; else one page, which says of itself that nothing confirmed it.

    Args:
        first: The sample page.
        records: Where its records are.
        found: Candidates, the surest first.
        total: The rows that it reports, or None.
        ask: Asks the portal for a page.
    """
    if records.is_single:
        why, evidence = "the answer is one record", "so nothing else was asked for"
        return Confirmed(Paging(Candidate("SinglePage", {}, why, is_end=True), evidence, is_confirmed=True))
    trial = _Trial(first, records, ask)
    is_all = total is not None and len(records.rows) >= total
    for candidate in found:
        if is_all and candidate.is_probe:
            break
        confirmed = trial.of(candidate)
        if confirmed:
            return replace(confirmed, tried=tuple(trial.tried))
    why = "all rows of the reported total are on this page" if is_all else "nothing leads to a second page"
    evidence = "so nothing else was asked for" if is_all else f"tried in vain: {'; '.join(trial.tried) or 'nothing'}"
    more = _promised(first, records)
    why = f"{why}, although {more} says that there are more rows" if more and not is_all else why
    single = Candidate("SinglePage", {}, why, is_end=is_all)
    return Confirmed(Paging(single, evidence, is_confirmed=is_all), tried=tuple(trial.tried))


def _promised(sample: Sample, records: Records) -> str | None:
    """Where the page says that there is more, if it does."""
    told = ((path, key) for path, key, value in leaves(sample.page, records.path) if value is True)
    return next((path for path, key in told if _MORE.fullmatch(key)), None)


@dataclass
class _Trial:
    first: Sample
    records: Records
    ask: Ask
    asked: int = 0
    tried: list[str] = field(default_factory=list)

    def of(self, candidate: Candidate) -> Confirmed | None:
        paginator = _made(candidate)
        if paginator is None:
            return None
        if candidate.is_end:
            return Confirmed(Paging(candidate, "there is nothing behind it to ask for", is_confirmed=True))
        following = self._following(candidate, paginator)
        if following is None:
            told = Paging(candidate, "by its own account this page is the last, so nothing confirmed it", False)
            return None if candidate.is_probe else Confirmed(told)
        return self._compared(candidate, paginator, following)

    def _compared(self, candidate: Candidate, paginator: Paginator, following: PageRequest) -> Confirmed | None:
        sample = self._asked(candidate, following)
        rows = self.records.of(sample.page) if sample else None
        if sample is None or rows is None:
            return None
        if not rows:
            return Confirmed(Paging(candidate, "the page after it is empty", is_confirmed=True))
        known = _marks(self.records.rows)
        if sum(mark in known for mark in _marks(rows)) * 2 >= len(rows):
            self.tried.append(f"{_words(candidate)}: the second page repeats records of the first")
            return None
        if candidate.kind == "PageNumber" and "first_page" not in candidate.arguments:
            return self._numbered(candidate, paginator, sample)
        return Confirmed(Paging(candidate, f"the page after it holds {len(rows)} other records", True), sample)

    def _numbered(self, candidate: Candidate, paginator: Paginator, second: Sample) -> Confirmed | None:
        """Does counting begin at 1 or at 0? The page that equals the sample tells."""
        params = self._params(candidate)
        one = self._asked(candidate, paginator.request(paginator.first(), self.first.path, params))
        if one is not None and self.records.of(one.page) == self.records.rows:
            return Confirmed(Paging(candidate, "page 1 is the sample, and page 2 holds other records", True), second)
        begun = replace(candidate, arguments={**candidate.arguments, "first_page": 0})
        made = _made(begun)
        zero = self._asked(begun, made.request(made.first(), self.first.path, params)) if made else None
        if zero is None or self.records.of(zero.page) != self.records.rows:
            return None
        return Confirmed(Paging(begun, "page 0 is the sample, and page 1 holds other records", True), one)

    def _following(self, candidate: Candidate, paginator: Paginator) -> PageRequest | None:
        """What the paginator itself would ask for next."""
        reading = PageReading(
            number=1, url=self.first.url, record_count=len(self.records.rows), fingerprint="sample",
            headers=self.first.headers, lookup=lambda path: jmespath.search(path, self.first.page),
        )  # fmt: skip
        state = paginator.next(paginator.first(), reading)
        return None if state is None else paginator.request(state, self.first.path, self._params(candidate))

    def _params(self, candidate: Candidate) -> dict[str, str | int]:
        return {name: value for name, value in self.first.params.items() if name not in candidate.drops}

    def _asked(self, candidate: Candidate, request: PageRequest) -> Sample | None:
        """The answer; None when the portal refuses the question, or too much was asked already."""
        if self.asked == MAX_ASKED:
            return None
        self.asked += 1
        try:
            return self.ask(request)
        except (SourceRejected, AuthError, PayloadError, SourceUnavailable) as exc:
            self.tried.append(f"{_words(candidate)}: {exc.message.rstrip('.')}")
            return None


def _made(candidate: Candidate) -> Paginator | None:
    try:
        made: Paginator = getattr(contract, candidate.kind)(**candidate.arguments)
    except (AttributeError, ConfigError):
        return None
    return made


def _marks(rows: Iterable[Mapping[str, Any]]) -> set[bytes]:
    return {msgspec.json.encode(row, order="deterministic") for row in rows}


def _words(candidate: Candidate) -> str:
    names = [str(value) for name, value in candidate.arguments.items() if name.endswith("param")]
    return f"{candidate.kind} by {', '.join(names)}" if names else candidate.kind
