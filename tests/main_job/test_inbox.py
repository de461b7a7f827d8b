"""Files that are dropped: loaded once whatever happens, kept byte for byte, given back with a letter when they cannot be taken."""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.main_job.dropped import Office, batches, contract, facts, sales

FIRST, OTHER = {"a": "1.234,56", "b": "2,00"}, {"a": "3,00", "c": "4,00"}
LOADED = [("a", 1234.56), ("b", 2.0)]
POINTS = (
    "extract.part", "extract.seal", "curate.part", "curate.seal", "load.copy", "load.commit", "inbox.remove",
)  # fmt: skip


@pytest.fixture(scope="module")
def office(world: Any) -> Office:
    return Office(world)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contracts of these stories, all in one folder: whose a file is, its own folder says."""
    made = tmp_path_factory.mktemp("dropped")
    for point in POINTS:
        contract(made, table_of(point))
    contract(made, "drop_once")
    contract(made, "drop_corrected", write='Upsert(key="code")')
    contract(made, "drop_replaced", write="Replace()")
    contract(made, "drop_refused")
    contract(made, "drop_at_once")
    contract(made, "drop_hand", source='match="*.xlsx"')
    contract(made, "drop_undone", write="Replace()")
    contract(made, "drop_swept", ratio=0.0)
    contract(made, "drop_seen", write="Replace()")
    for name in ("drop_event", "drop_paused", "drop_denied"):
        contract(made, name)
    return made


@pytest.fixture(scope="module")
def ingest(world: Any, folder: Path) -> Any:
    def run(name: str, *more: str, **env: str) -> Any:
        return world.esteira("ingest", name, "--datasets", str(folder), "--json", *more, env=env)

    return run


def table_of(point: str) -> str:
    return "drop_" + point.replace(".", "_")


@pytest.mark.fault(54)
def test_a_death_between_any_two_steps_loads_the_file_once(world: Any, office: Office, folder: Path, tmp_path: Path):
    """Append shows a second load as duplicate rows."""
    with world.warm(tmp_path) as line:
        for point in POINTS:
            name = table_of(point)
            office.drop(name, "sales.csv", sales(FIRST))
            command = ("ingest", name, "--datasets", str(folder), "--json")
            killed = line.esteira(*command, env={"ESTEIRA_FAILPOINT": f"{point}:kill"})
            assert killed.code == -9, f"{point}: {killed}"
            if point != "inbox.remove":
                assert office.waiting(name), f"{point}: the file left the inbox before it was loaded"
            again = line.esteira(*command)
            assert again.code == 0, f"{point}: {again}"
            assert office.table(name) == LOADED, point
            assert office.waiting(name) == [], point


def test_a_file_is_loaded_and_kept_byte_for_byte(office: Office, ingest: Any):
    office.drop("drop_once", "vendas março.csv", sales(FIRST))
    (batch,) = batches(ingest("drop_once"))
    assert office.table("drop_once") == LOADED
    assert (batch["extracted"], batch["curated"], batch["quarantined"], batch["is_new"]) == (2, 2, 0, True)
    assert office.raw_file("drop_once", batch["batch"]) == sales(FIRST)
    again = batches(ingest("drop_once"))
    assert again == []
    office.drop("drop_once", "copy of vendas.csv", sales(FIRST))
    (known,) = batches(ingest("drop_once"))
    assert (known["batch"], known["is_new"]) == (batch["batch"], False)
    assert (office.table("drop_once"), office.waiting("drop_once")) == (LOADED, [])


def test_a_corrected_file_of_the_same_name_merges_or_replaces_by_the_contract(office: Office, ingest: Any):
    for name, wanted in (
        ("drop_corrected", [("a", 3.0), ("b", 2.0), ("c", 4.0)]),
        ("drop_replaced", [("a", 3.0), ("c", 4.0)]),
    ):
        office.drop(name, "sales.csv", sales(FIRST))
        first = batches(ingest(name))
        office.drop(name, "sales.csv", sales(OTHER))
        second = batches(ingest(name))
        assert first[0]["batch"] != second[0]["batch"]
        assert office.table(name) == wanted


def test_what_cannot_be_taken_comes_back_with_a_letter_and_stops_no_other(office: Office, ingest: Any, world: Any):
    bad = {
        "empty.csv": b"",
        "notes.txt": b"x",
        "other columns.csv": b"x;y\r\n1;2\r\n",
        "all bad.csv": sales({"a": "x", "b": "y"}),
    }
    for name, content in bad.items():
        office.drop("drop_refused", name, content)
    office.drop("drop_refused", "good.csv", sales(FIRST))
    done = ingest("drop_refused")
    assert done.code == 65, done
    assert office.table("drop_refused") == LOADED
    assert office.waiting("drop_refused") == []
    back = office.returned("drop_refused")
    assert {name: back[name] for name in bad} == bad
    for name in bad:
        letter = back[f"{name}.MOTIVO-REASON.txt"].decode("utf-8-sig")
        assert "NÃO foi carregado" in letter
        assert "NOT loaded" in letter
        assert name in letter
    kinds = {each["key"].rpartition("/")[2]: each["kind"] for each in facts(done)["rejected"]}
    assert kinds["empty.csv"] == "empty"
    assert kinds["notes.txt"] == "name"
    assert kinds["all bad.csv"] == "rows"
    assert "B2 (amount: type), B3 (amount: type)" in back["all bad.csv.MOTIVO-REASON.txt"].decode("utf-8-sig")
    told = [message for message in world.messages() if "drop_refused" in message]
    assert any("B2 (amount: type), B3 (amount: type)" in message for message in told), told
    assert any("inbox-rejected/" in message for message in told), told


@pytest.mark.fault(51)
@pytest.mark.fault(60)
def test_two_runs_of_the_same_drop_at_once_load_it_once(office: Office, folder: Path):
    version = office.drop("drop_at_once", "sales.csv", sales(FIRST))
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: office.event("inbox/drop_at_once/sales.csv", version, folder), range(2)))
    assert [each.code for each in both] == [0, 0], both
    assert office.table("drop_at_once") == LOADED
    assert office.waiting("drop_at_once") == []


@pytest.mark.fault(60)
@pytest.mark.fault(68)
def test_an_event_is_no_proof_and_comes_twice_late_and_out_of_order(office: Office, folder: Path):
    key = "inbox/drop_event/sales.csv"
    first = office.drop("drop_event", "sales.csv", sales(FIRST))
    second = office.drop("drop_event", "sales.csv", sales(OTHER))
    told = [json.loads(office.event(key, version, folder).out) for version in (second, first, second, "none")]
    assert [each["state"] for each in told] == ["COMPLETED"] * 4
    assert [each["is_new"] for each in told] == [True, True, None, None]
    assert office.table("drop_event") == sorted([*LOADED, ("a", 3.0), ("c", 4.0)])
    for bucket, place in (("another", key), (office.bucket, "raw/drop_event/x.csv")):
        stranger = json.loads(office.event(place, first, folder, bucket=bucket).out)
        assert (stranger["state"], stranger["kind"]) == ("FAILED", "ConfigError")
        assert "Nothing was read" in stranger["message"]


def test_a_file_in_a_folder_that_is_no_datasets_comes_back(office: Office, folder: Path):
    version = office.drop("drop_evnt", "sales.csv", sales(FIRST))
    told = json.loads(office.event("inbox/drop_evnt/sales.csv", version, folder).out)
    assert (told["state"], told["kind"]) == ("COMPLETED", "Rejected")
    assert "inbox/drop_event/" in office.returned("drop_evnt")["sales.csv.MOTIVO-REASON.txt"].decode("utf-8-sig")


def test_an_earlier_file_again_is_given_back_and_undo_brings_it_back(
    office: Office, ingest: Any, world: Any, folder: Path
):
    name = "drop_undone"
    for content in (FIRST, OTHER):
        office.drop(name, "sales.csv", sales(content))
        (batch,) = batches(ingest(name))
    office.drop(name, "sales.csv", sales(FIRST))
    assert facts(ingest(name))["rejected"][0]["kind"] == "older"
    assert office.table(name) == [("a", 3.0), ("c", 4.0)]
    undone = world.esteira("undo", batch["batch"], "--dataset", name, "--datasets", str(folder))
    assert undone.code == 0, undone
    assert office.table(name) == LOADED
    office.drop(name, "sales.csv", sales(OTHER))
    assert facts(ingest(name))["rejected"][0]["kind"] == "undone"
    again = ingest(name, "--from", "raw", "--batch", batch["batch"])
    assert again.code == 0, again
    assert office.table(name) == [("a", 3.0), ("c", 4.0)]
    portal = ingest(name, "--from", "portal")
    assert (portal.code, "nothing to ask for again" in portal.err) == (78, True)


def test_a_person_drops_from_a_laptop(office: Office, world: Any, folder: Path, tmp_path: Path):
    file = tmp_path / "sales.xlsx"
    file.write_bytes(b"x")

    def drop(path: Path, name: str) -> Any:
        return world.esteira("drop", str(path), "--dataset", name, "--datasets", str(folder))

    done = drop(file, "drop_hand")
    assert (done.code, "esteira ingest drop_hand" in done.out) == (0, True), done
    assert len(office.waiting("drop_hand")) == 1
    wrong = drop(file, "drop_once")
    assert (wrong.code, "does not match '*.csv'" in wrong.err) == (65, True), wrong
    unknown = drop(file, "nobody")
    assert unknown.code == 78


def test_what_waits_for_a_paused_dataset_stays_in_the_inbox(office: Office, ingest: Any, world: Any, folder: Path):
    version = office.drop("drop_paused", "sales.csv", sales(FIRST))
    paused, resumed = (
        [command, "drop_paused", "--datasets", str(folder), *more]
        for command, more in (("pause", ["--reason", "stocktaking"]), ("resume", []))
    )
    assert world.esteira(*paused).code == 0
    held = ingest("drop_paused")
    told = json.loads(office.event("inbox/drop_paused/sales.csv", version, folder).out)
    assert (held.code, told["state"], office.waiting("drop_paused")) == (0, "COMPLETED", [version])
    assert world.esteira(*resumed).code == 0
    assert len(batches(ingest("drop_paused"))) == 1
    assert (office.table("drop_paused"), office.waiting("drop_paused")) == (LOADED, [])


@pytest.mark.fault(34)
def test_what_is_not_the_files_fault_leaves_it_waiting(office: Office, ingest: Any):
    version = office.drop("drop_denied", "sales.csv", sales(FIRST))
    denied = ingest("drop_denied", AWS_PROFILE="laptop")
    assert (denied.code, "AuthError" in denied.err) == (77, True), denied
    assert (office.waiting("drop_denied"), office.returned("drop_denied")) == ([version], {})
    assert len(batches(ingest("drop_denied"))) == 1


def test_what_waits_is_previewed_and_refused_cells_are_written_for_who_corrects_them(
    office: Office, ingest: Any, world: Any, folder: Path, tmp_path: Path
):
    def command(name: str, *more: str) -> Any:
        return world.esteira(name, "drop_seen", *more, "--datasets", str(folder))

    nothing = command("preview")
    assert (nothing.code, "--file FILE" in nothing.err) == (78, True), nothing
    version = office.drop("drop_seen", "sales.csv", sales({"a": "1,00", "b": "=1+1"}))
    seen = command("preview")
    assert seen.code == 0, seen
    assert "which waits in inbox/drop_seen/sales.csv" in seen.out
    assert "Validation: 1 of 2 rows would be quarantined, within the limit of 50.00%" in seen.out
    assert "B3" in seen.out
    assert office.waiting("drop_seen") == [version]
    assert len(batches(ingest("drop_seen"))) == 1
    office.drop("drop_seen", "unreadable.csv", b"x;y\r\n1;2\r\n")
    assert ingest("drop_seen").code == 65
    listed = command("quarantine")
    assert "is dropped again" in listed.out, listed
    done = command("quarantine", "--csv", str(tmp_path / "refused.csv"))
    assert (done.code, "its rows cannot be told. unreadable.csv" in done.out) == (0, True), done
    (row,) = csv.DictReader((tmp_path / "refused.csv").read_text(encoding="utf-8-sig").splitlines(), delimiter=";")
    assert (row["file"], row["where"], row["value"]) == ("sales.csv", "B3", "'=1+1")


def test_what_a_refused_drop_left_is_swept_and_the_same_bytes_load_afterwards(
    office: Office, ingest: Any, world: Any, folder: Path
):
    content = sales({"a": "1,00", "b": "x"})

    def maintain(days: int) -> Any:
        moment = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        options = ("--as-of", moment, "--apply", "--json", "--datasets", str(folder))
        done = world.esteira("maintenance", "drop_swept", *options)
        return [each["reason"] for each in json.loads(done.out)["datasets"][0]["removals"]]

    office.drop("drop_swept", "sales.csv", content)
    assert ingest("drop_swept").code == 65
    assert maintain(89) == []
    assert set(maintain(91)) == {"refused"}
    contract(folder, "drop_swept", ratio=0.5)
    office.drop("drop_swept", "sales.csv", content)
    assert len(batches(ingest("drop_swept"))) == 1
    assert office.table("drop_swept") == [("a", 1.0)]
    assert maintain(300) == []
