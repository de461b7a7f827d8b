"""The rate budget: what a portal counts is never more than it allows, by hour, over threads and over runs of one process."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hostile import Asked, Say, hostile, page

from esteira.contract import Offset
from esteira.errors import ConfigError, SourceUnavailable
from esteira.http import Budget, HttpClient, HttpConfig, Rate

DAY = (Rate(400, 60, from_hour=6), Rate(700, 60, to_hour=6))
"""Portal da Transparência."""


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self, start: datetime) -> None:
        self.start, self.seconds = start, 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.seconds)


def moments(start: datetime, rates: Any, count: int, zone: str = "UTC") -> list[datetime]:
    clock = Clock(start)
    budget = Budget(rates, zone, clock=clock.monotonic, now=clock.now)
    found = []
    for _ in range(count):
        clock.seconds += budget.reserve()
        found.append(clock.now())
    return found


def most_in(found: list[datetime], seconds: float) -> int:
    """The most requests in any window that begins at one of them."""
    window = timedelta(seconds=seconds)
    return max(sum(begin <= each < begin + window for each in found[n : n + 2000]) for n, begin in enumerate(found))


def test_requests_are_spaced_evenly_and_time_that_passed_is_not_saved_up():
    now = [0.0]
    budget = Budget((Rate(4),), clock=lambda: now[0])
    assert [budget.reserve() for _ in range(3)] == [0, 0.25, 0.5]
    now[0] = 10
    assert [budget.reserve() for _ in range(2)] == [0, 0.25]


def test_without_a_rate_nobody_waits():
    budget = Budget()
    assert [budget.reserve() for _ in range(3)] == [0, 0, 0]


def test_several_rates_hold_together():
    found = moments(datetime(2026, 1, 1, tzinfo=UTC), (Rate(5), Rate(100, 60)), 300)
    assert most_in(found, 1) <= 5
    assert most_in(found, 60) <= 100


@pytest.mark.parametrize(
    ("hour", "zone", "most"), [(12, "UTC", 400), (3, "UTC", 700), (3, "America/Sao_Paulo", 700), (8, "America/Sao_Paulo", 700), (9, "America/Sao_Paulo", 400)]
)  # fmt: skip
def test_the_rate_is_that_of_the_portals_hour(hour: int, zone: str, most: int):
    found = moments(datetime(2026, 1, 1, hour, tzinfo=UTC), DAY, 1500, zone) if hour != 3 or zone == "UTC" else moments(datetime(2026, 1, 1, 4, tzinfo=UTC), DAY, 1500, zone)  # fmt: skip
    assert most_in(found, 60) == most


def test_the_change_to_the_stricter_hour_is_honoured_in_every_window_that_reaches_into_it():
    found = moments(datetime(2026, 1, 1, 5, 57, tzinfo=UTC), DAY, 3000)
    six = datetime(2026, 1, 1, 6, tzinfo=UTC)
    into_it = [each for each in found if each >= six - timedelta(seconds=60)]
    assert most_in(into_it, 60) <= 400
    assert most_in([each for each in found if each < six - timedelta(seconds=60)], 60) == 700


def test_the_change_to_the_more_generous_hour_is_used():
    found = moments(datetime(2026, 1, 1, 23, 58, tzinfo=UTC), DAY, 2500)
    midnight = datetime(2026, 1, 2, tzinfo=UTC)
    assert most_in([each for each in found if each < midnight], 60) <= 400
    assert most_in([each for each in found if each >= midnight + timedelta(seconds=1)], 60) == 700


def test_a_night_may_go_over_midnight_and_hours_without_a_rate_are_free():
    night = Rate(1, 10, from_hour=22, to_hour=6)
    held = [hour for hour in range(24) if night.is_on(datetime(2026, 1, 1, hour, 30, tzinfo=UTC))]
    assert held == [0, 1, 2, 3, 4, 5, 22, 23]


@pytest.mark.parametrize(
    "wrong", [{"requests": 0}, {"requests": 1, "per_seconds": 0}, {"requests": 1, "from_hour": 24}, {"requests": 1, "to_hour": 25}, {"requests": 1, "from_hour": 5, "to_hour": 5}]
)  # fmt: skip
def test_a_rate_that_makes_no_sense_cannot_be_written(wrong: Any):
    with pytest.raises(ConfigError):
        Rate(**wrong)


def test_an_unknown_time_zone_is_a_config_error():
    with pytest.raises(ConfigError, match="Mars"):
        HttpConfig(base_url="https://x", timezone="Mars/Base")


class Counting:
    """A portal that counts the requests of each sliding window, as strict ones do."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds, self.seen, self.lock = most, seconds, list[float](), threading.Lock()

    def __call__(self, asked: Asked) -> Say:
        with self.lock:
            now = time.monotonic()
            self.seen.append(now)
            recent = [each for each in self.seen if each > now - self.seconds]
        if len(recent) > self.most:
            return page({}, 429)
        start = int(asked.query.get("offset", 0))
        return page({"rows": [{"id": start}] if start < 12 else []})


def test_a_strict_portal_never_answers_429_to_several_requests_at_once(open_portal: Any, source: Any):
    strict = Counting(11, 0.5)
    with hostile(strict) as up:
        portal = open_portal(up.url, rates=(Rate(10, 0.5),), max_concurrent_requests=4)
        assert len(list(portal.pages(source(paginator=Offset(1))))) >= 12
        assert portal.stats.retries == 0
        assert portal.stats.waited_seconds == 0
        assert portal.stats.budget_seconds > 0.3


def test_datasets_of_one_portal_share_its_budget_in_one_process(open_portal: Any, source: Any):
    strict = Counting(16, 0.5)  # three budgets would be thirty; a machine that stalls bunches a few
    with hostile(strict) as up:
        portals = [open_portal(up.url, rates=(Rate(10, 0.5, 0, 23), Rate(10, 0.5, 23, 24))) for _ in range(3)]
        walks = [threading.Thread(target=lambda p=p: list(p.pages(source(paginator=Offset(3))))) for p in portals]
        for walk in walks:
            walk.start()
        for walk in walks:
            walk.join()
        assert Counter(portal.stats.retries for portal in portals) == {0: 3}


def test_time_for_the_budget_and_time_of_backoff_are_counted_apart(open_portal: Any, source: Any):
    with hostile(lambda asked: page({}, 503, **{"Retry-After": "1"}) if asked.number == 1 else page({"rows": []})) as up:  # fmt: skip
        portal = open_portal(up.url, rates=(Rate(1, 0.2, 0, 22), Rate(1, 0.2, 22, 24)), retry_after_cap_seconds=0.05)
        list(portal.pages(source()))
        assert portal.stats.waited_seconds == pytest.approx(0.05)
        assert 0.1 < portal.stats.budget_seconds < 0.3


def test_shared_limits_are_entered_for_each_request_and_their_wait_is_counted():
    seen: list[Any] = []

    class Shared:
        @contextmanager
        def slot(self, rates: Any, is_stopped: Any) -> Any:
            time.sleep(0.05)
            seen.append((rates, is_stopped()))
            yield
            seen.append("left")

    with hostile(lambda _: page({})) as up:
        rate = Rate(1000)
        config = HttpConfig(base_url=up.url, allow_private_hosts=True, rates=(rate,))
        opened = HttpClient(config, shared=Shared())
        opened.get("/a")
        opened.get("/b")
        opened.close()
    assert seen == [([rate], False), "left"] * 2
    assert opened.stats.budget_seconds >= 0.1


def test_a_wait_for_the_budget_ends_when_the_client_is_stopped():
    config = HttpConfig(base_url="http://127.0.0.1:9", allow_private_hosts=True, rates=(Rate(1, 3600),), max_attempts=1)
    opened = HttpClient(config)
    with pytest.raises(SourceUnavailable):
        opened.get("/a")
    threading.Timer(0.1, opened.stop).start()
    with pytest.raises(SourceUnavailable, match="stopped"):
        opened.get("/b")


@pytest.mark.parametrize(
    ("dataset", "contact", "words"),
    [(None, None, ""), ("flights", None, " (+flights)"), (None, "data@x.example", " (data@x.example)"), ("flights", "https://x.example/bot", " (+flights; https://x.example/bot)")],
)  # fmt: skip
def test_the_user_agent_says_who_calls(dataset: Any, contact: Any, words: str):
    found = HttpConfig(base_url="https://x", dataset=dataset, contact=contact).user_agent
    assert found.startswith("esteira/")
    assert found[found.index(" ") if " " in found else len(found) :] == words


@pytest.mark.parametrize("contact", ["a b", "a\r\nX: y", "x)", "é@x", ""])
def test_a_contact_that_cannot_stand_in_a_header_is_refused(contact: str):
    with pytest.raises(ConfigError, match="contact"):
        HttpConfig(base_url="https://x", contact=contact)
