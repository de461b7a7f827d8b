"""`esteira erase` on the stack: afterwards a canary is nowhere, in no version of any object, no table, no log and no database of Prefect."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.aws.bootstrap import REGION
from local.state import StateFolder
from tests.main_job.conftest import _BLOCKS
from tests.prefect_state import kept_by_prefect

pytestmark = pytest.mark.long
CANARY = "canary-3141592653"
DAYS = ("2014-01-02T06:00Z", "2014-01-03T06:00Z", "2014-01-04T06:00Z")
IN_TEN_DAYS = (datetime.now(UTC) + timedelta(days=10)).isoformat()
CONTRACT = '''"""People of a test."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, NextLink, Quality, Replace, Scd2, Upsert  # noqa: F401


class Person(pa.DataFrameModel):
    """People, one row per document."""

    document: pd.StringDtype = pa.Field(description="Document")
    years: pd.Int64Dtype = pa.Field(ge=0, description="Age")


DATASET = Dataset(
    name="{name}",
    source=ApiSource(
        portal="portal-people", path="/people.json", records="data.rows", paginator=NextLink(body="next_url"), total="count",
        rename={{"doc": "document"}}, pages_per_part=1,
    ),
    schema=Person,
    write={write},
    quality=Quality(max_quarantine_ratio=0.5),
)
'''
FROM_STDIN = f"import io, sys; sys.stdin = io.StringIO('document={CANARY}\\n'); from cli.main import main; main()"


@dataclass
class People:
    """A portal of two pages; the first page's cursor is its last document."""

    url: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def day(self, canarys_age: int | None) -> None:
        """What the portal says of a day; without an age it has erased the canary."""
        canary = [] if canarys_age is None else [{"doc": CANARY, "years": canarys_age}]
        others = [{"doc": f"person-{number}", "years": 20 + number} for number in range(4)]
        self.rows = [others[0], *canary, *others[1:]]

    def page(self, after: str | None) -> dict[str, Any]:
        start = next((place + 1 for place, row in enumerate(self.rows) if row["doc"] == after), 0)
        rows = self.rows[start : start + 2]
        is_last = start + 2 >= len(self.rows)
        next_url = None if is_last else f"{self.url}/people.json?after={rows[-1]['doc']}"
        return {"count": len(self.rows), "data": {"rows": rows}, "next_url": next_url}


@pytest.fixture(scope="module")
def people(world: Any) -> Iterator[People]:
    portal = People()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            after = parse_qs(urlsplit(self.path).query).get("after", [None])[0]
            body = json.dumps(portal.page(after)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    portal.url = f"http://127.0.0.1:{server.server_port}"
    prepared = world.python(_BLOCKS, json.dumps({"portal-people": {"base_url": portal.url}}))
    assert prepared.code == 0, prepared.err
    yield portal
    server.shutdown()
    server.server_close()


class Scan:
    """Looks for the canary wherever this stack keeps anything, as root. The portal of the test is not part of the stack."""

    def __init__(self, world: Any) -> None:
        self.world = world
        _, key = StateFolder(Path(world.stack.state)).root_key()
        session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        self.s3: Any = session.client("s3", endpoint_url=world.stack.env["AWS_ENDPOINT_URL"])
        self.bucket = world.stack.env["ESTEIRA_LAKE_BUCKET"]

    def objects(self) -> list[str]:
        """Keys of the versions that hold it, in any bucket."""
        return [key for bucket in self.s3.list_buckets()["Buckets"] for key in self._in_bucket(bucket["Name"])]

    def tables(self) -> list[str]:
        listed = self.world.query(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        assert ("esteira", "batch") in listed
        names = [f'"{schema}"."{table}"' for schema, table in listed if not schema.startswith("pg_")]
        return [name for name in names if CANARY in str(self.world.query(f"SELECT * FROM {name}"))]

    def files(self) -> list[str]:
        """Prefect's database, and every log. The files of PostgreSQL and of S3 are asked through their own doors."""
        state = Path(self.world.stack.state)
        chosen = [path for path in (state / "log").rglob("*") if path.is_file()]
        found = [str(path) for path in chosen if CANARY.encode() in path.read_bytes()]
        return found + ["Prefect's database"] * (CANARY in kept_by_prefect(state))

    def put(self, key: str) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=CANARY.encode())

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.bucket, Key=key)

    def stones(self, name: str) -> list[dict[str, Any]]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"raw/{name}/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        read = (self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys if "TOMBSTONE" in key)
        return [json.loads(content) for content in read]

    def _in_bucket(self, bucket: str) -> Iterator[str]:
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for entry in page.get("Versions", ()):
                version = {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                content = self.s3.get_object(Bucket=bucket, **version)["Body"].read()
                if CANARY in entry["Key"] or CANARY in _text(entry["Key"], content):
                    yield entry["Key"]


def _text(key: str, content: bytes) -> str:
    if key.endswith(".zst") and not content.startswith(CANARY.encode()):
        return pa.input_stream(io.BytesIO(content), compression="zstd").read().decode()
    if key.endswith(".parquet"):
        return str(pq.read_table(io.BytesIO(content)).to_pylist())
    return content.decode(errors="replace")


@pytest.fixture(scope="module")
def scan(world: Any) -> Scan:
    return Scan(world)


def write_people(tmp_path_factory: pytest.TempPathFactory, name: str, write: str) -> Path:
    folder: Path = tmp_path_factory.mktemp(name.replace("_", "-"))
    (folder / f"{name}.py").write_text(CONTRACT.format(name=name, write=write))
    return folder


def write_group(folder: Path, name: str, other: str) -> None:
    (folder / f"{other}.py").write_text(CONTRACT.format(name=other, write="Replace()"))
    (folder / "groups").mkdir()
    group = f'from esteira.contract import Group\n\nGROUP = Group("all_people", of=("{name}", "{other}"))\n'
    (folder / "groups" / "all_people.py").write_text(group)


def ingest(world: Any, people: People, where: tuple[str, ...], ages: dict[str, int | None], **env: str) -> list[Any]:
    """Each day with the canary at this age."""
    results = []
    for day, age in ages.items():
        people.day(age)
        results.append(world.esteira("ingest", where[0], "--as-of", day, *where[1:], env=env))
    return results


@dataclass(frozen=True)
class Story:
    """What was found before, what each command said, and what is found after."""

    name: str
    where: tuple[str, ...]
    loaded: list[Any]
    before: dict[str, list[str]]
    dry: Any
    unchanged: dict[str, list[str]]
    erased: Any
    after: dict[str, list[str]]
    again: Any


def everywhere(scan: Scan) -> dict[str, list[str]]:
    return {"objects": scan.objects(), "tables": scan.tables(), "files": scan.files()}


@pytest.fixture(scope="module")
def story(world: Any, people: People, scan: Scan, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Good on one day, good and loaded again on it, quarantined on the next, and in the parts of a batch whose process died.

    And in the copy of a group that waits for its other dataset since the first day.
    """
    name, folder = "erased_people", write_people(tmp_path_factory, "erased_people", 'Upsert(key="document")')
    where = (name, "--datasets", str(folder), "--json")
    write_group(folder, name, "erased_others")
    ingest(world, people, ("erased_others", *where[1:]), {DAYS[0]: None})
    loaded = ingest(world, people, where, {DAYS[0]: 40, DAYS[1]: -1})
    loaded += world.esteira_each(("ingest", *where, "--from", "raw"))
    ingest(world, people, where, {DAYS[2]: 41}, ESTEIRA_FAILPOINT="extract.checkpoint:kill")
    scan.put(f"export/{name}/somebodys.csv")
    swept = f"raw/{name}/2014-01-01-0a1b2c3d/a1/part-00001.json.zst"
    scan.put(swept)
    scan.delete(swept)
    before = everywhere(scan)
    request = ("erase", *where, "--key", f"document={CANARY}", "--request", "lgpd-17")
    (dry,) = world.esteira_each(request)
    unchanged = everywhere(scan)
    people.day(None)
    erased = world.python(FROM_STDIN, "erase", *where, "--key", "-", "--request", "lgpd-17", "--apply")
    after = everywhere(scan)
    (again,) = world.esteira_each((*request, "--apply"))
    return Story(name, where, loaded, before, dry, unchanged, erased, after, again)


def test_the_scan_finds_the_canary_where_it_was(story: Story):
    assert [each.code for each in story.loaded] == [0, 0, 0], [each.err for each in story.loaded]
    zones = {key.split("/")[0] for key in story.before["objects"]}
    assert zones == {"raw", "curated", "quarantine", "export", "report"}
    assert any("checkpoint" in key for key in story.before["objects"])
    profiles = [f'"esteira_profile"."{story.name}"', '"esteira"."profile"']
    schemas = ("dw", "bi", "bi_pt", "bi_data_all_people", "bi_all_people", "bi_all_people_pt")
    assert set(story.before["tables"]) == {*(f'"{schema}"."{story.name}"' for schema in schemas), *profiles}


def test_a_dry_run_says_what_would_go_and_changes_nothing(story: Story):
    assert story.dry.code == 0, story.dry.err
    assert (story.dry.facts["rows"], len(story.dry.facts["batches"]), len(story.dry.facts["purged"])) == (2, 2, 1)
    assert not story.dry.facts["is_applied"]
    assert story.unchanged == story.before


def test_after_it_the_canary_is_nowhere(story: Story):
    assert story.erased.code == 0, story.erased.err
    assert story.after == {"objects": [], "tables": [], "files": []}


def test_the_quality_pages_are_made_again_without_the_canary(scan: Scan, story: Story):
    prefix = f"report/html/{story.name}/"
    listed = scan.s3.list_objects_v2(Bucket=scan.bucket, Prefix=prefix)
    pages = {entry["Key"].removeprefix(prefix) for entry in listed["Contents"]}
    assert "latest.html" in pages
    assert len([page for page in pages if page.endswith("/3.html")]) >= 1, pages


def test_no_command_printed_the_canary(story: Story):
    printed = [text for each in (story.dry, story.erased, story.again) for text in (each.out, each.err)]
    assert not [text for text in printed if CANARY in text]


def test_everybody_else_is_still_there(world: Any, story: Story):
    rows = world.query(f"SELECT document FROM dw.{story.name} ORDER BY 1")
    assert rows == [(f"person-{number}",) for number in range(4)]


def test_a_second_time_finds_nothing(story: Story):
    assert story.again.code == 0, story.again.err
    assert (story.again.facts["rows"], story.again.facts["purged"], story.again.facts["objects"]) == (0, [], 0)


def test_the_audit_names_the_request_and_nobody(world: Any, story: Story):
    rows = world.query(
        "SELECT request, step, key_columns, digest, batches, rows_erased FROM esteira.erasure "
        f"WHERE dataset = '{story.name}' ORDER BY erased_at, step DESC"
    )
    digest = story.erased.facts["digest"]
    assert ("lgpd-17", "rows", "document", digest, 2, 2) in rows
    assert ("lgpd-17", "objects", "document", digest, 3, 2) in rows


def test_a_tombstone_says_what_replaced_each_purged_generation(scan: Scan, story: Story):
    stones = scan.stones(story.name)
    assert {(stone["request"], stone["replaced_by"]) for stone in stones} == {("lgpd-17", 3)}


@pytest.fixture(scope="module")
def life_goes_on(world: Any, people: People, scan: Scan, story: Story) -> dict[str, Any]:
    """Everything that may be asked of the dataset afterwards, once the source has erased too."""
    people.day(None)
    upkeep = ("maintenance", *story.where, "--as-of", IN_TEN_DAYS, "--apply")
    commands = {
        "compared": ("reconcile", *story.where),
        "resumed": ("ingest", *story.where, "--as-of", DAYS[2]),
        "swept": upkeep,
        "from raw": ("ingest", *story.where, "--from", "raw"),
        "from curated": ("ingest", *story.where, "--from", "curated"),
        "swept again": (*upkeep, "--superseded"),
        "compared again": ("reconcile", *story.where),
    }
    told = dict(zip(commands, world.esteira_each(*commands.values()), strict=True))
    (last,) = world.query(
        f"SELECT batch_id FROM esteira_ledger.{story.name} ORDER BY window_end DESC, generation DESC LIMIT 1"
    )
    told["undone"], told["compared at last"] = world.esteira_each(
        ("undo", last[0], "--dataset", story.name, *story.where[1:]), ("reconcile", *story.where)
    )
    return told


def test_reconcile_maintenance_rebuild_and_undo_go_on_working(life_goes_on: dict[str, Any]):
    assert {name: each.err + each.out for name, each in life_goes_on.items() if each.code} == {}


def test_the_canary_does_not_come_back_with_any_of_them(scan: Scan, life_goes_on: dict[str, Any]):
    assert everywhere(scan) == {"objects": [], "tables": [], "files": []}


@pytest.mark.parametrize("point", ["curate.seal", "load.commit", "erase.purge"])
def test_a_kill_anywhere_is_finished_by_the_same_command(
    world: Any, people: People, scan: Scan, story: Story, tmp_path_factory: pytest.TempPathFactory, point: str
):
    name = f"killed_{point.replace('.', '_')}"
    where = (name, "--datasets", str(write_people(tmp_path_factory, name, 'Scd2(key="document")')), "--json")
    loaded = ingest(world, people, where, {DAYS[0]: 40, DAYS[1]: 41})
    assert [each.code for each in loaded] == [0, 0], [each.err for each in loaded]
    command = ("erase", *where, "--key", f"document={CANARY}", "--apply")
    killed = world.esteira(*command, env={"ESTEIRA_FAILPOINT": f"{point}:kill"})
    assert killed.code == -9
    assert scan.objects()
    finished, compared = world.esteira_each(command, ("reconcile", *where))
    assert (finished.code, compared.code) == (0, 0), finished.err + compared.out
    assert everywhere(scan) == {"objects": [], "tables": [], "files": []}


def test_an_undone_batch_is_erased_without_being_loaded_and_comes_back_from_raw_without_the_person(
    world: Any, people: People, scan: Scan, tmp_path_factory: pytest.TempPathFactory
):
    name = "undone_people"
    where = (name, "--datasets", str(write_people(tmp_path_factory, name, "Replace()")), "--json")
    loaded = ingest(world, people, where, {DAYS[0]: None, DAYS[1]: 41})
    assert [each.code for each in loaded] == [0, 0], [each.err for each in loaded]
    (batch,) = (batch["batch"] for batch in loaded[1].facts[0]["batches"])
    undone, erased, refused, back, compared = world.esteira_each(
        ("undo", batch, "--dataset", name, *where[1:]),
        ("erase", *where, "--key", f"document={CANARY}", "--apply"),
        ("ingest", *where, "--from", "curated", "--batch", batch),
        ("ingest", *where, "--from", "raw", "--batch", batch),
        ("reconcile", *where),
    )
    assert (undone.code, erased.code, refused.code) == (0, 0, 65), erased.err
    assert "--from raw" in refused.err
    assert (back.code, compared.code) == (0, 0), back.err + compared.out
    assert world.query(f"SELECT COUNT(*) FROM dw.{name}") == [(4,)]
    assert everywhere(scan) == {"objects": [], "tables": [], "files": []}


def test_a_wrong_key_is_refused_without_being_repeated(world: Any, story: Story):
    asked = (f"nobody={CANARY}", f"years={CANARY}", CANARY)
    refused = world.esteira_each(*(("erase", *story.where, "--key", key) for key in asked))
    assert [each.code for each in refused] == [78, 78, 78]
    assert not [each for each in refused if CANARY in each.out + each.err]
