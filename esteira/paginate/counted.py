"""One page, pages by an offset of rows, and pages by number."""

from __future__ import annotations

from dataclasses import dataclass

from esteira.errors import ConfigError
from esteira.paginate.repeats import new_page
from esteira.paginate.verbs import PageReading, PageRequest, Params, State


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
        offset_param, limit_param: The parameters' names.
        total: JMESPath of the reported total; saves the last, empty request.
    """

    limit: int
    offset_param: str = "offset"
    limit_param: str = "limit"
    total: str | None = None

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ConfigError(f"Offset(limit={self.limit}): a page has at least one row.")

    @property
    def reads(self) -> tuple[str, ...]:
        """The total's JMESPath."""
        return (self.total,) if self.total else ()

    def first(self) -> State:
        """The offset 0."""
        return {"offset": 0, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path with limit and offset."""
        return PageRequest(path, {**params, self.limit_param: self.limit, self.offset_param: state["offset"]})

    def guess(self, state: State, total: int | None) -> State | None:
        """A full page further, unless the total says that there is none."""
        offset = state["offset"] + self.limit
        return None if total is not None and offset >= total else {**state, "offset": offset}

    def next(self, state: State, reading: PageReading) -> State | None:
        """Move on by the rows that arrived.

        Raises:
            PayloadError: The page came before: the portal ignores the offset.
        """
        offset = state["offset"] + reading.record_count
        if reading.record_count == 0:
            return None
        pages = new_page(state["pages"], reading, f"{self.offset_param}={state['offset']}")
        total = reading.lookup(self.total) if self.total else None
        is_end = isinstance(total, int) and not isinstance(total, bool) and offset >= total
        return None if is_end else {"offset": offset, "pages": pages}


@dataclass(frozen=True, slots=True)
class PageNumber:
    """Pages are numbered; the walk ends at an empty page, because a short one may be the portal's cap.

    Args:
        page_param: The parameter's name.
        first_page: The number of the first page.
        size_param, size: The parameter of the page size and its value; both or neither.

    Raises:
        ConfigError: One of `size_param` and `size` stands alone.
    """

    page_param: str = "page"
    first_page: int = 1
    size_param: str | None = None
    size: int | None = None
    reads = ()

    def __post_init__(self) -> None:
        if (self.size_param is None) != (self.size is None):
            raise ConfigError("PageNumber takes size_param= and size= together.")

    def first(self) -> State:
        """The first number."""
        return {"page": self.first_page, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path with the page's number, and its size if the portal takes one."""
        size = {self.size_param: self.size} if self.size_param and self.size is not None else {}
        return PageRequest(path, {**params, **size, self.page_param: state["page"]})

    def guess(self, state: State, total: int | None) -> State | None:
        """The next number, unless total and size say that it has no page."""
        read = (state["page"] - self.first_page + 1) * self.size if self.size else 0
        return None if total is not None and self.size and read >= total else {**state, "page": state["page"] + 1}

    def next(self, state: State, reading: PageReading) -> State | None:
        """The next number until a page is empty.

        Raises:
            PayloadError: The page came before: the portal ignores the number or repeats its last page.
        """
        if reading.record_count == 0:
            return None
        pages = new_page(state["pages"], reading, f"{self.page_param}={state['page']}")
        return {"page": state["page"] + 1, "pages": pages}
