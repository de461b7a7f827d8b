"""Exports on the stack: the command as a person gives it, files after loads, and what happens when one fails, is killed or has grown old."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.main_job.world import as_root

NAME = "exported_airlines"
DAYS = tuple(f"2014-01-0{day}T06:00Z" for day in range(2, 9))
CONTRACT = '''"""Airlines that are exported after each load, without the column that is called personal."""

import dataclasses

import pandas as pd
import pandera.pandas as pa

from datasets.airlines import DATASET as _BASE
from esteira.contract import Export, Quality, Upsert


class Airline(pa.DataFrameModel):
    """Airlines, one row per carrier."""

    carrier: pd.StringDtype = pa.Field(description="IATA carrier code")
    name: pd.StringDtype = pa.Field(description="Full name")
    secret: pd.StringDtype = pa.Field(description="Somebody", metadata={"pii": True})


def transform(frame):
    return frame.assign(secret="canary-" + frame["carrier"])


DATASET = dataclasses.replace(
    _BASE, name="exported_airlines", schema=Airline, transform=transform, derived=("secret",), quality=Quality(), write=Upsert(key="carrier"),
    exports=(Export("parquet", partition_by=("carrier",)), Export("csv", locale="en-US"), Export("xlsx", locale="pt-BR")),
)
'''


@dataclass(frozen=True)
class Shelf:
    """What lies below the exports of a dataset, as root sees it."""

    s3: Any
    glue: Any
    bucket: str

    def listed(self, below: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"export/{NAME}/{below}")
        return [entry["Key"] for entry in listed.get("Contents", ())]

    def history(self) -> list[tuple[str, str]]:
        """Keys and their versions: what was written again is another one."""
        found = self.s3.list_object_versions(Bucket=self.bucket, Prefix=f"export/{NAME}/")["Versions"]
        return sorted((each["Key"], each["VersionId"]) for each in found)

    def read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return content

    @property
    def latest(self) -> dict[str, Any]:
        return json.loads(self.read(f"export/{NAME}/latest.json"))

    @property
    def versions(self) -> list[str]:
        return [key.split("/")[2] for key in self.listed() if key.endswith("/VERSION.json")]

    def table(self) -> dict[str, Any]:
        return self.glue.get_table(DatabaseName="esteira_local", Name=NAME)["Table"]

    def partitions(self) -> dict[str, str]:
        found = self.glue.get_partitions(DatabaseName="esteira_local", TableName=NAME)["Partitions"]
        return {each["Values"][0]: each["StorageDescriptor"]["Location"] for each in found}

    @contextmanager
    def denied(self) -> Iterator[None]:
        """Nobody may write exports."""
        kept = self.s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        policy = json.loads(kept)
        where = f"arn:aws:s3:::{self.bucket}/export/*"
        policy["Statement"].append(
            {
                "Sid": "NoExports",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "s3:PutObject",
                "Resource": where,
            }
        )
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))
        try:
            yield
        finally:
            self.s3.put_bucket_policy(Bucket=self.bucket, Policy=kept)


@pytest.fixture(scope="module")
def shelf(world: Any) -> Shelf:
    return Shelf(as_root(world.stack, "s3"), as_root(world.stack, "glue"), world.stack.env["ESTEIRA_LAKE_BUCKET"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    (folder / f"{NAME}.py").write_text(CONTRACT)
    return folder


@pytest.fixture(scope="module")
def esteira(world: Any, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with world.warm(tmp_path_factory.mktemp("warm")) as line:
        yield lambda *arguments, **env: line.esteira(*arguments, "--datasets", str(folder), env=env)


@pytest.fixture(scope="module")
def loaded(esteira: Any) -> Any:
    done = esteira("ingest", NAME, "--as-of", DAYS[0], "--json")
    assert done.code == 0, done.err
    return done


def test_after_a_load_latest_names_a_version_whose_files_hold_the_table(world: Any, shelf: Shelf, loaded: Any) -> None:
    rows = world.query(f"SELECT carrier, name FROM dw.{NAME} ORDER BY carrier")
    said = shelf.latest
    assert (said["rows"], said["left_out"], said["columns"]) == (16, ["secret"], ["carrier", "name"])
    assert said["batch"] in said["version"]
    csv = pd.read_csv(
        io.BytesIO(shelf.read(f"export/{NAME}/latest/{NAME}.en-US.csv")), encoding="utf-8-sig", keep_default_na=False
    )
    book = openpyxl.load_workbook(io.BytesIO(shelf.read(f"export/{NAME}/latest/{NAME}.pt-BR.xlsx")))
    sheet = [tuple(cell.value for cell in line) for line in book["Dados"].iter_rows(min_row=2)]
    assert list(csv.itertuples(index=False, name=None)) == sheet == rows
    assert book.sheetnames == ["Dados", "Dicionário", "Sobre"]
    assert ("Último lote", said["batch"]) in [tuple(cell.value for cell in line) for line in book["Sobre"].iter_rows()]


def test_the_catalogues_table_leads_to_the_parquet_files_of_that_version(world: Any, shelf: Shelf, loaded: Any) -> None:
    table, said = shelf.table(), shelf.latest
    assert table["Parameters"]["esteira_version"] == said["version"]
    assert [each["Name"] for each in table["PartitionKeys"]] == ["carrier"]
    assert [(each["Name"], each["Type"], each["Comment"]) for each in table["StorageDescriptor"]["Columns"]] == [
        ("name", "string", "Full name")
    ]
    read = {}
    for carrier, place in shelf.partitions().items():
        (key,) = shelf.listed(place.split(f"/export/{NAME}/")[1])
        (read[carrier],) = pq.read_table(io.BytesIO(shelf.read(key))).to_pylist()
    assert [(carrier, row["name"]) for carrier, row in sorted(read.items())] == world.query(
        f"SELECT carrier, name FROM dw.{NAME} ORDER BY carrier"
    )


def test_no_object_of_the_exports_holds_a_personal_column(shelf: Shelf, loaded: Any) -> None:
    contents = [shelf.read(key) for key in shelf.listed()]
    assert len(contents) > 5
    assert not [content for content in contents if b"canary-" in content]


def test_a_run_without_anything_new_makes_no_other_version(shelf: Shelf, esteira: Any, loaded: Any) -> None:
    before = shelf.history()
    assert esteira("ingest", NAME, "--as-of", DAYS[0]).code == 0
    assert shelf.history() == before


@pytest.mark.fault(61)
def test_an_export_that_fails_leaves_the_run_and_the_old_latest_alone_and_the_next_run_makes_up_for_it(
    world: Any, shelf: Shelf, esteira: Any, loaded: Any
) -> None:
    before = shelf.latest
    with shelf.denied():
        done = [esteira("ingest", NAME, "--as-of", day, "--json") for day in DAYS[1:3]]
    assert [each.code for each in done] == [0, 0]
    assert [batch["unchanged"] for each in done for report in each.facts for batch in report["batches"]] == [16, 16]
    assert shelf.latest == before
    assert esteira("ingest", NAME, "--as-of", DAYS[2]).code == 0
    assert shelf.latest["sequence"] == before["sequence"] + 2
    _wait(lambda: any("recovered" in each for each in _told(world)))
    assert len([each for each in _told(world) if f"{NAME} failed" in each]) == 1


@pytest.mark.parametrize("place", ["export.rows", "export.file", "export.version"])
def test_a_run_that_is_killed_while_it_exports_leaves_the_old_latest_and_the_next_one_goes_on(
    shelf: Shelf, esteira: Any, loaded: Any, place: str
) -> None:
    before = shelf.latest
    files = {key: shelf.read(key) for key in shelf.listed("latest/")}
    day = DAYS[3 + ("export.rows", "export.file", "export.version").index(place)]
    killed = esteira("ingest", NAME, "--as-of", day, ESTEIRA_FAILPOINT=f"{place}:kill")
    assert killed.code == -9
    assert (shelf.latest, {key: shelf.read(key) for key in shelf.listed("latest/")}) == (before, files)
    assert esteira("ingest", NAME, "--as-of", day).code == 0
    assert shelf.latest["sequence"] > before["sequence"]
    assert shelf.table()["Parameters"]["esteira_version"] == shelf.latest["version"]


def test_a_person_gets_a_file_in_the_place_of_the_old_one_with_its_mode_and_a_line_that_says_what_is_in_it(
    esteira: Any, loaded: Any, tmp_path: Path
) -> None:
    out = tmp_path / "airlines.csv"
    out.write_text("old")
    out.chmod(0o640)
    done = esteira("export", NAME, "--locale", "pt-BR", "--out", str(out))
    assert done.code == 0, done.err
    assert f"Replaced {out}: 16 rows of {NAME}" in done.out
    assert "Left out, since they are personal: secret." in done.out
    assert "the warehouse unloads the table" in done.err
    assert out.stat().st_mode & 0o777 == 0o640
    assert out.read_text("utf-8-sig").splitlines()[:2] == ['"carrier";"name"', '"9E";"Endeavor Air Inc."']
    assert [path.name for path in tmp_path.iterdir()] == ["airlines.csv"]


def test_personal_columns_are_in_a_file_for_who_asks_for_them(esteira: Any, loaded: Any, tmp_path: Path) -> None:
    out = tmp_path / "airlines.parquet"
    done = esteira("export", NAME, "--personal", "--out", str(out), "--json")
    assert (done.code, done.facts["rows"], done.facts["left_out"]) == (0, 16, [])
    assert pq.read_table(out).column_names == ["carrier", "name", "secret"]


def test_an_export_that_cannot_be_made_says_what_to_do_and_leaves_the_old_file(
    shelf: Shelf, esteira: Any, loaded: Any, tmp_path: Path
) -> None:
    out = tmp_path / "airlines.xlsx"
    out.write_bytes(b"old")
    with shelf.denied():
        done = esteira("export", NAME, "--out", str(out))
    assert (done.code, out.read_bytes()) == (77, b"old")
    assert "s3:PutObject on export/*" in done.err
    nowhere = esteira("export", NAME, "--out", str(tmp_path / "no" / "airlines.xlsx"))
    assert (nowhere.code, "Name another file with --out" in nowhere.err) == (78, True)
    assert [path.name for path in tmp_path.iterdir()] == ["airlines.xlsx"]


def test_maintenance_removes_versions_that_are_old_and_never_the_latest(
    shelf: Shelf, esteira: Any, loaded: Any
) -> None:
    before, latest = shelf.versions, shelf.latest
    assert len(before) >= 2
    later = (datetime.now(UTC) + timedelta(days=31)).isoformat()
    done = esteira("maintenance", NAME, "--apply", "--as-of", later, "--json", ESTEIRA_EXPORT_VERSIONS="1")
    assert done.code == 0, done.err
    assert (shelf.versions, shelf.latest) == ([latest["version"]], latest)
    assert shelf.listed("latest/") == [
        f"export/{NAME}/latest/{NAME}.{suffix}" for suffix in ("en-US.csv", "pt-BR.xlsx")
    ]
    assert all(shelf.read(file["key"]) for file in latest["files"] if file["name"])


def test_an_erased_person_is_in_no_version_of_any_export_and_latest_is_made_again_without_them(
    world: Any, shelf: Shelf, esteira: Any, loaded: Any
) -> None:
    assert b"Endeavor" in shelf.read(f"export/{NAME}/latest/{NAME}.en-US.csv")
    before = shelf.latest
    done = esteira("erase", NAME, "--key", "carrier=9E", "--request", "R-1", "--apply")
    assert done.code == 0, done.err
    found = shelf.s3.list_object_versions(Bucket=shelf.bucket, Prefix=f"export/{NAME}/")
    assert not {each["Key"].split("/")[2] for each in found["Versions"]} & {before["version"]}
    contents = [
        shelf.s3.get_object(Bucket=shelf.bucket, Key=each["Key"], VersionId=each["VersionId"])["Body"].read()
        for each in found["Versions"]
    ]
    assert not [content for content in contents if b"Endeavor" in content]
    assert (shelf.latest["rows"], "9E" in shelf.partitions()) == (15, False)
    assert shelf.table()["Parameters"]["esteira_version"] == shelf.latest["version"]


def _told(world: Any) -> list[str]:
    """Messages to Slack about this dataset."""
    return [each for each in world.messages() if NAME in each]


def _wait(is_true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.2)
