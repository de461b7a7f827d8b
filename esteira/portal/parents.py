"""A walk for each row of a parent: its state is the row's position and the state of the walk at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from esteira.contract.source import ApiSource
from esteira.paginate import State
from esteira.portal.fetching import Fetching
from esteira.portal.question import Call, Rows
from esteira.portal.walk import NOTHING_YET, Page, SoFar, Walk

Row = Mapping[str, Any]


class ParentWalk:
    """The walks of all rows, one after the other; the first pages of the next rows are asked for ahead, as far as requests are spare.

    Args:
        source: The contract's source, with a parent.
        rows: The parent's rows.
        fetching: The clients.
        walk_of: Makes the walk of a row, from what its pages before brought.
    """

    def __init__(
        self, source: ApiSource, rows: Rows, fetching: Fetching, walk_of: Callable[[Row, SoFar], Walk]
    ) -> None:
        assert source.parent is not None  # noqa: S101 - else there are no rows
        self._source, self._rows, self._fetching, self._walk_of = source, rows, fetching, walk_of
        self._columns = source.parent.columns
        self._walks: dict[int, Walk] = {}

    def first(self) -> State | None:
        """The state of the first page; None when there are no rows."""
        return _beginning(0, 0) if len(self._rows) else None

    def page(self, state: State, number: int) -> Page:
        """The page of a state. Its total is that of all rows up to here; None when a row's is not known.

        Raises:
            PayloadError: It is not what the contract describes, or the portal repeats itself.
            SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient`.
        """
        position, so_far = state["parent"], SoFar(state["rows"], state["own"])
        self._fetching.expect(self._first_calls(position, number, is_begun=state["page"] is not None))
        page = self._walk(position, so_far).page(state["page"] or self._source.paginator.first(), number)
        own = page.total if state["own"] is None else state["own"]
        total = None if own is None or state["before"] is None else state["before"] + own
        following = self._following(state, page, own, total)
        given = {name: self._rows[position][column] for name, column in self._columns.items()}
        return replace(page, total=total, next_state=following, given=_object(given) if given else b"")

    def _following(self, state: State, page: Page, own: int | None, total: int | None) -> State | None:
        if page.next_state is not None:
            return {**state, "page": page.next_state, "own": own, "rows": state["rows"] + len(page.records)}
        behind = state["parent"] + 1
        self._walks = {position: walk for position, walk in self._walks.items() if position >= behind}
        self._fetching.keep(call for call, _ in self._first_calls(behind, page.number + 1, is_begun=False))
        return _beginning(behind, total) if behind < len(self._rows) else None

    def _walk(self, position: int, so_far: SoFar = NOTHING_YET) -> Walk:
        if position not in self._walks:
            self._walks[position] = self._walk_of(self._rows[position], so_far)
        return self._walks[position]

    def _first_calls(self, position: int, number: int, *, is_begun: bool) -> Iterator[tuple[Call, int]]:
        """The first pages of this row and of the rows behind it, as many as may be under way at once."""
        spare = self._fetching.spare
        if not spare:
            return
        first = self._source.paginator.first()
        for ahead in range(is_begun, min(spare + 1, len(self._rows) - position)):
            yield self._walk(position + ahead).call(first), number + ahead


def _beginning(position: int, before: int | None) -> State:
    """The state at a row's first page: the total of all rows before it, the row's own one and its records so far."""
    return {"parent": position, "page": None, "before": before, "own": None, "rows": 0}


def given_to(records: list[msgspec.Raw], given: bytes) -> list[msgspec.Raw]:
    """Records with a parent's values in front, as if the portal had sent them there.

    Args:
        records: JSON objects as received.
        given: A JSON object; empty for none.
    """
    if not given:
        return records
    head = given[:-1]
    return [_joined(head, bytes(record)) for record in records]


def _joined(head: bytes, record: bytes) -> msgspec.Raw:
    rest = record[record.index(b"{") + 1 :]
    return msgspec.Raw(head + rest if rest.lstrip().startswith(b"}") else head + b"," + rest)


def _object(values: Row) -> bytes:
    """A JSON object as a portal would write it: every digit kept, moments and days by ISO 8601."""
    return _ENCODER.encode(values)


_ENCODER = msgspec.json.Encoder(decimal_format="number")
