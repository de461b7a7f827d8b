"""One contract for every refresher, against tools on loopback that behave as documented."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from esteira.contract import PowerBiRefresh, QuickSightIngestion
from esteira.errors import AuthError, EsteiraError, LakeUnavailable, SourceUnavailable
from esteira.refresh import Order, Progress, Unsupported, open_refresher
from tests.refresh.conftest import KINDS, Bench
from tests.refresh.tools import CANARY, HOOK_KEY, SENTENCE, Said

every_tool = pytest.mark.parametrize("bench", KINDS, indirect=True)
power_bi = pytest.mark.parametrize("bench", ["power bi shared", "power bi premium"], indirect=True)
webhook = pytest.mark.parametrize("bench", ["webhook"], indirect=True)


def order(key: str = "flights-dashboard-1", *, is_again: bool = False) -> Order:
    return Order(key, datetime.now(UTC), "flights_dashboard", {"flights": "2014-01-02-0a1b2c3d"}, is_again)


def begun(bench: Bench) -> tuple[Any, Progress]:
    refresher = bench.open()
    return refresher, refresher.start(order())


@every_tool
def test_a_refresh_is_begun_runs_and_is_done(bench: Bench):
    refresher, started = begun(bench)
    assert (started.state, started.is_over, started.is_foreign) == ("running", False, False)
    assert len(bench.tool.begun) == 1
    assert refresher.poll(started.id).state == "running"
    bench.tool.end("done")
    assert refresher.poll(started.id).state == "done"
    refresher.close()


@every_tool
def test_a_failure_comes_with_the_tools_own_word_and_sentence(bench: Bench):
    refresher, started = begun(bench)
    bench.tool.end("failed")
    found = refresher.poll(started.id)
    assert (found.state, found.reason) == ("failed", SENTENCE)
    assert found.code in {"CONNECTION_FAILURE", "ModelRefreshFailed", "0xC1120014", "no-connection"}
    assert found.sentence == f"{found.code}: {SENTENCE}"


@every_tool
def test_what_somebody_cancels_at_the_tool_is_seen(bench: Bench):
    refresher, started = begun(bench)
    bench.tool.end("cancelled")
    assert refresher.poll(started.id).state == "cancelled"


@every_tool
def test_cancelling_ends_it_or_is_answered_with_that_the_tool_has_no_such_verb(bench: Bench):
    refresher, started = begun(bench)
    answer = refresher.cancel(started.id)
    if isinstance(answer, Unsupported):
        assert isinstance(bench.wanted, PowerBiRefresh)
        assert bench.wanted.capacity == "shared"
        assert refresher.poll(started.id).state == "running"
    else:
        assert answer.state == refresher.poll(started.id).state == "cancelled"


@every_tool
def test_the_same_order_given_again_is_the_same_refresh(bench: Bench):
    _, started = begun(bench)
    again = bench.open().start(order(is_again=True))
    assert (again.state, again.id, again.is_foreign) == ("running", started.id, False)
    assert len(bench.tool.begun) == 1


@every_tool
def test_an_answer_that_was_lost_begins_no_second_refresh(bench: Bench):
    bench.tool.lose = 1
    try:
        found = bench.open().start(order())
    except EsteiraError:
        found = bench.open().start(order(is_again=True))
    assert found.state == "running"
    assert len(bench.tool.begun) == 1
    bench.tool.end("done")
    assert bench.open().poll(found.id).state == "done"


@every_tool
def test_a_tool_at_its_limit_refuses_and_nothing_is_begun(bench: Bench):
    bench.tool.refuse = bench.tool.limited()
    refused = bench.open().start(order())
    assert refused.state == "refused"
    assert refused.sentence
    assert bench.tool.begun == []
    assert refused.wait_seconds == (None if isinstance(bench.wanted, QuickSightIngestion) else 3392)


@every_tool
def test_of_what_the_tool_has_never_seen_it_says_that_it_knows_nothing(bench: Bench):
    refresher = bench.open()
    id_ = f"{bench.tool.url}/refreshes/none" if "hooks" in str(bench.wanted) else "6f1c8a52-0000-4000-8000-000000000000"
    assert refresher.poll(id_).state == "unknown"


@every_tool
def test_a_tool_that_is_down_is_an_error_that_passes_and_the_refresh_is_still_there(bench: Bench):
    refresher, started = begun(bench)
    bench.tool.down = True
    with pytest.raises((SourceUnavailable, LakeUnavailable)):
        refresher.poll(started.id)
    bench.tool.down = False
    assert refresher.poll(started.id).state == "running"


@every_tool
def test_each_tool_says_how_many_refreshes_it_takes_a_day(bench: Bench):
    limits = {
        "QuickSight": 32,
        "PowerBiService": None if bench.tool.__dict__.get("is_premium") else 8,
        "Receiver": None,
    }
    assert bench.open().limit() == limits[type(bench.tool).__name__]


@every_tool
def test_a_login_that_is_refused_names_the_secret_or_the_permission_and_no_value(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    bench.tool.secret = "another"
    bench.read = {
        "esteira/test/powerbi": {"client_id": "principal", "client_secret": f"{CANARY}-old"},
        "esteira/test/hook": {"key": HOOK_KEY[::-1]},
    }.__getitem__
    if "hooks" in str(bench.wanted):
        bench.read = lambda _: {"key": "whsec_" + "QUJD" * 10}
    with pytest.raises(AuthError) as raised:
        bench.open().start(order())
    told = raised.value.paragraph() + caplog.text
    assert (
        "esteira/test/" in told
        or "quicksight:CreateIngestion on arn:aws:quicksight:us-east-1:111122223333:dataset/flights-spice" in told
    )
    assert CANARY not in told
    assert bench.tool.begun == []


@power_bi
def test_a_token_that_expires_between_two_questions_is_renewed(bench: Bench):
    refresher, started = begun(bench)
    bench.tool.expire = True
    assert refresher.poll(started.id).state == "running"
    assert bench.tool.tokens == 2


@power_bi
def test_a_refresh_that_somebody_else_runs_is_followed_and_not_doubled(bench: Bench):
    theirs = bench.tool.foreign()
    refresher, started = begun(bench)
    assert (started.state, started.id, started.is_foreign) == ("running", theirs, True)
    assert not [each for each in bench.tool.asked if each.method == "POST" and "token" not in each.path]
    bench.tool.end("done")
    assert refresher.start(order("second")).is_foreign is False
    assert len(bench.tool.begun) == 2


@power_bi
def test_what_was_begun_before_the_order_is_not_taken_for_its_own(bench: Bench):
    theirs = bench.tool.foreign("ViaApi")
    bench.tool.end("done")
    bench.tool.began[theirs] -= timedelta(minutes=5)
    found = bench.open().start(order(is_again=True))
    assert found.id != theirs
    assert len(bench.tool.begun) == 2


@power_bi
def test_a_refusal_is_told_in_power_bis_words(bench: Bench):
    bench.tool.refuse = Said(400, {"error": {"code": "InvalidRequest", "message": "The model is a DirectQuery model."}})
    refused = bench.open().start(order())
    assert (refused.state, refused.sentence) == ("refused", "InvalidRequest: The model is a DirectQuery model.")


@webhook
def test_a_receiver_that_answers_at_once_is_done_with_one_post(bench: Bench):
    bench.tool.is_plain = True
    assert bench.open().start(order()).state == "done"
    assert bench.open().start(order(is_again=True)).state == "done"
    assert len(bench.tool.begun) == 1
    assert isinstance(bench.open().cancel("flights-dashboard-1"), Unsupported)


@webhook
@pytest.mark.fault(68)
def test_a_receiver_takes_no_request_that_was_changed_is_old_or_comes_again(bench: Bench):
    bench.open().start(order())
    sent = bench.tool.asked[-1]
    assert sent.json["data"] == {"asset": "flights_dashboard", "batches": {"flights": "2014-01-02-0a1b2c3d"}}
    changed = replace(sent, body=json.dumps(sent.json | {"type": "other"}).encode())
    another = replace(sent, headers={**sent.headers, "webhook-id": "another"})
    assert [bench.tool.answer(each).status for each in (changed, another)] == [401, 401]
    assert bench.tool.answer(sent).status == 202  # the same id: nothing is done a second time
    assert len(bench.tool.begun) == 1
    bench.tool.clock = 301
    assert bench.tool.answer(sent).status == 401


@webhook
def test_a_place_on_another_host_is_not_asked(bench: Bench):
    bench.tool.refuse = Said(202, None, {"Location": "https://elsewhere.example/refreshes/1"})
    with pytest.raises(EsteiraError, match="not allowed"):
        bench.open().start(order())


@pytest.mark.parametrize("key", ["", "short", "not base64 at all!!", "whsec_c2hvcnQ="])
def test_a_key_that_is_none_is_refused_before_anything_is_sent(key: str):
    from tests.refresh.conftest import wanted_of
    from tests.refresh.tools import Receiver

    with pytest.raises(AuthError, match="esteira/test/hook") as raised:
        open_refresher(wanted_of(Receiver(url="http://127.0.0.1:9")), "test", lambda _: {"key": key})
    assert not key or key not in raised.value.paragraph()


def test_the_request_in_the_documentation_is_signed_as_it_says():
    page = (Path(__file__).parents[2] / "docs/bi/connect.md").read_text(encoding="utf-8")
    sent = dict(re.findall(r"^(webhook-\w+): (.+)$", page, re.MULTILINE))
    key = re.search(r"whsec_([A-Za-z0-9+/]+=)`", page)
    body = re.search(r"^\{.+\}$", page, re.MULTILINE)
    assert key
    assert body
    content = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.{body[0]}".encode()
    digest = hmac.digest(base64.b64decode(key[1]), content, "sha256")
    assert sent["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
