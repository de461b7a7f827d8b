"""What a refused drop leaves in the lake goes when its file does, and the same bytes may be dropped again afterwards."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from esteira.contract import Dataset
from esteira.curate import curate
from esteira.errors import DataQualityError
from esteira.extraction.files import keep_file
from esteira.file_batch import file_batch
from esteira.lake import Lake, Provenance, Seal, SealedFile
from esteira.lake.files import file_hash
from esteira.lake.sweep import SweptLake
from esteira.upkeep import SweepPlan, SweepPolicy, plan_sweep
from esteira.upkeep.refused import REFUSED_AGE
from esteira.warehouse import LedgerEntry
from tests.conventions.sources import ROOT
from tests.core.test_quarantine_files import DAY, TEXT, contract

STRICT, HOUR = contract(limit=0.0), timedelta(hours=1)
PLACE = "inbox/sales/sales.csv?versionId=1"


@pytest.fixture
def swept(s3: Any, session: boto3.Session) -> SweptLake:
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    return SweptLake("lake", session)


def kept(folder: Path, lake: Lake, place: str = PLACE) -> Seal:
    path = folder / "sales.csv"
    path.write_text(TEXT)
    file = SealedFile("sales.csv", path.stat().st_size, file_hash(path), DAY, place)
    return keep_file(STRICT, path, Provenance(file=file), lake)


def refused(folder: Path, lake: Lake, place: str = PLACE) -> Seal:
    raw = kept(folder, lake, place)
    with pytest.raises(DataQualityError):
        curate(STRICT, raw, lake=lake)
    return raw


def plan(lake: SweptLake, *entries: LedgerEntry, age: timedelta = REFUSED_AGE + HOUR) -> SweepPlan:
    survey = lake.survey("sales")
    youngest = max((each.modified_at for each in survey.stored), default=datetime.now(UTC))
    return plan_sweep("sales", entries, survey, SweepPolicy(), youngest + age)


def sweep(lake: SweptLake, found: SweepPlan) -> None:
    for stone in found.stones:
        lake.put_tombstone(*stone)
    lake.delete(each.key for each in found.removals)


def entry(dataset: Dataset, raw: Seal, seal: Seal) -> LedgerEntry:
    assert raw.provenance.file is not None
    window = file_batch(dataset, raw.provenance.file).window
    return LedgerEntry(raw.batch, window.start, window.end, seal_hash=seal.hash, generation=seal.generation)


def test_raw_and_what_an_attempt_stored_go_when_all_of_it_is_old(swept: SweptLake, tmp_path: Path):
    raw = refused(tmp_path, swept)
    found = plan(swept)
    assert {each.reason for each in found.removals} == {"refused"}
    assert {part.key for part in raw.parts} < {each.key for each in found.removals}
    assert not [each.key for each in found.removals if each.key.endswith("SEAL.json")]
    assert plan(swept, age=REFUSED_AGE - HOUR) == SweepPlan("sales")


def test_the_days_are_those_of_the_rejected_files_themselves():
    text = (ROOT / "infra" / "lake.yaml").read_text(encoding="utf-8")
    days = re.search(r"Prefix: inbox-rejected/\s+ExpirationInDays: (\d+)", text)
    assert days is not None
    assert timedelta(days=int(days[1])) == REFUSED_AGE


def test_a_batch_of_the_ledger_goes_by_the_ledgers_rules(swept: SweptLake, tmp_path: Path):
    raw = kept(tmp_path, swept)
    committed = entry(contract(), raw, curate(contract(), raw, lake=swept))
    assert plan(swept, committed) == SweepPlan("sales")


def test_a_portals_file_that_is_not_loaded_stays(swept: SweptLake, tmp_path: Path):
    refused(tmp_path, swept, place="https://portal.example/sales.csv")
    assert plan(swept).removals == ()


def test_the_same_bytes_begin_a_new_generation_that_is_loaded_and_kept(swept: SweptLake, tmp_path: Path):
    first = refused(tmp_path, swept)
    sweep(swept, plan(swept))
    assert plan(swept) == SweepPlan("sales")
    again = kept(tmp_path, swept)
    assert (again.batch, again.generation) == (first.batch, 2)
    made = curate(contract(), again, lake=swept)
    assert (made.raw_generation, made.curated, made.quarantined) == (2, 1, 3)
    assert plan(swept, entry(contract(), again, made)).removals == ()


def test_a_drop_that_is_refused_again_goes_again(swept: SweptLake, tmp_path: Path):
    refused(tmp_path, swept)
    sweep(swept, plan(swept))
    again = refused(tmp_path, swept)
    found = plan(swept)
    assert {part.key for part in again.parts} <= {each.key for each in found.removals}
    sweep(swept, found)
    assert kept(tmp_path, swept).generation == 3


def test_a_drop_that_was_refused_behind_its_curated_seal_is_swept_too(swept: SweptLake, tmp_path: Path):
    """A rule about the whole batch refuses it in the warehouse."""
    raw = kept(tmp_path, swept)
    made = curate(contract(), raw, lake=swept)
    found = plan(swept)
    assert {part.key for part in (*raw.parts, *made.parts, *made.quarantine)} <= {each.key for each in found.removals}
    sweep(swept, found)
    again = curate(contract(), kept(tmp_path, swept), lake=swept)
    assert (again.generation, again.curated) == (2, 1)


def test_a_sweep_that_dies_behind_the_tombstones_is_done_again(swept: SweptLake, tmp_path: Path):
    refused(tmp_path, swept)
    found = plan(swept)
    for stone in found.stones:
        swept.put_tombstone(*stone)
    assert plan(swept).removals == found.removals
    sweep(swept, plan(swept))
    assert kept(tmp_path, swept).generation == 2
