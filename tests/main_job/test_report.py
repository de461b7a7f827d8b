"""The quality pages after real runs: in S3 with their type, linked from the artifacts, true, masked, and never in a load's way."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.core.reported import read
from tests.main_job.world import as_root

NAME = "reported_airlines"
DAYS = ("2014-01-02T06:00Z", "2014-01-03T06:00Z", "2014-01-04T06:00Z")
BAD_CARRIER, BAD_NAME = "9E", "Endeavor Air Inc."
CONTRACT = '''"""Airlines of which one breaks a rule, and whose names are personal."""

import dataclasses

import pandas as pd
import pandera.pandas as pa

from datasets.airlines import DATASET as _BASE
from esteira.contract import Quality


class Airline(pa.DataFrameModel):
    """Airlines with a code of two letters."""

    carrier: pd.StringDtype = pa.Field(str_matches=r"^[A-Z]{2}$", description="Carrier code")
    name: pd.StringDtype = pa.Field(str_matches=r"^(?!Endeavor)", description="Full name", metadata={"pii": True})


DATASET = dataclasses.replace(_BASE, name="reported_airlines", title={}, schema=Airline, quality=Quality(max_quarantine_ratio=0.5))
'''
ARTIFACTS = """
import json
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
with get_client(sync_client=True) as client:
    keys = ["reported-airlines-summary", "reported-airlines-report", "catalogue"]
    found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=keys)))
    print(json.dumps([artifact.data for artifact in found]))
"""


@dataclass(frozen=True)
class Shelf:
    """What a run left below `report/html/`, as root sees it."""

    s3: Any
    bucket: str

    def keys(self, prefix: str = "report/html/") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for entry in listed.get("Contents", ())]

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    def text(self, key: str, language: str = "en") -> str:
        return read(self.read(key), language).text


@pytest.fixture(scope="module")
def shelf(world: Any) -> Shelf:
    return Shelf(as_root(world.stack, "s3"), world.stack.env["ESTEIRA_LAKE_BUCKET"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reported")
    (folder / f"{NAME}.py").write_text(CONTRACT)
    return folder


@pytest.fixture(scope="module")
def loaded(world: Any, folder: Path) -> list[Any]:
    """Two days."""
    return world.esteira_each(
        *(("ingest", NAME, "--as-of", day, "--datasets", str(folder), "--json") for day in DAYS[:2])
    )


@pytest.fixture(scope="module")
def batches(loaded: list[Any]) -> list[str]:
    assert [each.code for each in loaded] == [0, 0], [each.err for each in loaded]
    return [batch["batch"] for each in loaded for report in each.facts for batch in report["batches"]]


def test_each_batch_has_its_page_and_the_dataset_a_latest_one(shelf: Shelf, batches: list[str]):
    expected = {f"report/html/{NAME}/{batch}/1.html" for batch in batches} | {f"report/html/{NAME}/latest.html"}
    assert set(shelf.keys(f"report/html/{NAME}/")) == expected
    assert shelf.read(f"report/html/{NAME}/latest.html") == shelf.read(f"report/html/{NAME}/{batches[1]}/1.html")


def test_a_page_and_the_catalogue_are_html_to_a_browser(shelf: Shelf, batches: list[str]):
    for key in (f"report/html/{NAME}/{batches[0]}/1.html", "report/html/index.html"):
        assert shelf.s3.head_object(Bucket=shelf.bucket, Key=key)["ContentType"] == "text/html; charset=utf-8"


def test_a_page_counts_what_plain_sql_counts(world: Any, shelf: Shelf, batches: list[str]):
    with closing(sqlite3.connect(world.portal_database)) as portal:
        ((total, bad),) = portal.execute("SELECT COUNT(*), SUM(carrier GLOB '*[0-9]*') FROM airlines").fetchall()
    ((rows,),) = world.query(f"SELECT COUNT(*) FROM dw.{NAME}")
    assert (total, bad, rows) == (16, 3, 13)
    text = shelf.text(f"report/html/{NAME}/{batches[1]}/1.html")
    assert f"reported {total} 100 %" in text
    assert f"curated {rows} 81.2 %" in text
    assert f"quarantined {bad} 18.8 %" in text
    assert f"Rows in the table {rows}" in text
    assert "must match \u2068'^[A-Z]{2}$'\u2069" in text
    assert f"Carregado com {bad} linhas em quarentena" in shelf.text(f"report/html/{NAME}/latest.html", "pt-BR")


def test_a_refused_value_is_shown_and_a_personal_one_never(shelf: Shelf, batches: list[str]):
    page = shelf.read(f"report/html/{NAME}/{batches[1]}/1.html")
    text = read(page).text
    assert f"page 1, record 1 {BAD_CARRIER}" in text
    assert "page 1, record 1 ***" in text
    assert BAD_NAME not in text
    assert b"United Air Lines" not in page


def test_the_artifacts_lead_to_the_page(world: Any, batches: list[str]):
    found = world.python(ARTIFACTS).facts
    address = f"{world.stack.env['ESTEIRA_REPORT_URL']}/{NAME}/{batches[1]}/1.html"
    assert any(f"[Quality page]({address})" in data for data in found)
    assert any(f"esteira report {NAME} --batch {batches[1]}" in data for data in found)
    assert f"[Data catalogue]({world.stack.env['ESTEIRA_REPORT_URL']}/index.html)" in found
    assert any(data.startswith("[reported_airlines") and data.endswith(f"({address})") for data in found)


def test_the_command_makes_the_same_page_without_a_browser(
    world: Any, folder: Path, batches: list[str], tmp_path: Path
):
    out = tmp_path / "page.html"
    done = world.esteira(
        "report", NAME, "--batch", batches[0], "--out", str(out), "--no-open", "--datasets", str(folder)
    )
    assert (done.code, done.out.strip()) == (0, str(out))
    assert batches[0] in read(out.read_bytes()).text
    assert not [address for address in read(out.read_bytes()).addresses if address.startswith("..")]


def test_a_batch_that_the_ledger_does_not_hold_is_named_with_a_next_step(world: Any, folder: Path, loaded: Any):
    done = world.esteira("report", NAME, "--batch", "2013-01-01-00000000", "--no-open", "--datasets", str(folder))
    assert done.code == 78
    assert f"The ledger of {NAME} holds no batch 2013-01-01-00000000." in done.err
    assert f"`esteira status {NAME}` lists the last batches." in done.err


def test_a_page_that_s3_refuses_is_a_warning_and_the_batch_is_in(
    world: Any, shelf: Shelf, folder: Path, batches: list[str]
):
    kept = shelf.s3.get_bucket_policy(Bucket=shelf.bucket)["Policy"]
    policy = json.loads(kept)
    policy["Statement"].append(
        {
            "Sid": "NoPages",
            "Effect": "Deny",
            "Principal": {"AWS": "*"},
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{shelf.bucket}/report/html/*",
        }
    )
    shelf.s3.put_bucket_policy(Bucket=shelf.bucket, Policy=json.dumps(policy))
    try:
        done = world.esteira("ingest", NAME, "--as-of", DAYS[2], "--datasets", str(folder), "--json")
    finally:
        shelf.s3.put_bucket_policy(Bucket=shelf.bucket, Policy=kept)
    assert done.code == 0, done.err
    (batch,) = [batch for report in done.facts for batch in report["batches"]]
    assert batch["inserted"] + batch["unchanged"] + batch["updated"] == 13
    assert f"report/html/{NAME}/{batch['batch']}/1.html" not in shelf.keys(f"report/html/{NAME}/")


def test_an_undone_batch_says_so_on_the_latest_page_and_its_old_page_leads_there(
    world: Any, shelf: Shelf, folder: Path, batches: list[str]
):
    newest = world.esteira("status", NAME, "--datasets", str(folder), "--json").facts[0]["last"][0]["batch_id"]
    done = world.esteira("undo", newest, "--dataset", NAME, "--reason", "the wrong year", "--datasets", str(folder))
    assert done.code == 0, done.err
    latest = shelf.text(f"report/html/{NAME}/latest.html")
    assert "Taken out of the warehouse the wrong year" in latest
    old = read(shelf.read(f"report/html/{NAME}/{newest}/1.html"))
    assert "A later generation (2) replaced the rows of this one." in old.text
    assert "2.html" in old.addresses


def test_status_says_where_the_pages_are(world: Any, loaded: Any):
    done = world.esteira("status")
    assert f"Quality pages: {world.stack.env['ESTEIRA_REPORT_URL']}/index.html" in done.out
