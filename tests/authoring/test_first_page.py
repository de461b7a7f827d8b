"""What a paginator says of a first page: where it goes on, and why, or why it ends."""

from __future__ import annotations

from typing import Any

import pytest

from esteira.contract import ApiSource, NextLink, NextToken, Offset, PageNumber, ResponseAction, SinglePage
from esteira.portal import Portal, PortalConfig
from esteira.portal.first_page import FirstPage, first_page
from esteira.portal.question import Question

CASES: list[tuple[str, dict[str, Any], str | None, str]] = [
    ("django", {"records": "results", "paginator": NextLink(body="next")}, "page=2", "next, in the body, names the next page."),
    ("whole", {"records": "items", "paginator": NextLink(body="next")}, None, "next, in the body, names no next page."),
    ("link_header", {"paginator": NextLink(header="Link")}, "page=2", "The header Link names the next page."),
    ("cursor", {"records": "data", "paginator": NextToken(body="meta.next_cursor")}, "cursor=after-20",
     "meta.next_cursor, in the body, holds a token, which goes into cursor."),
    ("whole", {"records": "items", "paginator": NextToken(body="next")}, None,
     "next, in the body, holds no token, or the page says that there is no more."),
    ("socrata", {"paginator": Offset(10, "$offset", "$limit")}, "$offset=10",
     "10 records arrived, so the offset moves on by as many; it ends at an empty page."),
    ("ckan", {"records": "result.records", "paginator": Offset(50, total="result.total")}, "offset=20",
     "20 records arrived, so the offset moves on by as many; it ends where result.total is reached."),
    ("whole", {"records": "items", "paginator": Offset(99, total="total")}, None, "The portal says that these are all the rows."),
    ("transparencia", {"paginator": PageNumber(page_param="pagina", past_end=404)}, "pagina=2",
     "This page holds 15 records, so the next number is asked for; it ends at a 404 or an empty page."),
    ("transparencia", {"paginator": PageNumber(page_param="pagina"), "params": {"pagina": 1}}, "pagina=2",
     "This page holds 15 records, so the next number is asked for; it ends at an empty page."),
    ("numbered", {"records": "content", "paginator": PageNumber(total_pages="totalPages")}, "page=2",
     "This page holds 10 records, so the next number is asked for; totalPages says which is the last."),
    ("silent_from_zero", {"paginator": PageNumber(first_page=9)}, None, "The page holds no record."),
    ("whole", {"records": "items", "paginator": SinglePage()}, None, "The contract says that everything comes in one answer."),
    ("whole", {"records": "nothing", "paginator": SinglePage(), "responses": (ResponseAction("ignore", text="total"),)}, None,
     "An answer was ignored and counts as the end: "),
]  # fmt: skip


def asked(portal: str, name: str, **source: Any) -> FirstPage:
    config = PortalConfig(name="shapes", base_url=portal, allow_private_hosts=True)
    asked_for = ApiSource(portal="shapes", path=f"/{name}", **source)
    return first_page(Portal(config, {}), asked_for, Question(asked_for, None))


@pytest.mark.parametrize(("name", "source", "following", "why"), CASES)
def test_the_next_request_and_its_reason_are_told(
    portal: str, name: str, source: dict[str, Any], following: str | None, why: str
) -> None:
    found = asked(portal, name, **source)
    assert found.why.startswith(why)
    if following is None:
        assert found.following is None
    else:
        assert found.following is not None
        query = "&".join(f"{key}={value}" for key, value in found.following.params.items())
        assert following in f"{found.following.target}?{query}"
