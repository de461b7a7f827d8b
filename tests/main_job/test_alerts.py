"""The story of one dataset, as its owner reads it in Slack: it fails, is silenced, loads while Slack is down, grows old."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from local.ports import Ports

AS_OF, LATER = "2014-01-02T06:00Z", "2014-01-03T06:00Z"
NAME, ARRIVAL_SECONDS = "told", 60.0
APPLY = "from cli.stack import prepare_prefect; from cli.environment import load_environment; load_environment(); prepare_prefect()"
WATCH = """
from cli.environment import load_environment
load_environment()
from datetime import datetime, UTC
from flows.watch import watch
for _ in range(2):
    print("stale:", watch(as_of=datetime(2014, 1, 9, tzinfo=UTC)))
"""


@dataclass(frozen=True)
class Story:
    """What each command ended with."""

    failed: tuple[Any, ...]
    refused: tuple[Any, ...]
    silenced: Any
    listed: Any
    status: Any
    doctor: Any
    loaded: Any
    watched: Any


@pytest.fixture(scope="module")
def story(world: Any, write_contract: Any) -> Story:
    folder = write_contract(NAME, quality="Quality(min_rows=17)")
    options = ("--datasets", str(folder))
    asked = ("ingest", NAME, "--as-of", AS_OF, *options)
    failed = tuple(world.esteira_each(asked, asked))
    _wait(world, f"{NAME} ")
    *refused, silenced, listed, status, doctor, ended = world.esteira_each(
        ("silence",), ("silence", NAME, "--for", "2h", "--end"), ("silence", NAME, "--for", "2w", *options),
        ("silence", NAME, "--for", "2h", "--why", "a test", *options), ("silence", "--list", "--json"),
        ("status", NAME, *options), ("doctor", *options), ("silence", NAME, "--end", *options),
    )  # fmt: skip
    assert ended.out == f"{NAME} is told of again.\n"
    write_contract(NAME, quality="Quality(min_rows=1, freshness=timedelta(hours=26))", folder=folder)
    path = folder / f"{NAME}.py"
    path.write_text(
        path.read_text().replace("import dataclasses\n", "import dataclasses\nfrom datetime import timedelta\n", 1)
    )
    nobody = f"http://127.0.0.1:{Ports.free().resolved().slack}/slack"
    down = world.python(APPLY, env={"ESTEIRA_SLACK_URL": nobody, "ESTEIRA_ALERT_DELIVERY_SECONDS": "10"})
    try:
        assert down.code == 0, down.err
        loaded = world.esteira(*asked)
        _wait(world, f"{NAME} recovered")
    finally:
        assert world.python(APPLY).code == 0
    watched = world.python(WATCH, env={"ESTEIRA_DATASETS": str(folder)})
    return Story(failed, tuple(refused), silenced, listed, status, doctor, loaded, watched)


def _wait(world: Any, word: str) -> str:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        if found := [message for message in world.messages() if word in message]:
            return found[0]
        time.sleep(0.2)
    raise AssertionError(f"No message with {word!r} came: {world.messages()[:5]}")


def test_a_failure_is_told_once_with_the_rows_that_came_so_far(world: Any, story: Story):
    assert [each.code for each in story.failed] == [65, 65]
    (message,) = [each for each in world.messages() if f"{NAME} " in each and "failed: DataQualityError" in each]
    print(f"\n{json.loads(message)['text']}")
    assert "*Rows:* none yet; nothing was loaded before." in message  # the floor stops it before anything is sealed
    assert "*Report:* http://127.0.0.1:" in message
    assert "runbook.md#dataqualityerror" in message


def test_a_silence_and_what_is_open_are_shown(story: Story):
    print(f"\n{story.silenced.out}\n{story.status.out}")
    assert story.silenced.out.startswith(f"{NAME} is silenced until 20")
    listed = story.listed.facts
    assert [each["dataset"] for each in listed["silences"]] == [NAME]
    assert ("failed", NAME) in {(each["kind"], each["dataset"]) for each in listed["incidents"]}
    for shown in (story.status.out, story.doctor.out):
        assert f"{NAME} is silenced until 20" in shown
    assert f"{NAME}: DataQualityError of " in story.status.out


def test_a_silence_without_a_dataset_or_an_end_is_refused(story: Story):
    assert [each.code for each in story.refused] == [2, 2, 78]
    assert "Say it as 90m, 2h or 3d." in story.refused[2].err


@pytest.mark.fault(61)
def test_a_slack_that_is_down_after_the_commit_costs_no_row_and_the_second_channel_has_the_message(
    world: Any, story: Story
):
    assert story.loaded.code == 0, story.loaded.err
    assert world.query(f"SELECT COUNT(*) FROM dw.{NAME}") == [(16,)]
    (message,) = [each for each in world.messages() if f"{NAME} recovered" in each]
    print(f"\n{json.loads(message)['text']}")
    assert "Not delivered at first" in message
    assert "*Rows:* 16 extracted; nothing was loaded before." in message


def test_the_ledger_has_the_seconds_that_a_batch_took(world: Any, story: Story):
    ((seconds,),) = world.query(f"SELECT seconds FROM esteira.batch WHERE dataset = '{NAME}' AND state = 'committed'")
    assert 0 < seconds < 100


def test_a_dataset_that_grew_old_is_told_once_by_the_watch(world: Any, story: Story):
    assert story.watched.out.count(f"stale: ['{NAME}']") == 2, story.watched.err
    _wait(world, f"{NAME} is stale")
    (message,) = [each for each in world.messages() if f"{NAME} is stale" in each]
    assert "26 h" in json.loads(message)["text"]
