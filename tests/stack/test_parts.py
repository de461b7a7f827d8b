"""The portal, the Slack catcher and the gate of AWS, as a client sees them."""

import json
import sqlite3
import urllib.error
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from local.portal import append_flights
from local.stack import Stack

COUNTS = {"flights": 336_776, "airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115}


def fetch(url: str, token: str | None = None, data: bytes | None = None) -> tuple[int, bytes]:
    """GET or POST; the status and the body, whatever the status."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read()


def token(stack: Stack) -> str:
    return (Path(stack.state) / "secrets" / "portal-token").read_text()


def portal(stack: Stack, query: str) -> Any:
    status, body = fetch(f"{stack.env['ESTEIRA_PORTAL_URL']}/flights/{query}", token(stack))
    assert status == 200, body
    return json.loads(body)


@pytest.mark.parametrize("wrong", [None, "not-the-token"])
@pytest.mark.parametrize("path", ["", "/flights/flights.json", "/-/versions.json", "/flights.db"])
def test_the_portal_refuses_a_request_without_its_token(stack: Stack, wrong: str | None, path: str) -> None:
    assert fetch(stack.env["ESTEIRA_PORTAL_URL"] + path, wrong)[0] == 403


@pytest.mark.parametrize("table", COUNTS)
def test_the_portal_counts_the_rows_of_the_data_set(stack: Stack, table: str) -> None:
    assert portal(stack, f"{table}.json?_size=0")["filtered_table_rows_count"] == COUNTS[table]


def test_the_portal_serves_ten_thousand_rows_with_nulls_and_numbers(stack: Stack) -> None:
    page = portal(stack, "flights.json?_size=10000&_shape=objects")
    assert len(page["rows"]) == 10_000
    assert page["rows"][0]["id"] == 1
    assert page["rows"][0]["dep_delay"] == 2
    assert all(value != "NA" for row in page["rows"] for value in row.values())


def test_appended_flights_are_served_at_once(stack: Stack) -> None:
    database = Path(stack.state) / "portal" / "flights.db"
    first_id = append_flights(database, date(2014, 1, 1), 5)
    try:
        page = portal(stack, "flights.json?time_hour__gte=2014-01-01T09:00:00Z&year=2014&_shape=objects")
        assert [row["id"] for row in page["rows"]] == list(range(first_id, first_id + 5))
        assert {(row["month"], row["day"]) for row in page["rows"]} == {(1, 1)}
    finally:
        with sqlite3.connect(database) as connection:
            connection.execute("DELETE FROM flights WHERE id >= ?", (first_id,))


def test_the_slack_catcher_keeps_messages(stack: Stack) -> None:
    url = stack.env["ESTEIRA_SLACK_URL"]
    assert fetch(url, data=b'{"text": "first"}') == (200, b"ok")
    assert fetch(url, data=b'{"text": "<b>second</b>"}') == (200, b"ok")
    messages = json.loads(fetch(url.removesuffix("/slack") + "/messages")[1])
    assert [message["body"]["text"] for message in messages[:2]] == ["<b>second</b>", "first"]
    assert "first" in (Path(stack.state) / "slack" / "messages.jsonl").read_text()
    assert b"&lt;b&gt;second" in fetch(url.removesuffix("/slack") + "/")[1]


@pytest.mark.parametrize("path", ["reset", "config", "ready", "sqs/messages"])
def test_the_emulators_administration_is_refused(stack: Stack, path: str) -> None:
    assert fetch(f"{stack.env['AWS_ENDPOINT_URL']}/_ministack/{path}", data=b"")[0] == 403
