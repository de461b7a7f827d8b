"""What an extraction shows while it runs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cli.progress import Lines, line_of
from esteira.batch import Batch, Window
from esteira.contract import ApiSource, PageNumber
from esteira.http import Rate
from esteira.portal import Portal, PortalConfig
from esteira.portal.arrival import Arrival

WINDOW = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC))
BATCH = Batch("flights", "2024-01-01-0123abcd", WINDOW, is_snapshot=False)


@pytest.mark.parametrize(
    ("arrival", "line"),
    [
        (Arrival(3, 1500, 3), "1,500 rows, page 3, 500 rows/s"),
        (Arrival(3, 1500, 3, total=6500), "1,500 of 6,500 rows, page 3, 500 rows/s, 10 s left"),
        (Arrival(9, 9000, 10, 8000, 99_000), "9,000 of 99,000 rows, page 9, 100 rows/s, 15 min left"),
        (Arrival(9, 10, 10, total=100_000), "10 of 100,000 rows, page 9, 1 rows/s, 27.8 h left"),
        (Arrival(4, 8, 4, total=8, is_last=True), "8 of 8 rows, page 4, 2 rows/s"),
        (Arrival(2, 0, 4, total=8), "0 of 8 rows, page 2, 0 rows/s"),
        (Arrival(2, 4, 4, budget_seconds=2.6), "4 rows, page 2, 1 rows/s, 3 s waited for the rate budget"),
        (Arrival(2, 4, 4, retry_seconds=61), "4 rows, page 2, 1 rows/s, 61 s waited before retries"),
        (Arrival(2, 4, 4, budget_seconds=0.1, retry_seconds=0.1), "4 rows, page 2, 1 rows/s"),
    ],
)
def test_a_line_says_rows_speed_what_is_left_and_what_was_waited_for(arrival: Arrival, line: str) -> None:
    assert line_of(BATCH, arrival) == f"flights 2024-01-01→2024-01-02: {line}"


def test_plain_logs_get_whole_lines_seldom_and_always_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    for page in range(1, 100):
        lines(BATCH, Arrival(page, page * 10, 1))
    lines(BATCH, Arrival(100, 1000, 1, is_last=True))
    (line,) = capsys.readouterr().err.splitlines()
    assert "1,000 rows, page 100, " in line
    assert "\r" not in line


def test_a_terminal_gets_one_line_that_moves_and_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(Lines, "TERMINAL_EVERY_SECONDS", 0.0)
    lines = Lines()
    for page in (1, 2):
        lines(BATCH, Arrival(page, page, 1, is_last=page == 2))
    text = capsys.readouterr().err
    assert text.count("\n") == 1
    assert text.endswith("\n")


def test_each_page_that_arrives_is_told_with_the_time_that_the_rate_budget_took(portal: str) -> None:
    config = PortalConfig(name="slow", base_url=portal, allow_private_hosts=True, rates=(Rate(10, 1),))
    opened = Portal(config, {})
    heard: list[Arrival] = []
    opened.on_arrival = heard.append
    source = ApiSource(
        portal="slow", path="/numbered", records="content", paginator=PageNumber(), total="totalElements"
    )
    list(opened.pages(source))
    assert [(each.pages, each.rows) for each in heard][:2] == [(1, 10), (2, 20)]
    assert {each.total for each in heard} == {50}
    assert [each.is_last for each in heard] == [False] * (len(heard) - 1) + [True]
    assert heard[-1].budget_seconds > 0
    assert heard[-1].retry_seconds == 0
