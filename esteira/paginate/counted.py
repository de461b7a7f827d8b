"""One page, pages by an offset of rows, and pages by number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from esteira.errors import ConfigError, PayloadError
from esteira.paginate.overlap import asked_offset, following, repeats
from esteira.paginate.places import LATER, Place, check_place, in_body, placed
from esteira.paginate.repeats import broken_off, empty_pages, endless, new_page
from esteira.paginate.verbs import PageReading, PageRequest, Params, State, Where


@dataclass(frozen=True, slots=True)
class SinglePage:
    """Everything comes in one answer."""

    reads = ()

    def first(self) -> State:
        """The only page."""
        return {}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path as it is."""
        return PageRequest(path, params)

    def guess(self, state: State, total: int | None) -> State | None:
        """Only the page can tell."""
        return None

    def next(self, state: State, reading: PageReading) -> State | None:
        """Always the end."""
        return None


@dataclass(frozen=True, slots=True)
class Offset:
    """Rows are counted from an offset (`limit`/`offset`, `$top`/`$skip`).

    It advances by what arrived, because a portal may cap the limit silently, and it ends at an empty page, or where the
    reported total is reached; a short page is no end.

    Args:
        limit: Rows to ask for.
        offset_param: The parameter that takes the offset.
        limit_param: The parameter that takes the limit; None where the portal has none.
        total: Where the page reports the total of rows; saves the last, empty request.
        has_more: Where the page says whether there is a next one.
        past_end: Status that a portal answers with behind the last page, such as 404.
        place: Whether the parameters stand in the query, or in the body of a POST at their names' dotted paths.
        first_offset: The offset of the first row: 1 where a portal counts from one.
        overlap: How many rows of the page before are read again, where rows come and go while they are read; each is kept once.

    Raises:
        ConfigError: No row is asked for, a page would hold none but repeated rows, or place or status is none.
    """

    limit: int
    offset_param: str = "offset"
    limit_param: str | None = "limit"
    total: Where | None = None
    has_more: Where | None = field(default=None, metadata=LATER)
    past_end: int | None = field(default=None, metadata=LATER)
    place: Place = field(default="query", metadata=LATER)
    first_offset: int = field(default=0, metadata=LATER)
    overlap: int = field(default=0, metadata=LATER)

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ConfigError(f"Offset(limit={self.limit}): a page has at least one row.")
        if not 0 <= self.overlap <= self.limit // 2:
            raise ConfigError(f"Offset(overlap={self.overlap}): at most half of the limit is read again.")
        check_place(self)

    @property
    def reads(self) -> tuple[str, ...]:
        """The JMESPaths of total and end."""
        return in_body(self.total, self.has_more)

    def first(self) -> State:
        """No row yet."""
        return {"offset": 0, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path with limit and offset."""
        limit = {self.limit_param: self.limit} if self.limit_param else {}
        values = {**limit, self.offset_param: asked_offset(state, self.overlap) + self.first_offset}
        asked = placed(path, params, values, self.place)
        return replace(asked, past_end=self.past_end) if state["offset"] else asked

    def guess(self, state: State, total: int | None) -> State | None:
        """A full page further, unless the total says that there is none."""
        offset = asked_offset(state, self.overlap) + self.limit
        return None if total is not None and offset >= total else {**state, "offset": offset}

    def next(self, state: State, reading: PageReading) -> State | None:
        """Move on by the rows that arrived.

        Raises:
            PayloadError: The page came before: the portal ignores the offset. Or it is empty, and there should be more.
        """
        asked = asked_offset(state, self.overlap)
        offset, where = asked + reading.record_count, f"{self.offset_param}={asked}"
        total, has_more = self._told(state, reading)
        is_promised = has_more is True if total is None else offset < total
        if reading.record_count == 0 and is_promised:
            raise broken_off(reading, f"the portal says that there is more than {where} rows")
        is_stale = len(self.repeats(state, reading)) == reading.record_count > 0
        if is_stale and state.get("stale", 0) > self.overlap:
            raise endless(reading, f"its records came before ({where})")
        pages = state["pages"] if is_stale else new_page(state["pages"], reading, where)
        is_end = has_more is False or (total is not None and not is_promised)
        kept = following(state, reading, self.overlap, is_stale=is_stale)
        return (
            None if is_end or reading.record_count == 0 else {"offset": offset, "pages": pages, "total": total, **kept}
        )

    def repeats(self, state: State, reading: PageReading) -> tuple[int, ...]:
        """The positions of the records that were on the page before.

        Raises:
            PayloadError: None, although it reaches back: rows came or went that may have been missed.
        """
        return () if reading.is_past_end else repeats(state, reading, self.overlap)

    def _told(self, state: State, reading: PageReading) -> tuple[int | None, bool | None]:
        """The total and whether there is more, as far as the portal says so."""
        if reading.is_past_end:
            return state.get("total"), None
        total = reading.count(self.total, "total")
        return state.get("total") if total is None else total, reading.is_true(self.has_more)


@dataclass(frozen=True, slots=True)
class PageNumber:
    """Pages are numbered. Unless the portal says which is the last, the walk ends at an empty page: a short one may be its cap.

    Args:
        page_param: The parameter's name.
        first_page: The number of the first page.
        size_param, size: The parameter of the page size and its value; both or neither.
        total_pages: Where the page tells how many pages there are.
        has_more: Where the page says whether there is a next one.
        past_end: Status that a portal answers with behind the last page, such as 404.
        place: Whether the parameters stand in the query, or in the body of a POST at their names' dotted paths.

    Raises:
        ConfigError: One of `size_param` and `size` stands alone, or place or status is none.
    """

    page_param: str = "page"
    first_page: int = 1
    size_param: str | None = None
    size: int | None = None
    total_pages: Where | None = field(default=None, metadata=LATER)
    has_more: Where | None = field(default=None, metadata=LATER)
    past_end: int | None = field(default=None, metadata=LATER)
    place: Place = field(default="query", metadata=LATER)

    def __post_init__(self) -> None:
        if (self.size_param is None) != (self.size is None):
            raise ConfigError("PageNumber takes size_param= and size= together.")
        check_place(self)

    @property
    def reads(self) -> tuple[str, ...]:
        """The JMESPaths of the number of pages and the end."""
        return in_body(self.total_pages, self.has_more)

    def first(self) -> State:
        """The first number."""
        return {"page": self.first_page, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path with the page's number, and its size if the portal takes one."""
        size = {self.size_param: self.size} if self.size_param and self.size is not None else {}
        asked = placed(path, params, {**size, self.page_param: state["page"]}, self.place)
        return asked if state["page"] == self.first_page else replace(asked, past_end=self.past_end)

    def guess(self, state: State, total: int | None) -> State | None:
        """The next number, unless what the portal told says that it has no page."""
        read = (state["page"] - self.first_page + 1) * self.size if self.size else 0
        is_last = state.get("last") is not None and state["page"] >= state["last"]
        is_read = total is not None and self.size is not None and read >= total
        return None if is_last or is_read else {**state, "page": state["page"] + 1}

    def next(self, state: State, reading: PageReading) -> State | None:
        """The next number until the portal says that this was the last page, or until one is empty.

        Raises:
            PayloadError: The page came before: the portal ignores the number or repeats its last page. Or it is past an end that
                the portal told otherwise.
        """
        page, where = state["page"], f"{self.page_param}={state['page']}"
        pages = new_page(state["pages"], reading, where)
        last, has_more = self._told(state, reading)
        is_promised = has_more is True if last is None else page < last
        if reading.is_past_end and last is not None and page <= last:
            raise broken_off(reading, f"{where} should be there: the last page is {last}")
        if has_more is False or not (is_promised or (last is None and reading.record_count)):
            return None
        empty = empty_pages(state.get("empty", 0), reading, "are followed by more, as the portal says")
        return {"page": page + 1, "pages": pages, "last": last, "empty": empty}

    def _told(self, state: State, reading: PageReading) -> tuple[int | None, bool | None]:
        """The last page's number and whether there is more, as far as the portal says so."""
        if reading.is_past_end:
            return state.get("last"), None
        count = reading.count(self.total_pages, "number of pages")
        last = state.get("last") if count is None else self.first_page + count - 1
        if last is not None and last < state["page"] and reading.record_count:
            raise _beyond(reading, state["page"], last)
        return last, reading.is_true(self.has_more)


def _beyond(reading: PageReading, page: int, last: int) -> PayloadError:
    return PayloadError(
        f"Page {reading.number} has the number {page} and holds {reading.record_count} records, and the portal says that {last} is the last.",
        hint="Correct PageNumber(total_pages=..., first_page=...), or leave total_pages out: the walk then ends at an empty page.",
    )
