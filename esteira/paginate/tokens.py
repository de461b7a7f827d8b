"""Pages that name the next one by a token, in the body or in a header, which goes into the next request."""

from __future__ import annotations

from dataclasses import dataclass

from esteira.errors import ConfigError, PayloadError
from esteira.paginate.places import Place, check_place, in_body, placed
from esteira.paginate.repeats import empty_pages, endless, new_page, walked
from esteira.paginate.verbs import Header, PageReading, PageRequest, Params, State, Where


@dataclass(frozen=True, slots=True)
class NextToken:
    """The page holds a token of the next one (dlt: `cursor` and `header_cursor`; Airbyte: `CursorPagination`).

    Args:
        body: JMESPath of the token in the page.
        header: Name of the header that holds it.
        param: The parameter that takes it.
        place: Whether the parameter stands in the query, or in the body of a POST at its name's dotted path.
        has_more: Where the page says whether there is a next one, for portals whose last page has a token too.
        ends_empty: Whether the walk ends at a page without records, for portals that give a token on every page, and may give the same
            one again (Solr's `cursorMark`, Elasticsearch's scroll); repeated pages are an error still.

    Raises:
        ConfigError: Not exactly one of `body` and `header` is given, or the place is none.
    """

    body: str | None = None
    header: str | None = None
    param: str = "cursor"
    place: Place = "query"
    has_more: Where | None = None
    ends_empty: bool = False

    def __post_init__(self) -> None:
        if (self.body is None) == (self.header is None):
            raise ConfigError("NextToken takes either body= (a JMESPath) or header= (a header's name).")
        if not self.param:
            raise ConfigError("NextToken(param=''): name the parameter that takes the token.")
        check_place(self)

    @property
    def reads(self) -> tuple[str, ...]:
        """The JMESPaths of token and end."""
        return in_body(self.body, self.has_more)

    def first(self) -> State:
        """No token yet."""
        return {"token": None, "empty": 0, "tokens": None, "pages": None}

    def request(self, state: State, path: str, params: Params) -> PageRequest:
        """The path, with the token after the first page."""
        values = {} if state["token"] is None else {self.param: state["token"]}
        return placed(path, params, values, self.place)

    def guess(self, state: State, total: int | None) -> State | None:
        """Only the page can tell."""
        return None

    def next(self, state: State, reading: PageReading) -> State | None:
        """Go on with the token; none, an empty one, false or null is the end.

        Raises:
            PayloadError: A token or a page came before, the token is no text or whole number, or empty pages follow each other
                without end.
        """
        pages = new_page(state["pages"], reading, f"asked for by {self.param}")
        if reading.is_true(self.has_more) is False or (self.ends_empty and reading.record_count == 0):
            return None
        token = self._found(reading)
        if token is None:
            return None
        tokens = None if self.ends_empty else walked(state["tokens"], str(token))
        if tokens is None and not self.ends_empty:
            raise endless(reading, f"the next token for {self.param} was used before")
        empty = empty_pages(state["empty"], reading, f"still give a token for {self.param}")
        return {"token": token, "empty": empty, "tokens": tokens, "pages": pages}

    def _found(self, reading: PageReading) -> str | int | None:
        where: Where = Header(self.header) if self.header else self.body or ""
        found = reading.find(where)
        if found is None or found is False or found == "":
            if self.has_more is None:
                return None
            raise PayloadError(f"Page {reading.number} says that there is more, and there is no token at {where}.")
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise PayloadError(
                f"Page {reading.number}: the next token at {where} is a {type(found).__name__}, not a text or a whole number.",
                hint="Correct NextToken(body=...) in the contract.",
            )
        return found
