"""What is asked for: templates, POST, parameters in the body; and rules about answers."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hostile import Asked, Say, hostile, page

from esteira.batch import Window
from esteira.contract import Header, Incremental, NextLink, NextToken, Offset, PageNumber, Parent, ResponseAction
from esteira.errors import AuthError, ConfigError, PayloadError, SourceRejected, SourceUnavailable
from esteira.portal import Asked as Further
from esteira.portal import SoFar

JANUARY = Window(datetime(2013, 1, 10, tzinfo=UTC), datetime(2013, 1, 20, tzinfo=UTC))


def rows(*ids: int):
    return [{"id": i} for i in ids]


def test_a_window_and_a_parent_stand_where_the_templates_say(open_portal: Any, source: Any):
    step = Incremental("t", "since", "until", date(2013, 1, 1), lag=timedelta(days=3))
    asked = source(
        path="/projects/{parent.id}/rows",
        params={"from": "{window.start:%d/%m/%Y}", "n": 5},
        incremental=step,
        parent=Parent("projects"),
    )
    with hostile(lambda _: page({"rows": []})) as up:
        list(open_portal(up.url).pages(asked, JANUARY, asked=Further(parents=[{"id": "a/b ç"}])))
        assert up.asked[0].path == "/projects/a%2Fb%20%C3%A7/rows"
        assert up.asked[0].query == {
            "from": "07/01/2013", "n": "5", "since": "2013-01-07T00:00:00Z", "until": "2013-01-20T00:00:00Z",
        }  # fmt: skip


def test_a_parameter_may_be_given_several_times_and_a_truth_value_is_spelt_as_json_does(open_portal: Any, source: Any):
    params = {"state": ["a", "b {window.start:%d}"], "is_open": True, "ratio": 0.5}
    step = Incremental("t", "since", "until", date(2013, 1, 1))
    with hostile(lambda _: page({"rows": []})) as up:
        (only,) = open_portal(up.url).pages(source(params=params, incremental=step), JANUARY)
        asked = up.asked[0].query
    assert (asked["state"], asked["is_open"], asked["ratio"]) == ("b 10", "true", "0.5")
    assert only.url.count("state=") == 2


@pytest.mark.parametrize("value", [None, {"a": 1}, [None], [["a"]], b"x"])
def test_a_parameter_that_no_query_can_hold_is_refused(source: Any, value: Any):
    with pytest.raises(ConfigError, match=r"a=.*neither a text nor a number"):
        source(params={"a": value})


@pytest.mark.fault(13)
def test_the_errors_of_a_graphql_answer_are_told(open_portal: Any, source: Any):
    said = page({"data": None, "errors": [{"message": "Cannot query field x"}]})
    with hostile(lambda _: said) as up, pytest.raises(PayloadError, match="Cannot query field x"):
        list(open_portal(up.url).pages(source(method="POST", body={"query": "{ x { id } }"}, records="data.x.nodes")))


def test_a_template_without_its_parent_is_a_configuration_to_correct(open_portal: Any, source: Any):
    with pytest.raises(ConfigError, match=r"parent\.id"):
        list(open_portal("http://127.0.0.1:1").pages(source(path="/{parent.id}", parent=Parent("projects"))))


@pytest.mark.parametrize(
    ("paginator", "bodies"),
    [
        (Offset(2, offset_param="page.from", limit_param="page.size", total="n", place="body"), [{"from": 0, "size": 2}, {"from": 2, "size": 2}]),
        (PageNumber("page.number", place="body", total_pages="pages"), [{"number": 1}, {"number": 2}]),
        (NextToken(body="next", param="page.after", place="body"), [None, {"after": "t1"}]),
    ],
)  # fmt: skip
def test_a_post_carries_its_body_and_the_paginators_parameters(
    open_portal: Any, source: Any, paginator: Any, bodies: Any
):
    def answer(asked: Asked) -> Say:
        found = rows(1, 2) if asked.number == 1 else rows(3)
        return page({"rows": found, "pages": 2, "n": 3, "next": "t1" if asked.number == 1 else None})

    body = {"filter": {"day": "{window.start:%Y-%m-%d}"}}
    step = Incremental("t", "since", "until", date(2013, 1, 1))
    with hostile(answer) as up:
        walk = source(method="POST", body=body, paginator=paginator, incremental=step)
        got = list(open_portal(up.url).pages(walk, JANUARY))
        assert sum(len(each.records) for each in got) == 3
        asked = [each.json for each in up.asked][:2]
        assert asked == [
            {"filter": {"day": "2013-01-10"}} | ({"page": each} if each is not None else {}) for each in bodies
        ]
        assert {each.method for each in up.asked} == {"POST"}


@pytest.mark.fault(5)
def test_a_post_that_is_declared_read_only_is_asked_again(open_portal: Any, source: Any):
    with hostile(lambda a: page({}, 503) if a.number < 3 else page({"rows": rows(1)})) as up:
        assert len(next(open_portal(up.url).pages(source(method="POST", body={}))).records) == 1


def test_a_body_in_the_way_of_a_parameter_is_a_configuration_to_correct(open_portal: Any, source: Any):
    walk = source(method="POST", body={"page": 7}, paginator=NextToken(body="t", param="page.after", place="body"))
    with hostile(lambda _: page({"rows": rows(1), "t": "x"})) as up, pytest.raises(ConfigError, match=r"page\.after"):
        list(open_portal(up.url).pages(walk))


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": {"a": 1}},
        {"paginator": Offset(1, place="body")},
        {"method": "PUT"},
        {"responses": ResponseAction("fail", status=404)},
        {"responses": (ResponseAction("refresh", is_total_changed=True),)},
    ],
)
def test_arguments_that_do_not_fit_each_other_are_refused(source: Any, wrong: Any):
    with pytest.raises(ConfigError):
        source(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ResponseAction("fail"),
        lambda: ResponseAction("stop", status=404),
        lambda: ResponseAction("fail", status=302),
        lambda: ResponseAction("fail", status=(404, 99)),
        lambda: ResponseAction("fail", equals="x"),
        lambda: ResponseAction("ignore", is_short=True),
        lambda: ResponseAction("ignore", is_total_changed=True),
    ],
)
def test_a_rule_that_says_nothing_or_hides_rows_cannot_be_written(wrong: Any):
    with pytest.raises(ConfigError):
        wrong()


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        (ResponseAction("retry", status=404), page({}, 404)),
        (ResponseAction("retry", status=(404, 403)), page({}, 403)),
        (ResponseAction("retry", text="busy"), page({"rows": [], "message": "busy, try later"})),
        (ResponseAction("retry", at="code", equals=7), page({"rows": [], "code": "7"})),
        (ResponseAction("retry", at="error.code", equals="BUSY"), page({"error": {"code": "BUSY"}})),
        (ResponseAction("retry", at="error"), page({"rows": rows(9), "error": {"code": 1}})),
        (ResponseAction("retry", status=409, at="ok", equals=False), page({"ok": False}, 409)),
    ],
)
def test_an_answer_that_a_rule_names_is_asked_for_again(open_portal: Any, source: Any, rule: Any, bad: Say):
    with hostile(lambda a: bad if a.number < 3 else page({"rows": rows(1), "code": 0, "ok": True})) as up:
        (only,) = open_portal(up.url).pages(source(responses=(rule,)))
        assert (len(only.records), len(up.asked)) == (1, 3)


@pytest.mark.fault(6)
def test_an_answer_that_stays_so_is_an_error_after_the_budget(open_portal: Any, source: Any):
    rule = ResponseAction("retry", text="busy")
    with hostile(lambda _: page({"rows": [], "message": "busy"})) as up:
        with pytest.raises(SourceUnavailable, match=r"Page 1 .*3 attempts the body holds 'busy'"):
            list(open_portal(up.url, max_attempts=3).pages(source(responses=(rule,))))
        assert len(up.asked) == 3


@pytest.mark.fault(13)
@pytest.mark.parametrize(("status", "error"), [(200, PayloadError), (404, SourceRejected)])
def test_an_answer_to_stop_at_names_what_holds(open_portal: Any, source: Any, status: int, error: type):
    rule = ResponseAction("fail", status=status, at="error.code", equals="E_QUOTA")
    with hostile(lambda _: page({"rows": rows(1), "error": {"code": "E_QUOTA"}}, status)) as up:
        with pytest.raises(error, match=r"Page 1 .*error\.code is 'E_QUOTA'"):
            list(open_portal(up.url).pages(source(responses=(rule,))))
        assert len(up.asked) == 1


@pytest.mark.parametrize("at_once", [1, 3])
def test_an_ignored_answer_is_an_empty_last_page_that_is_told(open_portal: Any, source: Any, caplog: Any, at_once: int):
    rule = ResponseAction("ignore", status=404, text="no data")
    answer = lambda a: page({"rows": rows(1)}) if a.query["offset"] == "0" else page({"detail": "no data"}, 404)  # noqa: E731
    with hostile(answer) as up, caplog.at_level(logging.WARNING):
        walk = source(paginator=Offset(1), responses=(rule,))
        first, last = open_portal(up.url, max_concurrent_requests=at_once).pages(walk)
    assert (first.warning, last.records, last.body, last.next_state) == (None, [], b"", None)
    assert last.warning is not None
    assert "status 404 and the body holds 'no data'" in last.warning
    assert caplog.text.count("was ignored") == 1
    assert "Page 2 of" in caplog.text


def test_an_answer_that_no_rule_names_is_what_it_was(open_portal: Any, source: Any):
    rule = ResponseAction("ignore", status=404, text="no data")
    with hostile(lambda _: page({"detail": "no such path"}, 404)) as up, pytest.raises((SourceRejected, PayloadError)):
        list(open_portal(up.url).pages(source(responses=(rule,))))


@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("paginator", [Offset(2, past_end=404), PageNumber(past_end=404)])
def test_a_refusal_past_the_end_is_the_end(open_portal: Any, source: Any, paginator: Any, at_once: int):
    def answer(asked: Asked) -> Say:
        start = int(asked.query["offset"]) if "offset" in asked.query else (int(asked.query["page"]) - 1) * 2
        return page({"rows": rows(start, start + 1)}) if start < 4 else page({"detail": "Invalid page."}, 404)

    with hostile(answer) as up:
        got = list(open_portal(up.url, max_concurrent_requests=at_once).pages(source(paginator=paginator)))
    assert [(len(each.records), each.warning) for each in got] == [(2, None), (2, None), (0, None)]
    assert (got[-1].body, got[-1].next_state) == (b"", None)


@pytest.mark.parametrize("paginator", [Offset(2, past_end=404), PageNumber(past_end=404)])
def test_a_refusal_of_the_first_page_is_no_end(open_portal: Any, source: Any, paginator: Any):
    with hostile(lambda _: page({}, 404)) as up, pytest.raises(SourceRejected, match="404"):
        list(open_portal(up.url).pages(source(paginator=paginator)))


@pytest.mark.fault(17)
@pytest.mark.parametrize("paginator", [Offset(2, total="n", past_end=404), PageNumber(total_pages="p", past_end=404)])
def test_a_refusal_before_the_end_that_was_told_is_an_error(open_portal: Any, source: Any, paginator: Any):
    answer = lambda a: page({"rows": rows(1, 2), "n": 9, "p": 5}) if a.number == 1 else page({}, 404)  # noqa: E731
    with hostile(answer) as up, pytest.raises(PayloadError, match="Page 2"):
        list(open_portal(up.url).pages(source(paginator=paginator)))


@pytest.mark.fault(17)
def test_a_total_may_stand_in_a_header(open_portal: Any, source: Any):
    with hostile(lambda a: page(rows(*range(int(a.query["offset"]), 3))[:2], **{"X-Total-Count": "3"})) as up:
        total = Header("X-Total-Count")
        walk = source(records="", total=total, paginator=Offset(2, total=total))
        assert [(each.total, len(each.records)) for each in open_portal(up.url).pages(walk)] == [(3, 2), (3, 1)]
        assert len(up.asked) == 2


@pytest.mark.fault(16)
@pytest.mark.parametrize("rule", [{"is_total_changed": True}, {"is_short": True}])
@pytest.mark.parametrize("at_once", [1, 3])
def test_rows_that_are_missing_are_asked_for_again(open_portal: Any, source: Any, rule: Any, at_once: int):
    """A portal that answers an expired token by nothing, as it answers `retry` here: what follows once is a page."""
    seen: list[str] = []

    def answer(asked: Asked) -> Say:
        start = int(asked.query["offset"])
        seen.append(asked.query["offset"])
        if start == 4 and seen.count("4") == 1:
            return page({"rows": [], "n": 0})
        return page({"rows": rows(*range(start, min(start + 2, 8))), "n": 8})

    with hostile(answer) as up:
        walk = source(total="n", paginator=Offset(2, total="n"), responses=(ResponseAction("retry", **rule),))
        got = list(open_portal(up.url, max_concurrent_requests=at_once).pages(walk))
    assert [len(each.records) for each in got] == [2, 2, 2, 2]


@pytest.mark.fault(16)
@pytest.mark.parametrize("rule", [{"is_total_changed": True}, {"is_short": True}])
def test_rows_that_stay_missing_after_a_resumption_are_an_error(open_portal: Any, source: Any, rule: Any):
    with hostile(lambda _: page({"rows": [], "n": 0})) as up:
        walk = source(total="n", paginator=Offset(2), responses=(ResponseAction("fail", **rule),))
        state = {"offset": 2, "pages": None}
        with pytest.raises(PayloadError, match="Page 2"):
            list(open_portal(up.url).pages(walk, state=state, number=2, so_far=SoFar(2, 8)))


@pytest.mark.fault(16)
def test_a_refresh_where_nothing_can_be_renewed_is_an_error_that_names_the_reason(open_portal: Any, source: Any):
    rule = ResponseAction("refresh", at="status", equals="EXPIRED")
    answer = lambda _: page({"rows": [], "status": "EXPIRED"})  # noqa: E731
    with hostile(answer) as up, pytest.raises(AuthError, match="status is 'EXPIRED'"):
        list(open_portal(up.url).pages(source(responses=(rule,))))


@pytest.mark.fault(63)
@pytest.mark.parametrize("link", ["http://169.254.169.254/x", "//other.example/x", "http://other.example/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_to_another_host_is_refused_for_every_method(open_portal: Any, source: Any, link: str, method: Any):
    with hostile(lambda _: page({"rows": rows(1), "next": link})) as up:
        walk = source(paginator=NextLink(body="next"), method=method, body={} if method == "POST" else None)
        with pytest.raises(SourceRejected):
            list(open_portal(up.url).pages(walk))
        assert len(up.asked) == 1
