"""For any page size, cap and table, each paginator brings exactly the source's rows in order, resumed from anywhere, or it is an error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hostile import Asked, Hostile, Say, hostile, page
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model import KINDS, PATH, Step, Table, asked_of, paginators, reading_of

from esteira.contract import Header, NextLink, NextToken, Offset, PageNumber
from esteira.errors import ConfigError, PayloadError, SourceRejected
from esteira.paginate import PageReading, Paginator, State

ROWS = 40
MOST_PAGES = ROWS + 60
"""More than any walk may take: one row a page, and the empty pages that are borne."""


def walk(paginator: Paginator, table: Table, state: State | None = None, number: int = 1) -> Iterator[Step]:
    """The pages of a model, each state through JSON."""
    state = paginator.first() if state is None else state
    for page_number in range(number, number + MOST_PAGES):
        request = paginator.request(state, PATH, {})
        shown = table.show(asked_of(request))
        if shown.status not in {200, request.past_end}:
            raise SourceRejected(f"Page {page_number}: {shown.status}")
        following = paginator.next(state, reading_of(shown, page_number, request.past_end))
        yield Step(shown.ids, following)
        if following is None:
            return
        state = json.loads(json.dumps(following))
    pytest.fail("the walk does not end")


def reading(count: int = 1, mark: str = "a", headers: Any = None, **body: Any) -> PageReading:
    return PageReading(1, "https://portal.example/rows?page=1", count, mark, headers or {}, body.get)


SIZES = {"size": st.integers(1, 12), "cap": st.integers(1, 12), "count": st.integers(0, ROWS)}


@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(KINDS), refuses=st.booleans(), stop=st.integers(0, ROWS), **SIZES)
def test_every_row_arrives_once_and_in_order_also_after_a_resumption(
    kind: str, refuses: Any, stop: int, size: int, cap: int, count: int
):
    paginator = paginators(size, 404 if refuses else None)[kind]
    table = Table(count, cap, refuses_past_end=refuses)
    whole = list(walk(paginator, table))
    assert [number for step in whole for number in step.ids] == list(range(count))
    last = stop % len(whole)
    if whole[last].following is not None:
        assert list(walk(paginator, table, whole[last].following, last + 2)) == whole[last + 1 :]


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(["link", "link header", "token", "token header"]),
    cap=st.integers(1, 12),
    count=st.integers(0, ROWS),
)
def test_a_portal_that_leads_on_for_ever_ends_at_its_first_empty_page_where_that_is_declared(
    kind: str, cap: int, count: int
):
    paginator: Any = replace(paginators(1, None)[kind], ends_empty=True)  # type: ignore[type-var]
    whole = list(walk(paginator, Table(count, cap, is_endless=True)))
    assert [number for step in whole for number in step.ids] == list(range(count))
    with pytest.raises(PayloadError, match="pages without a record"):
        list(walk(paginators(1, None)[kind], Table(count, cap, is_endless=True)))


def test_a_token_may_stay_the_same_where_the_end_is_an_empty_page():
    paginator, state = NextToken(body="t", ends_empty=True), NextToken(body="t").first()
    for mark in ("a", "b", "c"):
        state = paginator.next(state, reading(mark=mark, t="scroll")) or pytest.fail("it ends too early")
    assert paginator.next(state, reading(count=0, t="scroll")) is None
    with pytest.raises(PayloadError, match="came before"):
        paginator.next(state, reading(mark="b", t="scroll"))


@pytest.mark.parametrize(("value", "is_end"), [("items 0-0/1", True), ("0-0/9", False), ("0-0/*", False)])
def test_the_total_may_be_that_of_a_content_range(value: str, is_end: Any):
    paginator = Offset(1, total=Header("Content-Range"))
    assert (paginator.next(paginator.first(), reading(headers={"content-range": value})) is None) is is_end


def test_an_offset_may_count_from_one_and_have_no_limit():
    paginator = Offset(2, "start", None, first_offset=1)
    state = paginator.next(paginator.first(), reading(count=2))
    asked = [paginator.request(each, PATH, {}).params for each in (paginator.first(), state or {})]
    assert asked == [{"start": 1}, {"start": 3}]


def is_served_twice(kind: str, again: int, size: int, cap: int, count: int) -> bool:
    """Whether a page stands in the place of another one with rows; links and tokens ask for no size."""
    page_size = cap if kind.startswith(("link", "plain", "token")) else min(size, cap)
    return (again + 1) * page_size < count


@pytest.mark.fault(11)
@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from(KINDS), again=st.integers(0, 8), stop=st.integers(0, 9), **SIZES)
def test_a_page_that_is_served_twice_is_an_error_also_after_a_resumption(
    kind: str, again: int, stop: int, size: int, cap: int, count: int
):
    paginator, table = paginators(size, None)[kind], Table(count, cap, again=again)
    got: list[Step] = []
    try:
        for step in walk(paginator, table):
            got.append(step)
            if len(got) == stop and step.following is not None:
                got += walk(paginator, table, json.loads(json.dumps(step.following)), len(got) + 1)
                break
    except PayloadError:
        assert is_served_twice(kind, again - 1, size, cap, count), "at the least, the last page behind the end"
        return
    assert not is_served_twice(kind, again, size, cap, count)
    assert [number for step in got for number in step.ids] == list(range(count))


@pytest.mark.fault(11)
@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(KINDS), period=st.integers(1, 7), lead=st.integers(0, 7), size=st.integers(1, 5))
def test_a_portal_that_goes_round_in_circles_is_an_error(kind: str, period: int, lead: int, size: int):
    paginator = paginators(size, None)[kind]

    def reading(number: int) -> PageReading:
        at = number if number < lead else lead + (number - lead) % period
        body = {"n": 10**6, "pages": 10**6, "more": True, "token": f"t{at}", "next": f"?at={at}"}
        headers = {"x-total-count": "1000000", "x-pages": "1000000", "x-token": f"t{at}"}
        headers |= {"link": f'<?at={at}>; rel="next"', "next-page": f"?at={at}"}
        return PageReading(number + 1, "https://portal.example/rows", size, f"page {at}", headers, body.get)

    def go_round() -> None:
        state: State | None = paginator.first()
        for number in range(lead + 4 * period + 8):
            state = paginator.next(json.loads(json.dumps(state)), reading(number))
            assert state is not None
            assert len(json.dumps(state)) < 2000

    with pytest.raises(PayloadError, match=r"Page \d+ "):
        go_round()


def serve(asked: Asked) -> Say:
    """The table's size, cap and manners stand in the query, so that one portal serves every example."""
    own = {name: asked.query[name] for name in ("count", "cap", "refuses", "again")}
    again = int(own["again"]) if int(own["again"]) >= 0 else None
    table = Table(int(own["count"]), int(own["cap"]), own["refuses"] == "1", again)
    shown = table.show({**asked.query, **(asked.json or {})})
    if shown.status != 200:
        return page({"detail": "Invalid page."}, shown.status)
    kept = "&".join(f"{name}={value}" for name, value in own.items())
    headers = {name: value.replace("?at", f"?{kept}&at") for name, value in shown.headers.items()}
    link = shown.body["next"] and shown.body["next"].replace("?", f"?{kept}&")
    return page({**shown.body, "rows": [{"id": number} for number in shown.ids], "next": link}, **headers)


@pytest.fixture(scope="module")
def portal() -> Iterator[Hostile]:
    with hostile(serve) as up:
        yield up


def ids(pages: Any) -> list[int]:
    return [msgspec.json.decode(record)["id"] for got in pages for record in got.records]


@pytest.mark.slow
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS), refuses=st.booleans(), stop=st.integers(0, ROWS), at_once=st.integers(1, 4), **SIZES
)
def test_the_rows_arrive_once_and_in_order_over_http_however_many_are_asked_for_at_once(  # noqa: PLR0917
    portal: Any, open_portal: Any, source: Any, kind: Any, refuses: Any, stop: Any, at_once: Any, **sizes: int
):
    asked: dict[str, Any] = {"method": "POST", "body": {}} if kind.endswith("in body") else {}
    query = {"count": sizes["count"], "cap": sizes["cap"], "refuses": int(refuses), "again": -1}
    paginator = paginators(sizes["size"], 404 if refuses else None)[kind]
    walked = source(paginator=paginator, params=query, total="n", **asked)
    whole = list(open_portal(portal.url, max_concurrent_requests=at_once).pages(walked))
    assert ids(whole) == list(range(sizes["count"]))
    assert [got.number for got in whole] == list(range(1, len(whole) + 1))
    last = whole[stop % len(whole)]
    if last.next_state is not None:
        state = json.loads(json.dumps(last.next_state))
        rest = list(open_portal(portal.url).pages(walked, state=state, number=last.number + 1))
        assert [(got.number, got.body) for got in rest] == [(got.number, got.body) for got in whole[last.number :]]


@pytest.mark.fault(11)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(KINDS), again=st.integers(0, 8), at_once=st.integers(1, 4), **SIZES)
def test_a_page_that_is_served_twice_over_http_is_an_error_or_costs_no_row(
    portal: Any, open_portal: Any, source: Any, kind: Any, again: Any, at_once: Any, **sizes: int
):
    asked: dict[str, Any] = {"method": "POST", "body": {}} if kind.endswith("in body") else {}
    query = {"count": sizes["count"], "cap": sizes["cap"], "refuses": 0, "again": again}
    walked = source(paginator=paginators(sizes["size"], None)[kind], params=query, **asked)
    pages = open_portal(portal.url, max_concurrent_requests=at_once).pages(walked)
    if is_served_twice(kind, again, *(sizes[name] for name in SIZES)):
        with pytest.raises(PayloadError, match=r"Page \d+ .*(came|used|followed) before"):
            list(pages)
    elif is_served_twice(kind, again - 1, *(sizes[name] for name in SIZES)):
        pages.close()  # whoever asks behind the end gets the last page again, and an error; who does not, does not
    else:
        assert ids(pages) == list(range(sizes["count"]))


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        ("https://portal.example/rows?page=2", "/rows?page=2"),
        ("//portal.example/rows?page=2", "/rows?page=2"),
        ("/api/rows?page=2#top", "/api/rows?page=2"),
        ("?page=2", "/rows?page=2"),
        ("rows/2", "/rows/2"),
        ("./2?x=%2F", "/2?x=%2F"),
        ("https://other.example/rows?page=2", "https://other.example/rows?page=2"),
        ("http://portal.example/rows?page=2", "http://portal.example/rows?page=2"),
    ],
)
def test_a_link_of_any_form_leads_from_its_page(link: str, asked: str):
    state = NextLink(body="next").next(NextLink(body="next").first(), reading(next=link))
    assert state is not None
    assert NextLink(body="next").request(state, PATH, {"page": 1}).target == asked


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Link", '<?page=2>; rel="next"'),
        ("link", '<?page=9>; rel=last, <?page=2>; rel="prefetch next"; title="a, b"'),
        ("Link", "<?page=2>;REL=NEXT"),
        ("Link", '<?page=9>; title="a; rel=next", <?page=2>; rel=next'),
        ("Link", r'<?page=9>; title="\"x\"; rel=next", <?page=2>; title="y"; rel=next'),
        ("Next-Page", "?page=2"),
        ("X-Next", "https://portal.example/rows?page=2"),
    ],
)
def test_a_link_in_a_header_is_found(header: str, value: str):
    paginator = NextLink(header=header)
    state = paginator.next(paginator.first(), reading(headers={header.lower(): value}))
    assert state is not None
    assert paginator.request(state, PATH, {}).target == "/rows?page=2"


@pytest.mark.fault(11)
@pytest.mark.parametrize("paginator", [NextLink(body="next"), NextToken(body="next"), Offset(1, has_more="more")])
def test_a_last_page_that_repeats_the_one_before_is_an_error(paginator: Paginator):
    state = paginator.next(paginator.first(), reading(mark="a", next="?page=2", more=True))
    assert state is not None
    with pytest.raises(PayloadError, match="came before"):
        paginator.next(state, reading(mark="a", next=None, more=False))


@pytest.mark.fault(11)
@given(kind=st.sampled_from(KINDS), old=st.integers(0, 30), gap=st.integers(1, 30))
def test_an_older_page_that_comes_once_in_the_place_of_another_is_an_error(kind: str, old: int, gap: int):
    paginator, rows = paginators(2, None)[kind], 1000
    state: State | None = paginator.first()
    for number in range(old + gap):
        shown = Table(rows, 2).show(asked_of(paginator.request(state or {}, PATH, {})))
        state = paginator.next(json.loads(json.dumps(state)), reading_of(shown, number + 1, None))
    asked = asked_of(paginator.request(state or {}, PATH, {}))
    stale, wanted = Table(rows, 2).show({"at": 2 * old, "limit": 2}), Table(rows, 2).show(asked)
    with pytest.raises(PayloadError, match="came before"):
        paginator.next(state or {}, reading_of(replace(wanted, ids=stale.ids), old + gap + 1, None))


def test_a_state_stays_small_on_a_walk_of_any_length():
    paginator = PageNumber()
    state: State | None = paginator.first()
    for number in range(6000):
        state = paginator.next(state or {}, reading(mark=f"{number:016x}"))
    assert len(json.dumps(state)) < 80_000
    for number, is_known in ((5999, True), (2500, True), (0, True), (100, False)):
        mark = f"{number:016x}"
        assert (f",{mark}," in state["pages"]["seen"] or mark in state["pages"].values()) is is_known


@pytest.mark.parametrize(
    "value", ['<?page=1>; rel="prev"', "", '<?page=2>; title="rel=next"', '<?page=2>; title="a; rel=next"; rel=last']
)
def test_a_link_header_without_a_next_one_is_the_end(value: str):
    assert NextLink(header="Link").next(NextLink(header="Link").first(), reading(headers={"link": value})) is None


@pytest.mark.parametrize(
    ("paginator", "body", "names"),
    [
        (NextToken(body="t"), {"t": True}, "bool"),
        (NextToken(body="t"), {"t": {"a": 1}}, "dict"),
        (NextToken(body="t", has_more="m"), {"m": True}, "no token"),
        (NextToken(body="t", has_more="m"), {"t": "x"}, "has_more"),
        (Offset(1, total="n"), {"n": -1}, "-1"),
        (Offset(1, total="n"), {"n": "many"}, "many"),
        (Offset(1, has_more="m"), {"m": "perhaps"}, "perhaps"),
        (PageNumber(total_pages="n"), {"n": 1.5}, "1.5"),
        (PageNumber(total_pages="n"), {"n": 0}, "0 is the last"),
        (PageNumber(has_more="m"), {}, "has_more"),
    ],
)
def test_a_pointer_that_makes_no_sense_is_an_error_and_no_end(paginator: Paginator, body: Any, names: str):
    with pytest.raises(PayloadError, match=rf"Page 1 .*{names}|Page 1: .*{names}"):
        paginator.next(paginator.first(), reading(**body))


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    ("paginator", "body"), [(Offset(5, total="n"), {"n": 7}), (Offset(5, has_more="m"), {"m": True})]
)
def test_an_empty_page_where_more_was_promised_is_an_error(paginator: Paginator, body: Any):
    with pytest.raises(PayloadError, match="holds no record"):
        paginator.next({"offset": 5, "pages": None}, reading(count=0, **body))


def test_a_page_may_be_empty_in_the_middle_where_the_portal_says_which_is_the_last():
    paginator = PageNumber(total_pages="n")
    state = paginator.next(paginator.first(), reading(count=0, n=3))
    assert state is not None
    assert paginator.request(state, PATH, {}).params == {"page": 2}


@pytest.mark.parametrize("token", ["abc", 7, 2**63, "0"])
def test_a_token_is_text_or_a_whole_number_and_goes_on_as_it_came(token: Any):
    paginator = NextToken(body="t", param="after")
    state = paginator.next(paginator.first(), reading(t=token))
    assert state is not None
    assert paginator.request(state, PATH, {"a": 1}).params == {"a": 1, "after": token}


@pytest.mark.parametrize("none", [None, "", False])
@pytest.mark.parametrize("paginator", [NextToken(body="t"), NextLink(body="t")])
def test_no_token_and_no_link_is_the_end(paginator: Paginator, none: Any):
    assert paginator.next(paginator.first(), reading(t=none)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        NextToken,
        lambda: NextToken(body="a", header="b"),
        lambda: NextToken(body="a", param=""),
        lambda: NextToken(body="a", place="path"),
        lambda: Offset(1, place="path"),
        lambda: Offset(1, past_end=200),
        lambda: PageNumber(past_end=500),
        lambda: Header(" "),
    ],
)
def test_a_wrong_paginator_cannot_be_written(wrong: Any):
    with pytest.raises(ConfigError):
        wrong()
