"""What a backfill shows while it runs: a bar that moves with each window, and what is known of the time that is left."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import tasks.backfill
from tasks.backfill import Progress


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """The bar as the server has it, and each line of the log."""
    found: list[tuple[float, str]] = []

    def create(percent: float, *, key: str, description: str) -> str:
        assert key == "two-words-progress"
        found.append((percent, description))
        return "an artifact"

    def update(artifact: Any, percent: float, *, description: str) -> None:
        assert artifact == "an artifact"
        found.append((percent, description))

    monkeypatch.setattr(tasks.backfill, "create_progress_artifact", create)
    monkeypatch.setattr(tasks.backfill, "update_progress_artifact", update)
    return found


def test_the_bar_and_the_log_say_how_many_windows_are_done_and_what_is_left_until_none_is(
    shown: list[tuple[float, str]], monkeypatch: pytest.MonkeyPatch
):
    lines: list[str] = []
    monkeypatch.setattr(tasks.backfill, "narrate", lines.append)
    progress = Progress("two_words", 1, 3, "about 20 s left")
    progress.step("2013-01-08→15 loaded", "about 9 s left")
    progress.step("2013-01-15→22 failed", "about 0 s left")
    assert shown == [
        (33.3, "1 of 3 windows, about 20 s left"),
        (66.7, "2 of 3 windows, about 9 s left"),
        (100.0, "3 of 3 windows"),
    ]
    assert lines == [
        "two_words 2013-01-08→15 loaded (2 of 3 windows, about 9 s left)",
        "two_words 2013-01-15→22 failed (3 of 3 windows)",
    ]


def test_a_bar_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch):
    lines: list[str] = []
    monkeypatch.setattr(tasks.backfill, "narrate", lines.append)
    monkeypatch.setattr(tasks.backfill, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(tasks.backfill, "create_progress_artifact", lambda *_, **__: 1 / 0)
    Progress("two_words", 0, 1, "time left unknown").step("loaded", "")
    assert lines == ["two_words loaded (1 of 1 windows)"]
