"""Faults 11, 13, 14 and 18, and the walk itself."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hostile import Say, hostile, page

from esteira.batch import Window
from esteira.contract import Incremental, NextLink, Offset, PageNumber, ResponseAction, SinglePage
from esteira.errors import ConfigError, PayloadError, SourceUnavailable
from esteira.portal import records_of


def rows(*ids: int):
    return [{"id": i} for i in ids]


@pytest.mark.fault(11)
@pytest.mark.parametrize(
    ("paginator", "answer", "names"),
    [
        (NextLink(body="next"), lambda _: page({"rows": rows(1), "next": "/rows?page=7"}), r"page=7"),
        (NextLink(header="Link"), lambda _: page({"rows": rows(1)}, Link='</rows?page=7>; rel="next"'), r"page=7"),
        (Offset(1), lambda _: page({"rows": rows(1)}), r"offset=1"),
        (PageNumber(), lambda a: page({"rows": rows(min(int(a.query["page"]), 3))}), r"page=4"),
        (
            NextLink(body="next"),
            lambda a: page({"rows": rows(a.number % 5), "next": f"/rows?page={a.number % 5}"}),
            "before",
        ),
        (NextLink(body="next"), lambda a: page({"rows": [], "next": f"/rows?page={a.number}"}), "without a record"),
    ],
)
def test_a_portal_that_repeats_itself_is_an_error_that_names_the_page(
    open_portal: Any, source: Any, paginator: Any, answer: Any, names: Any
):
    with hostile(answer) as up, pytest.raises(PayloadError, match=rf"Page \d+ .*{names}"):
        list(open_portal(up.url).pages(source(paginator=paginator)))


@pytest.mark.fault(13)
def test_a_200_with_an_error_body_names_keys_and_code(open_portal: Any, source: Any):
    with hostile(lambda _: page({"ok": False, "error": {"code": "E_QUOTA", "message": "x"}})) as up:
        with pytest.raises(PayloadError, match=r"Page 1 .*keys are ok, error.*E_QUOTA"):
            list(open_portal(up.url).pages(source()))
        assert len(up.asked) == 1


@pytest.mark.fault(13)
@pytest.mark.parametrize("body", [{"rows": None}, {"rows": "none"}, [], "rows", {"rows": [[1, 2]]}, {"rows": [7]}])
def test_records_of_another_shape_are_an_error(open_portal: Any, source: Any, body: Any):
    with hostile(lambda _: page(body)) as up, pytest.raises(PayloadError, match="Page 1"):
        list(open_portal(up.url).pages(source()))


BROKEN = [Say(b"<html>down</html>", headers={"Content-Type": "text/html"}), Say(b'{"rows": [{"id": 1}, {"i')]


@pytest.mark.fault(14)
@pytest.mark.parametrize("bad", BROKEN)
def test_a_body_that_is_no_json_is_read_again(open_portal: Any, source: Any, bad: Any):
    with hostile(lambda a: bad if a.number < 3 else page({"rows": rows(1)})) as up:
        assert [len(p.records) for p in open_portal(up.url).pages(source())] == [1]


@pytest.mark.fault(14)
@pytest.mark.parametrize(("bad", "names"), [(BROKEN[0], "text/html.*<html>down"), (BROKEN[1], "truncated")])
def test_a_body_that_stays_no_json_names_page_type_and_beginning(open_portal: Any, source: Any, bad: Any, names: Any):
    with hostile(lambda a: bad if a.query["offset"] != "0" else page({"rows": rows(1)})) as up:
        with pytest.raises(PayloadError, match=rf"(?s)Page 2 .*{names}"):
            list(open_portal(up.url).pages(source(paginator=Offset(1))))
        assert len(up.asked) == 1 + 3


@pytest.mark.fault(18)
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "01", '"\xff"'])
@pytest.mark.parametrize("records", ["rows", "rows[*]"])
def test_what_json_does_not_know_is_refused(open_portal: Any, source: Any, value: Any, records: Any):
    body = f'{{"rows": [{{"id": {value}}}]}}'.encode("latin-1")
    with hostile(lambda _: Say(body)) as up, pytest.raises(PayloadError, match=r"Page 1 .*no JSON"):
        list(open_portal(up.url).pages(source(records=records)))


@pytest.mark.parametrize("records", ["rows", "rows[*]"])
def test_a_byte_order_mark_before_the_page_is_passed_over(open_portal: Any, source: Any, records: Any):
    with hostile(lambda _: Say(b'\xef\xbb\xbf{"rows": [{"id": 1}]}')) as up:
        (only,) = open_portal(up.url).pages(source(records=records))
    assert json.loads(bytes(only.records[0])) == {"id": 1}
    assert len(records_of(only.body, source(records=records))) == 1


def test_an_answer_without_content_is_an_error_that_says_how_it_may_be_the_end(open_portal: Any, source: Any):
    answer = lambda a: page({"rows": rows(1)}) if a.query["offset"] == "0" else Say(b"", 204)  # noqa: E731
    with hostile(answer) as up:
        with pytest.raises(PayloadError, match=r"Page 2 .*204, no content") as caught:
            list(open_portal(up.url).pages(source(paginator=Offset(1))))
        assert "ResponseAction('ignore', status=204)" in caught.value.hint
        ended = source(paginator=Offset(1), responses=(ResponseAction("ignore", status=204),))
        assert [len(each.records) for each in open_portal(up.url).pages(ended)] == [1, 0]


@pytest.mark.parametrize("records", ["rows", "rows[*]"])
def test_every_digit_of_a_number_survives(open_portal: Any, source: Any, records: Any):
    body = b'{"rows":[{"a":12345678901234.567890123,"b":123456789012345678901}]}'
    with hostile(lambda _: Say(body)) as up:
        (only,) = open_portal(up.url).pages(source(records=records))
    assert bytes(only.records[0]) == b'{"a":12345678901234.567890123,"b":123456789012345678901}'
    assert [bytes(r) for r in records_of(only.body, source(records=records))] == [bytes(only.records[0])]


def test_an_empty_first_page_is_no_rows(open_portal: Any, source: Any):
    with hostile(lambda _: page({"rows": [], "n": 0})) as up:
        (only,) = open_portal(up.url).pages(source(paginator=Offset(5), total="n"))
    assert (only.records, only.total, only.next_state) == ([], 0, None)


def test_keys_that_are_no_names_and_nested_records_are_read(open_portal: Any, source: Any):
    answer = lambda a: page(  # noqa: E731
        {"d": {"n": "2", "value": rows(a.number)}, "@odata.nextLink": "?p=2" if a.number == 1 else None}
    )
    with hostile(answer) as up:
        walk = source(records="d.value", total="d.n", paginator=NextLink(body='"@odata.nextLink"'))
        pages = list(open_portal(f"{up.url}/base").pages(walk))
        assert [(p.number, p.total, bytes(p.records[0])) for p in pages] == [(1, 2, b'{"id": 1}'), (2, 2, b'{"id": 2}')]
        assert [a.path for a in up.asked] == ["/base/rows", "/base/rows"]


def test_the_window_is_asked_for_with_its_lag(open_portal: Any, source: Any):
    step = Incremental("t", "t__gte", "t__lt", date(2013, 1, 1), lag=timedelta(days=3))
    with hostile(lambda _: page({"rows": []})) as up:
        window = Window(datetime(2013, 1, 10, tzinfo=UTC), datetime(2013, 1, 20, tzinfo=UTC))
        list(open_portal(up.url).pages(source(incremental=step, params={"a": 1}), window))
        assert up.asked[0].query == {"a": "1", "t__gte": "2013-01-07T00:00:00Z", "t__lt": "2013-01-20T00:00:00Z"}


def test_a_consumer_that_stops_is_not_kept_waiting_by_the_page_ahead(open_portal: Any, source: Any):
    release = threading.Event()

    def answer(asked: Any) -> Any:
        if asked.number > 1:
            release.wait(20)
        return page({"rows": rows(asked.number)})

    with hostile(answer) as up:
        pages = open_portal(up.url, read_timeout_seconds=20).pages(source(paginator=PageNumber()))
        next(pages)
        time.sleep(0.1)
        started = time.monotonic()
        pages.close()
        assert time.monotonic() - started < 1
        release.set()


def test_the_next_two_pages_are_fetched_while_the_consumer_works_and_no_more(open_portal: Any, source: Any):
    with hostile(lambda a: page({"rows": rows(a.number) if a.number < 9 else []})) as up:
        pages = open_portal(up.url).pages(source(paginator=PageNumber()))
        next(pages)
        deadline = time.monotonic() + 5
        while len(up.asked) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert len(up.asked) == 3
        pages.close()


def test_an_error_of_the_page_ahead_comes_after_the_page_before(open_portal: Any, source: Any):
    with hostile(lambda a: page({"rows": rows(1)}) if a.number == 1 else page({}, 500)) as up:
        pages = open_portal(up.url, max_attempts=2).pages(source(paginator=PageNumber()))
        assert next(pages).number == 1
        with pytest.raises(SourceUnavailable, match="Page 2"):
            next(pages)


def test_a_state_is_json(open_portal: Any, source: Any):
    with hostile(lambda a: page({"rows": rows(a.number), "next": f"?p={a.number}" if a.number < 9 else ""})) as up:
        for got in open_portal(up.url).pages(source(paginator=NextLink(body="next"))):
            assert json.loads(json.dumps(got.next_state)) == got.next_state


@pytest.mark.parametrize("make", [NextLink, lambda: NextLink("a", "b"), lambda: Offset(0), lambda: PageNumber(size=3)])
def test_a_wrong_paginator_cannot_be_written(make: Any):
    with pytest.raises(ConfigError):
        make()


def test_a_path_that_is_no_jmespath_is_a_config_error(open_portal: Any, source: Any):
    with hostile(lambda _: page({})) as up, pytest.raises(ConfigError, match="JMESPath"):
        list(open_portal(up.url).pages(source(records="rows[", paginator=SinglePage())))
