"""`esteira maintenance` on the stack: a killed attempt leaves orphans; a dry run shows them; --apply removes them and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from datasets.flights import DATASET as FLIGHTS
from local.aws.bootstrap import REGION
from local.state import StateFolder

pytestmark = pytest.mark.long

NAME = "swept"
OF_AN_ATTEMPT = ("/part-", "/checkpoint-", "/profile.json")
UPLOAD = f"raw/{NAME}/batch/attempt/part-00001.json.zst"
KILLED_AT = ("extract.part", "curate.part")
AS_OF = "2014-01-02T06:00Z"
IN_TEN_DAYS = (datetime.now(UTC) + timedelta(days=10)).isoformat()
"""The lake's objects carry the emulator's clock, so the run's moment is what moves."""


@dataclass(frozen=True)
class Story:
    """What each command said, and what lay in the lake before and after the one that deletes."""

    killed: Any
    loaded: Any
    young: Any
    dry: Any
    unprivileged: Any
    applied: Any
    again: Any
    ingested: Any
    reconciled: Any
    before: frozenset[str]
    deleted_before: frozenset[str]
    after: frozenset[str]
    seals: dict[str, Any]

    @property
    def named(self) -> frozenset[str]:
        """The parts and profiles that the seals name."""
        told = ((*seal["parts"], *seal.get("quarantine", ()), seal.get("profile")) for seal in self.seals.values())
        return frozenset(part["key"] for parts in told for part in parts if part)


class RootsLake:
    """The lake of this dataset as root sees it."""

    def __init__(self, world: Any) -> None:
        _, key = StateFolder(world.stack.state).root_key()
        session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        self.s3: Any = session.client("s3", endpoint_url=world.stack.env["AWS_ENDPOINT_URL"])
        self.bucket = world.stack.env["ESTEIRA_LAKE_BUCKET"]

    def objects(self) -> frozenset[str]:
        return self._keys("list_objects_v2", "Contents")

    def deleted(self) -> frozenset[str]:
        return self._keys("list_object_versions", "DeleteMarkers")

    def uploads(self) -> frozenset[str]:
        return self._keys("list_multipart_uploads", "Uploads")

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def restore(self, key: str) -> None:
        (marker,) = self.s3.list_object_versions(Bucket=self.bucket, Prefix=key)["DeleteMarkers"]
        self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=marker["VersionId"])

    def begin_upload(self, key: str) -> None:
        self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)

    def _keys(self, listing: str, field: str) -> frozenset[str]:
        zones = (f"{zone}/{NAME}/" for zone in ("raw", "curated", "quarantine"))
        answers = (getattr(self.s3, listing)(Bucket=self.bucket, Prefix=zone) for zone in zones)
        return frozenset(entry["Key"] for answer in answers for entry in answer.get(field, ()))


@pytest.fixture(scope="module")
def lake(world: Any) -> RootsLake:
    return RootsLake(world)


@pytest.fixture(scope="module")
def commands(write_contract: Any) -> dict[str, tuple[str, ...]]:
    """The commands of these tests, by what they are for."""
    folder = str(write_contract(NAME, "flights", size=1_000, write='Upsert(key="id")'))
    rest = ("--datasets", folder, "--json")
    upkeep, later = ("maintenance", NAME, *rest), ("maintenance", NAME, *rest, "--as-of", IN_TEN_DAYS)
    return {
        "ingest": ("ingest", NAME, "--as-of", AS_OF, *rest),
        "from raw": ("ingest", NAME, "--from", "raw", *rest),
        "from curated": ("ingest", NAME, "--from", "curated", *rest),
        "reconcile": ("reconcile", NAME, *rest),
        "young": (*upkeep, "--apply"),
        "dry": later,
        "apply": (*later, "--apply"),
        "superseded": (*later, "--apply", "--superseded"),
    }


@pytest.fixture(scope="module")
def story(world: Any, commands: Any, lake: Any) -> Story:
    killed = [world.esteira(*commands["ingest"], env={"ESTEIRA_FAILPOINT": f"{point}:kill"}) for point in KILLED_AT]
    lake.begin_upload(UPLOAD)
    loaded, young, dry = world.esteira_each(commands["ingest"], commands["young"], commands["dry"])
    unprivileged = world.esteira(*commands["apply"], env={"ESTEIRA_UPKEEP_PROFILE": "esteira-task"})
    before, deleted_before = lake.objects(), lake.deleted()
    seals = {key: json.loads(lake.read(key)) for key in before if key.endswith("SEAL.json")}
    order = ("apply", "apply", "ingest", "reconcile")
    applied, again, ingested, reconciled = world.esteira_each(*(commands[name] for name in order))
    return Story(
        killed, loaded, young, dry, unprivileged, applied, again, ingested, reconciled,
        before, deleted_before, lake.objects(), seals,
    )  # fmt: skip


def removals(result: Any) -> dict[str, str]:
    (found,) = result.facts["datasets"]
    return {removal["key"]: removal["reason"] for removal in found["removals"]}


def test_killed_attempts_leave_objects_that_no_seal_names(story: Story) -> None:
    assert [each.code for each in story.killed] == [-9, -9]
    assert story.loaded.code == 0, story.loaded.err
    strays = {key for key in story.before - story.named if "/part-" in key}
    assert {key.split("/")[0] for key in strays} == {"raw", "curated"}


def test_nothing_that_is_younger_than_a_week_is_removed(story: Story) -> None:
    assert story.young.code == 0, story.young.err
    assert removals(story.young) == {}


def test_a_dry_run_names_what_would_go_and_changes_nothing(story: Story) -> None:
    assert story.dry.code == 0, story.dry.err
    expected = {key for key in story.before - story.named if any(kind in key for kind in OF_AN_ATTEMPT)}
    assert removals(story.dry) == dict.fromkeys(expected, "orphan")
    assert not story.dry.facts["is_applied"]
    assert story.deleted_before == frozenset()


def test_the_pipelines_own_role_may_not_delete_and_the_error_says_who_may(story: Story) -> None:
    assert story.unprivileged.code == 77, story.unprivileged.err
    assert "ESTEIRA_UPKEEP_PROFILE" in story.unprivileged.err


def test_applying_removes_exactly_what_the_dry_run_named(story: Story) -> None:
    assert story.applied.code == 0, story.applied.err
    assert story.before - story.after == removals(story.dry).keys() == removals(story.applied).keys()
    assert story.after >= story.named | story.seals.keys()


def test_an_upload_that_nobody_completed_is_aborted_after_its_time(lake: RootsLake, story: Story) -> None:
    told = [[upload["key"] for upload in each.facts["uploads"]] for each in (story.young, story.dry, story.applied)]
    assert told == [[], [UPLOAD], [UPLOAD]]
    assert lake.uploads() == frozenset()


def test_a_second_run_finds_nothing(story: Story) -> None:
    assert (story.again.code, removals(story.again)) == (0, {})


def test_the_batch_stands_as_before_and_everything_agrees(world: Any, story: Story) -> None:
    (found,) = story.applied.facts["datasets"]
    assert found["reconciliation"]["differences"] == []
    assert story.reconciled.code == 0, story.reconciled.out
    assert story.ingested.code == 0, story.ingested.err
    assert story.ingested.facts[0]["batches"] == []
    assert len(world.loaded_rows(FLIGHTS, NAME)) == len(set(world.loaded_rows(FLIGHTS, NAME))) > 0


@pytest.fixture(scope="module")
def rebuilt(world: Any, commands: Any, story: Story) -> dict[str, Any]:
    """After the sweep: the batch again from raw and from curated, swept with its replaced generations, and again."""
    order = ("from raw", "from curated", "dry", "superseded", "reconcile")
    first = dict(zip(order, world.esteira_each(*(commands[name] for name in order)), strict=True))
    more = ("from curated", "from raw", "reconcile")
    second = world.esteira_each(*(commands[name] for name in more))
    return first | {f"again {name}": result for name, result in zip(more, second, strict=True)}


def test_the_batch_can_still_be_loaded_again_from_every_zone(rebuilt: dict[str, Any]) -> None:
    for name in ("from raw", "from curated"):
        assert rebuilt[name].code == 0, rebuilt[name].err


def test_a_replaced_generation_goes_only_when_it_is_asked_for(rebuilt: dict[str, Any], story: Story) -> None:
    assert removals(rebuilt["dry"]) == {}
    gone = removals(rebuilt["superseded"])
    assert gone.keys() >= {key for key in story.named if key.startswith("curated/")}
    assert set(gone.values()) == {"superseded"}


def test_without_its_replaced_generations_the_batch_agrees_and_can_be_loaded_again(
    world: Any, rebuilt: dict[str, Any]
) -> None:
    for name in ("superseded", "reconcile", "again from curated", "again from raw", "again reconcile"):
        assert rebuilt[name].code == 0, (name, rebuilt[name].err, rebuilt[name].out)
    assert [row for row in world.loaded_rows(FLIGHTS, NAME) if row[0] <= 2_000] == world.portal_rows(
        FLIGHTS, "id <= 2000"
    )


def test_a_deleted_object_can_be_brought_back(lake: RootsLake, story: Story) -> None:
    key = min(key for key in removals(story.applied) if "/part-" in key)
    assert key not in lake.objects()
    lake.restore(key)
    assert lake.read(key)


def test_the_run_names_itself_and_leaves_a_table(world: Any, story: Story) -> None:
    code = """
import json
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
with get_client(sync_client=True) as client:
    runs = client.read_flow_runs()
    found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=["maintenance"])))
    print(json.dumps({"runs": [run.name for run in runs], "tables": [artifact.data for artifact in found]}))
"""
    facts = world.python(code).facts
    assert {f"maintenance {IN_TEN_DAYS[:10]}", f"maintenance {IN_TEN_DAYS[:10]} dry run"} <= set(facts["runs"])
    assert any(f'"orphans": {len(removals(story.dry))}' in table for table in facts["tables"])


def test_a_table_with_ghost_rows_is_vacuumed_once(world: Any, write_contract: Any) -> None:
    name = "haunted"
    folder = str(write_contract(name, "flights", size=1_000, write='Upsert(key="id")'))
    loaded = world.esteira("ingest", name, "--as-of", AS_OF, "--datasets", folder)
    assert loaded.code == 0, loaded.err
    upkeep = ("maintenance", name, "--datasets", folder, "--json")
    for _ in range(3):  # PostgreSQL's autovacuum may come first; Redshift's would, too
        world.run(f"UPDATE dw.{name} SET id = id")
        (dry,), (applied,) = (each.facts["datasets"] for each in world.esteira_each(upkeep, (*upkeep, "--apply")))
        if applied["table"]["after"]:
            break
    assert dry["table"]["after"] is None
    assert any("VACUUM" in statement for statement in dry["table"]["statements"])
    after = applied["table"]["after"]
    assert after["stored_rows"] == after["rows"] == applied["table"]["health"]["rows"]


def test_a_table_that_somebody_changed_is_told_and_does_not_stop_another_dataset(
    world: Any, write_contract: Any
) -> None:
    folder = write_contract("changed_by_hand", "airlines")
    write_contract("left_alone", "airlines", folder=folder)
    names, rest = ("changed_by_hand", "left_alone"), ("--datasets", str(folder))
    loaded = world.esteira("ingest", *names, "--as-of", AS_OF, *rest)
    assert loaded.code == 0, loaded.err
    world.run("DELETE FROM dw.changed_by_hand WHERE carrier = 'AA'")
    told, printed = world.esteira_each(("maintenance", *names, *rest, "--json"), ("maintenance", *names, *rest))
    assert (told.code, printed.code) == (65, 65)
    assert "changed_by_hand" in told.err
    assert "do not agree" in told.err
    changed, alone = told.facts["datasets"]
    assert (len(changed["reconciliation"]["differences"]), alone["reconciliation"]["differences"]) == (1, [])
    assert "Dry run: nothing was changed." in printed.out
