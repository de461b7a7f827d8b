"""The story of one dashboard: its tool fails while the data load, people hear of it once, it is tried again, and they hear that it works.

The receiver stands in this process; the runs are those of the command line.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.main_job.world import as_root
from tests.refresh.tools import HOOK_KEY, Receiver, serving

FIRST, SECOND = "2014-01-02T06:00Z", "2014-01-03T06:00Z"
ASSET, ONE, OTHER, ARRIVAL_SECONDS = "shown_board", "shown", "shown_too", 60.0
SECRET = "esteira/local/shown-hook"
FILE = '''"""A board."""

from esteira.contract import Asset, Webhook

ASSET = Asset(
    "{asset}", needs=("{one}", "{other}"), refresher=Webhook("{url}/hook", secret="esteira/{{stage}}/shown-hook", allow_private_hosts=True),
    owner="bi-team",
)
'''
DEPLOYED = """
from cli.environment import load_environment
load_environment()
from prefect.artifacts import Artifact
from prefect.client.orchestration import get_client
print(Artifact.get("bi-assets").data)
with get_client(sync_client=True) as client:
    flow = client.create_flow_from_name("refresh")
    body = {"name": "refresh", "flow_id": str(flow), "parameter_openapi_schema": {}}
    print(client.request("POST", "/deployments/", json=body).json()["id"])
"""
ASKED = """
import json, sys
from cli.environment import load_environment
load_environment()
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    found = [each for each in client.read_flow_runs(limit=200) if str(each.deployment_id) == sys.argv[1]]
    client.delete_deployment(sys.argv[1])
print(json.dumps([each.parameters for each in found]))
"""
AS_DEPLOYED = {"PREFECT__RUNTIME__DEPLOYMENT__ID": "6f1c8a52-0000-4000-8000-000000000000"}
WATCH = """
from cli.environment import load_environment
load_environment()
from datetime import datetime, UTC
from flows.watch import watch
watch(as_of=datetime(2014, 1, 2, 7, tzinfo=UTC))
"""


@dataclass(frozen=True)
class Story:
    """What each command ended with."""

    never: Any
    loaded: tuple[Any, ...]
    due: Any
    failed: Any
    waiting: Any
    open: Any
    done: Any
    artifact: Any
    again: Any
    asked: list[Any]
    posts: int


@pytest.fixture(scope="module")
def tool() -> Iterator[Receiver]:
    tool = Receiver()
    with serving(tool):
        yield tool


@pytest.fixture(scope="module")
def story(world: Any, write_contract: Any, tool: Receiver) -> Story:
    folder = _written(world, write_contract, tool)
    options = ("--datasets", str(folder))
    look = ("refresh", "--dry-run", "--json", *options)
    tool.down = True
    failing = ("refresh", ASSET, "--wait", "0", "--as-of", FIRST, *options)
    never, *loaded, due, failed, _, waiting, opened = world.esteira_each(
        look, ("ingest", ONE, "--as-of", FIRST, *options), ("ingest", OTHER, "--as-of", FIRST, *options), (*look, "--as-of", FIRST),
        failing, failing, ("refresh", "--dry-run", "--as-of", FIRST, *options), ("silence", "--list", "--json"),
    )  # fmt: skip
    assert [each.code for each in (*loaded, due, failed)] == [0, 0, 0, 75], failed.err
    _wait(world, f"{ASSET} is not refreshed")
    watched = world.python(WATCH, env={"ESTEIRA_DATASETS": str(folder)})
    assert watched.code == 0, watched.err
    tool.down, tool.is_plain = False, True
    done, again = world.esteira_each((*failing, "--force"), failing)
    _wait(world, f"{ASSET} recovered")
    artifact, asked = _asked(world, options)
    return Story(
        never,
        tuple(loaded),
        due,
        failed,
        waiting,
        opened,
        done,
        artifact,
        again,
        asked,
        len(tool.begun),
    )


def _written(world: Any, write_contract: Any, tool: Receiver) -> Path:
    folder: Path = write_contract(ONE)
    write_contract(OTHER, base="airports", folder=folder)  # another title
    (folder / "assets").mkdir()
    (folder / "assets" / f"{ASSET}.py").write_text(FILE.format(asset=ASSET, one=ONE, other=OTHER, url=tool.url))
    with closing(as_root(world.stack, "secretsmanager")) as client:
        client.create_secret(Name=SECRET, SecretString=json.dumps({"key": f"whsec_{HOOK_KEY}"}))
    return folder


def _asked(world: Any, options: tuple[str, ...]) -> tuple[Any, list[Any]]:
    """The artifact, and what two loads ask the pool for when they run as deployed."""
    artifact, deployed = world.python(DEPLOYED).out.strip().splitlines()
    commands = [("ingest", name, "--as-of", SECOND, *options) for name in (ONE, OTHER, OTHER)]
    assert [each.code for each in world.esteira_each(*commands, env=AS_DEPLOYED)] == [0, 0, 0]
    return json.loads(artifact), json.loads(world.python(ASKED, deployed).out)


def _wait(world: Any, word: str) -> str:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        if found := [message for message in world.messages() if word in message]:
            return str(found[0])
        time.sleep(0.2)
    raise AssertionError(f"No message with {word!r} came: {world.messages()[:5]}")


@pytest.mark.fault(61)
def test_a_tool_that_fails_leaves_the_load_and_its_data_alone(world: Any, story: Story):
    assert [each.code for each in story.loaded] == [0, 0]
    assert world.query(f"SELECT COUNT(*) FROM dw.{ONE}") == [(16,)]
    assert story.failed.code == 75
    assert "SourceUnavailable" in story.failed.err


@pytest.mark.fault(61)
def test_its_failure_is_told_once_and_that_it_works_again_once(world: Any, story: Story):
    mine = [json.loads(each)["text"] for each in world.messages() if ASSET in each]
    print("\n" + "\n\n".join(mine))
    assert len(mine) == 2
    recovered, failed = mine
    assert failed.startswith(f"{ASSET} is not refreshed: SourceUnavailable\n")
    assert "runbook.md#refreshfailed" in failed
    assert "*Owner:* bi-team" in failed
    assert recovered.startswith(f"{ASSET} recovered\n")
    assert "its refresh failed, since" in recovered


def test_the_list_says_of_an_asset_what_it_waits_for(story: Story):
    ((never,), (due,)) = (each.facts for each in (story.never, story.due))
    assert (never["state"], never["why"], never["refreshed"]) == ("waits", f"{ONE} is not loaded yet", "never")
    assert (due["state"], due["why"]) == ("start", "due")
    print(f"\n{story.waiting.out}")
    assert story.waiting.code == 0
    assert "asked again from" in story.waiting.out
    assert {"refresh"} == {each["kind"] for each in story.open.facts["incidents"] if each["dataset"] == ASSET}


def test_it_is_refreshed_in_the_end_and_once_for_the_same_batches(world: Any, story: Story):
    assert (story.done.code, story.again.code) == (0, 0)
    print(f"\n{story.done.out}\n{story.again.out}")
    assert "refreshed" in story.done.out
    assert "shows the newest batches since" in story.again.out
    (row,) = story.artifact
    assert (row["asset"], row["state"]) == (ASSET, "current")
    assert f"{ONE} 2014-01-02" in row["shows"]
    assert story.posts == 1
    assert world.query(f"SELECT state FROM esteira.refresh WHERE asset = '{ASSET}'") == [("done",)]


def test_the_last_of_its_loads_asks_the_pool_for_one_run(story: Story):
    assert story.asked == [{"asset": ASSET}]
