"""Automations of a real server fire for real, and the catcher has what Slack would have received."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.events.schemas.automations import AutomationCore
from prefect.states import AwaitingRetry, Crashed, Failed, Late, Running, State

from blocks import incidents, variables
from blocks.incidents import Incident
from datasets.airlines import DATASET
from deployments.alerting import read_alerting
from deployments.alerts import FAILURE, PREFIX, SILENT, unwatched_alerts
from deployments.automations import Applied, _sends, apply_here
from deployments.channels import SLACK_BLOCK
from esteira.alerts.silence import Silence
from esteira.batch import Batch, Window
from esteira.contract import Dataset, Quality
from esteira.errors import DataQualityError, GivenUp, PayloadError
from esteira.warehouse import LedgerEntry, LoadResult
from flows.ending import announced
from tasks.announce import announce_defect, announce_failure, announce_stale, announce_well
from tasks.drift import _notify as announce_drift
from tasks.loaded import announce_loaded
from tests.alerts.conftest import World, contracts, seconds_since

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("applied")]
BATCH = "2014-01-02T0000Z-abcdef12"
STATE_SECONDS = 0.3
"""Between two states of a run: an event that overtakes the one that it follows waits on the server for 15 minutes."""
LATENCY_SECONDS = 5.0
"""From a state to its message: docs/adr/0015-operations.md has what was measured."""
QUIET_SECONDS = 2.0
"""In which a message that must not come would have come: those that must come take less than one."""


def dataset(world: World, owner: str = "bi-team", freshness: timedelta | None = None, limit: float = 0.0) -> Dataset:
    return replace(
        DATASET, name=world.name(), owner=owner, quality=Quality(freshness=freshness, max_quarantine_ratio=limit)
    )


def fail(world: World, of: Dataset, batch: str = BATCH) -> datetime:
    """A flow run that fails; the moment before its event."""
    error = PayloadError("Page 3 of /rows has no records at 'rows'.", dataset=of.name, batch=batch)
    moment = datetime.now(UTC)
    world.run(lambda: announce_failure(error, of))
    return moment


def state_of_a_run(world: World, *states: Callable[[], State[Any]], tags: tuple[str, ...] = ("esteira",)) -> UUID:
    """A run of a deployment as the server sees it, which goes through these states."""

    def ingest(dataset: str) -> None: ...

    with world.client as client:
        named = {"name": f"run {uuid4().hex[:8]}", "parameters": {"dataset": "flights"}}
        run = client.create_flow_run(flow(ingest, name="ingest"), tags=tags, **named)
        for state in states:
            time.sleep(STATE_SECONDS)
            client.set_flow_run_state(run.id, state(), force=True)
    return run.id


def name_of(run: UUID) -> str:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run).name


def test_a_failure_reaches_the_channel_with_what_is_needed_to_act(world: World):
    of = dataset(world)
    moment = fail(world, of)
    (message,) = world.wait_for(of.name)
    seconds = seconds_since(moment, message)
    print(f"\nfrom the failure to the message, run included: {seconds:.2f} s")
    text = message["body"]["text"]
    assert message["path"] == "/slack"
    assert text.startswith(f"{of.name} {BATCH} failed: PayloadError\n*Dataset:* {of.name} | *Batch:* {BATCH}\n")
    for part in (
        "Page 3 of /rows",
        "*Likely cause:* The portal's answer",
        "*Next step:* Look at the page",
        "/runs/flow-run/",
        "#payloaderror",
        "*Owner:* bi-team",
    ):
        assert part in text


def test_one_incident_is_one_message_however_often_it_fails_and_one_when_it_is_over(world: World):
    of, other = dataset(world), dataset(world)
    for _ in range(3):
        fail(world, of)
    fail(world, other)
    world.wait_for(other.name)
    time.sleep(QUIET_SECONDS)
    assert len(world.received(of.name)) == 1
    for _ in range(2):
        world.run(lambda: announce_well(of))
    _, over = world.wait_for(of.name, 2)
    assert over["body"]["text"].startswith(f"{of.name} recovered\n")
    assert f"PayloadError of {BATCH}" in over["body"]["text"]
    fail(world, of)
    world.wait_for(of.name, 3)


def test_of_runs_at_the_same_moment_one_tells_and_one_says_that_it_is_over(world: World):
    incident = Incident("failed", world.name(), BATCH, what="PayloadError")
    with ThreadPoolExecutor(8) as pool:
        begun = [pool.submit(copy_context().run, incidents.begin, incident) for _ in range(8)]
        assert sum(each.result() for each in begun) == 1
        ends = [pool.submit(copy_context().run, incidents.end, incident.dataset, ("failed",), BATCH) for _ in range(8)]
        ended = [each.result() for each in ends]
    assert sum(map(len, ended)) == 1


def test_what_a_killed_run_was_about_to_end_is_ended_by_the_next_one_and_not_while_it_may_still_be_at_it(world: World):
    incident = Incident("failed", world.name(), BATCH)
    incidents.begin(incident)
    turn, now = f"{variables.REMOVING}{incident.name}", datetime.now(UTC)
    variables.make(turn, now.isoformat())
    assert not incidents.end(incident.dataset, ("failed",))
    variables.put(turn, (now - 2 * variables.ABANDONED).isoformat())
    assert len(incidents.end(incident.dataset, ("failed",))) == 1
    assert variables.read(turn) is None


def test_giving_a_batch_up_is_told_although_its_failure_was(world: World):
    of = dataset(world)
    fail(world, of)
    world.run(lambda: announce_failure(GivenUp("It failed 10 times.", dataset=of.name, batch=BATCH), of))
    world.wait_for(of.name, 2)


def test_a_defect_is_told_too(world: World):
    name = world.name()
    world.run(lambda: announce_defect(KeyError("x"), name))
    (message,) = world.wait_for(name)
    assert "failed: KeyError" in message["body"]["text"]


def test_a_flow_that_ends_with_what_it_did_not_expect_is_told_by_name_and_without_the_exceptions_words(world: World):
    def work() -> None:
        raise KeyError("529.982.247-25")

    name = world.name()
    with pytest.raises(KeyError):
        flow(announced(work), name=name, persist_result=False)()
    (message,) = world.wait_for(name)
    assert message["body"]["text"].startswith(f"{name} failed: KeyError\n")
    assert "529.982" not in message["body"]["text"]


def test_a_batch_over_its_quarantine_limit_is_one_message_that_names_the_rules(world: World):
    of = dataset(world)
    counted = {"extracted": 100, "quarantined": 12, "refused": {"age: greater_than_or_equal_to(0)": 12}}
    world.run(
        lambda: announce_failure(
            DataQualityError("12 of 100 rows break their rules.", dataset=of.name, batch=BATCH, **counted), of
        )
    )
    (message,) = world.wait_for(of.name)
    time.sleep(QUIET_SECONDS)
    assert len(world.received(of.name)) == 1
    assert "Rule: age must be at least 0 (12)" in message["body"]["text"]


def load(world: World, of: Dataset, batch: str, **facts: Any) -> None:
    """A flow run that has loaded a batch."""
    window = Window(datetime(2014, 1, 1, tzinfo=UTC), datetime(2014, 1, 2, tzinfo=UTC))
    entry = LedgerEntry(batch, window.start, window.end, extracted=1_000, **facts)
    world.run(
        lambda: announce_loaded(
            Batch(of.name, batch, window, is_snapshot=False), LoadResult(entry, is_new=True), of, None
        )
    )


def test_a_quarantine_near_its_limit_is_told_once_and_once_more_when_it_is_over(world: World):
    of = dataset(world, limit=0.01)
    for batch, quarantined in (("a", 4), ("b", 6), ("c", 7)):
        load(world, of, batch, quarantined=quarantined)
    load(world, of, "d")
    near, over = (each["body"]["text"] for each in world.wait_for(of.name, 2))
    assert near.startswith(f"{of.name} b: quarantine near its limit")
    assert "6 of 1,000 rows are in quarantine (0.60%; the limit is 1.00%)." in near
    assert over.startswith(f"{of.name} recovered")


def test_a_slow_batch_is_told_once_and_once_more_when_it_is_over(world: World, monkeypatch: pytest.MonkeyPatch):
    of, day = dataset(world), datetime(2014, 1, 1, tzinfo=UTC)
    before = [LedgerEntry(str(number), day, day, seconds=30.0, extracted=900) for number in range(5)]
    monkeypatch.setattr("tasks.figures.other_entries", lambda *_: before)  # what the ledger would say
    for seconds in (85.0, 400.0, 500.0, 31.0):
        load(world, of, f"took {seconds:.0f}", seconds=seconds)
    slow, over = (each["body"]["text"] for each in world.wait_for(of.name, 2))
    assert slow.startswith(f"{of.name} took 400 was slow: 400 s, usually 30 s")
    assert "*Rows:* 1,000 extracted; 900 in the last good batch 0 (+100, +11.1%)." in slow
    assert over.startswith(f"{of.name} recovered")


def test_a_loaded_batch_is_an_event_of_its_dataset_with_counts_seconds_and_the_difference_and_no_message(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    of, day = dataset(world), datetime(2014, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(
        "tasks.figures.other_entries", lambda *_: [LedgerEntry("before", day, day, seconds=2.0, extracted=900)]
    )
    load(world, of, BATCH, inserted=1_000, seconds=3.0)
    (found,) = world.events("esteira.batch.loaded", f"esteira.dataset.{of.name}")
    expected = {
        "extracted": 1_000,
        "inserted": 1_000,
        "seconds": 3.0,
        "difference": 100,
        "last_good_batch": "before",
        "last_good_seconds": 2.0,
    }
    assert expected.items() <= found["payload"].items()
    assert found["resource"]["esteira.channel"] == "none"
    assert not world.received(of.name)


def test_an_owner_with_a_channel_hears_of_its_datasets_and_the_default_one_does_not(world: World):
    of = dataset(world, owner="finance")
    fail(world, of)
    (message,) = world.wait_for(of.name)
    assert message["path"] == "/finance"


def test_slacks_own_block_posts_the_same_words_through_apprise(world: World):
    of = dataset(world, owner="sales")
    fail(world, of)
    (message,) = world.wait_for(of.name)
    print(f"\nas apprise posts it: {message['body']}")
    assert message["path"].startswith("/apprise/T00000000/")
    assert "*Next step:* Look at the page" in str(message["body"])


def test_a_silenced_dataset_is_not_told_and_its_failure_is_when_the_silence_is_over(world: World):
    of, other, now = dataset(world), dataset(world), datetime.now(UTC)
    incidents.silence(Silence(of.name, now + timedelta(hours=1), "the portal moves", "ana"))
    fail(world, of)
    world.run(lambda: announce_stale(of, "30 h", "26 h", "2014-01-01 00:00Z"))
    fail(world, other)
    world.wait_for(other.name)
    time.sleep(QUIET_SECONDS)
    assert not world.received(of.name)
    incidents.silence(Silence(of.name, now, "it is over"))
    fail(world, of)
    world.wait_for(of.name)
    assert of.name not in {each.dataset for each in incidents.silences(datetime.now(UTC))}


def test_a_stale_dataset_is_told_once(world: World):
    of = dataset(world)
    for _ in range(3):
        world.run(lambda: announce_stale(of, "30 h", "26 h", "2014-01-01 00:00Z"))
    (message,) = world.wait_for(of.name)
    assert "is stale: 30 h old, 26 h allowed" in message["body"]["text"]


def test_a_new_column_is_told_with_its_patch_and_the_command_that_takes_it_over(world: World):
    of = dataset(world)
    said = ["The portal delivers alliance (text), which the contract does not know."]
    world.run(lambda: announce_drift(of, BATCH, said, ["alliance"], "+    alliance: pd.StringDtype"))
    (message,) = world.wait_for(of.name)
    text = message["body"]["text"]
    assert text.startswith(f"{of.name} drifted: alliance is new\n")
    for part in (said[0], "+    alliance: pd.StringDtype", f"`esteira drift {of.name} --patch | git apply`"):
        assert part in text


@pytest.mark.parametrize(
    ("states", "says"),
    [
        ((Running, partial(Crashed, message="exit 137")), "crashed"),
        ((Running, partial(Failed, name="TimedOut")), "timed out"),
    ],
)
def test_a_run_that_crashes_or_times_out_is_told_once_and_only_if_it_is_ours(world: World, states: Any, says: str):
    foreign = state_of_a_run(world, *states, tags=())
    moment = datetime.now(UTC)
    run = state_of_a_run(world, *states, *states)
    (message,) = world.wait_for(f"{name_of(run)} {says}")
    seconds = seconds_since(moment, message)  # the waits between the states included
    print(f"\nfrom the state to the message: {seconds:.2f} s")
    assert seconds <= LATENCY_SECONDS
    assert "*Dataset:* flights" in message["body"]["text"]
    assert "*Owner:* bi-team" in message["body"]["text"]
    assert not world.received(name_of(foreign))


@dataclass(frozen=True)
class Waiting:
    """What the server waits for in all at the same time."""

    late: UUID
    started: UUID
    pending: UUID
    dead: UUID
    rests: UUID
    unheard: str
    heard: str
    refused: str
    refused_to_its_owner: str
    failed_at: datetime


@pytest.fixture(scope="module")
def waiting(world: World, applied: dict[str, str]) -> Waiting:
    limited = [dataset(world, freshness=timedelta(seconds=1)) for _ in range(2)]
    unheard, heard = (each.name for each in limited)
    _apply_unheard(world, limited)
    late, started, pending, dead, rests = (state_of_a_run(world) for _ in range(5))
    time.sleep(QUIET_SECONDS)
    _set(world, {late: Late, started: Late, dead: Running, rests: Running})
    time.sleep(QUIET_SECONDS)  # a heartbeat that overtakes its run's state would be ended by it
    _set(world, {started: Running})
    for name in (unheard, heard):
        _emit("esteira.batch.loaded", f"esteira.dataset.{name}", {"dataset": name, "batch": BATCH, "owner": "bi-team"})
    for run in (dead, rests):
        _emit("prefect.flow-run.heartbeat", f"prefect.flow-run.{run}", {})
    refused, to_its_owner = dataset(world), dataset(world, owner="finance")
    with world.refusing("/slack"), world.refusing("/finance"):
        failed_at = fail(world, refused)
        fail(world, to_its_owner)
        time.sleep(QUIET_SECONDS)
    _emit("esteira.dataset.stale", f"esteira.dataset.{heard}", {})
    _set(world, {rests: AwaitingRetry})
    return Waiting(late, started, pending, dead, rests, unheard, heard, refused.name, to_its_owner.name, failed_at)


@pytest.mark.fault(58)
def test_a_run_that_is_late_for_too_long_is_told_and_one_that_started_is_not(world: World, waiting: Waiting):
    (message,) = world.wait_for(f"{name_of(waiting.late)} has been late")
    assert "No worker polls the pool" in message["body"]["text"]
    assert not world.received(f"{name_of(waiting.started)} has been")


@pytest.mark.fault(58)
def test_a_run_that_is_pending_for_too_long_is_told(world: World, waiting: Waiting):
    world.wait_for(f"{name_of(waiting.pending)} has been pending")


def test_a_run_whose_heartbeats_end_is_marked_as_crashed_and_told_but_not_one_that_was_set_aside(
    world: World, waiting: Waiting
):
    world.wait_for(f"{name_of(waiting.dead)} crashed")
    with world.client as client:
        assert client.read_flow_run(waiting.dead).state.type is StateType.CRASHED
        assert client.read_flow_run(waiting.rests).state.type is not StateType.CRASHED


def test_a_dataset_of_which_nothing_is_heard_is_told_by_the_server_alone(world: World, waiting: Waiting):
    (message,) = world.wait_for(f"{waiting.unheard}: nothing is heard")
    assert f"*Last batch:* {BATCH}" in message["body"]["text"]
    assert not world.received(waiting.heard)


@pytest.mark.fault(61)
@pytest.mark.parametrize("which", ["refused", "refused_to_its_owner"])
def test_a_message_that_no_channel_took_comes_by_the_second_one_and_to_the_default_one_once_it_is_back(
    world: World, waiting: Waiting, which: str
):
    name = getattr(waiting, which)
    told = {each["path"]: each for each in world.wait_for(name, 2)}
    assert told.keys() == {"/slack", "/second"}
    print(f"\nfrom the failure to the second channel: {seconds_since(waiting.failed_at, told['/second']):.1f} s")
    text = told["/second"]["body"]["text"]
    assert text.startswith(f"Not delivered at first: {name} {BATCH} failed")
    assert "*Next step:* Look at the page" in text


def test_the_address_of_a_channel_is_shown_to_nobody(world: World):
    with world.client as client:
        found = client.read_block_document_by_name(SLACK_BLOCK, "custom-webhook", include_secrets=False)
    assert str(world.catcher.server_port) not in found.model_dump_json()


def test_applying_again_changes_nothing_removes_orphans_and_leaves_off_what_ops_switched_off(
    world: World, applied: dict[str, str]
):
    assert set(applied.values()) == {"created"}
    assert set(apply_here(contracts()).values()) <= {"unchanged", "removed"}  # what another test left
    assert set(apply_here(contracts()).values()) == {"unchanged"}
    with world.client as client:
        (ours,) = client.read_automations_by_name(FAILURE)
        (silent,) = client.read_automations_by_name(SILENT)
        client.create_automation(AutomationCore(name=f"{PREFIX}of old", trigger=ours.trigger, actions=ours.actions))
        by_hand = {"name": silent.name, "description": "by hand", "trigger": silent.trigger, "actions": silent.actions}
        client.update_automation(silent.id, AutomationCore(enabled=False, **by_hand))
    changed = {name: verb for name, verb in apply_here(contracts()).items() if verb != "unchanged"}
    assert changed == {f"{PREFIX}of old": "removed", SILENT: "updated"}
    with world.client as client:
        found = client.read_automations()
    assert len({each.name for each in found}) == len(found)
    assert [each.name for each in found if not each.enabled] == [SILENT]


def test_an_incident_is_known_after_a_restart_of_the_server(world: World):
    of = dataset(world)
    fail(world, of)
    world.wait_for(of.name)
    world.start_server()
    fail(world, of)
    world.run(lambda: announce_well(of))
    time.sleep(QUIET_SECONDS)
    assert "recovered" in world.wait_for(of.name, 2)[1]["body"]["text"]


def _apply_unheard(world: World, limited: list[Dataset]) -> None:
    """The alert with a limit that a test can wait for; the next application removes it."""
    with pytest.MonkeyPatch.context() as patch, world.client as client:
        patch.setattr("deployments.alerts.GRACE", timedelta(seconds=9))
        (alert,) = unwatched_alerts(read_alerting(), limited)
        block = client.read_block_document_by_name(SLACK_BLOCK, "custom-webhook").id
        Applied(client, alert, _sends(alert, block)).write()


def _set(world: World, states: dict[UUID, Callable[[], State[Any]]]) -> None:
    with world.client as client:
        for run, state in states.items():
            client.set_flow_run_state(run, state(), force=True)


def _emit(event: str, resource: str, payload: dict[str, str]) -> None:
    tag = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.esteira"}
    emit_event(event, {"prefect.resource.id": resource}, related=[tag], payload=payload)
