"""Each statement of a runtime role is needed: without it, a command that worked stops working. Minutes; `make test-long`."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.deploy.statements import Statement, statements
from infra.deploy.template import INFRA
from local.aws.bootstrap import REGION
from local.ports import Ports
from local.stack import StackConfig, running
from tests.main_job.dropped import Office, contract, sales
from tests.main_job.world import Warm, World, as_root

pytestmark = [pytest.mark.long, pytest.mark.timeout(480)]
STACK, TEMPLATE = "esteira-local-access", INFRA / "access.yaml"
TRUST = {"EcsTasks", "Redshift", "Laptop", "People"}
"""Who may assume a role: without the laptop's own everything stops; ECS and Redshift do not assume roles here (test_rules.py reads them)."""
NOT_ENFORCED = {
    "SeeEncryption": "the local UNLOAD takes the bucket's encryption without asking which it is; test_rules.py reads the statement",
    "UseLakeKey": "the emulator asks KMS nothing when S3 reads or writes; test_rules.py reads the statement",
    "RefreshSpice": "the emulator has no QuickSight, and the laptop names no dataset of it; test_rules.py reads the statement",
}
IN_TEN_DAYS = (datetime.now(UTC) + timedelta(days=10)).isoformat()


@dataclass
class Bench:
    """A running stack, commands in it, and its access template with and without a statement."""

    world: World
    line: Warm
    folder: Path
    body: str = TEMPLATE.read_text(encoding="utf-8")
    days: Iterator[int] = field(default_factory=itertools.count)

    @property
    def office(self) -> Office:
        return Office(self.world)

    def esteira(self, *arguments: str, **env: str) -> bool:
        """Whether a command succeeds; what it says otherwise is in the report of a test that fails."""
        done = self.line.esteira(*arguments, "--datasets", str(self.folder), env=env)
        print(" ".join(arguments), done.code, done.err[-600:])
        return done.code == 0

    @contextmanager
    def without(self, statement: Statement) -> Iterator[None]:
        """The roles as they are when one statement is missing."""
        self._update(_cut(self.body, statement))
        try:
            yield
        finally:
            self._update(self.body)

    def _update(self, body: str) -> None:
        with closing(as_root(self.world.stack, "cloudformation")) as client:
            known = client.describe_stacks(StackName=STACK)["Stacks"][0]["Parameters"]
            given = [{"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in known]
            client.update_stack(
                StackName=STACK, TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"]
            )
            while (status := client.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]) != "UPDATE_COMPLETE":
                assert status == "UPDATE_IN_PROGRESS", status
                time.sleep(0.05)

    def as_role(self, name: str, service: str = "s3") -> Any:
        """A client of a role, by the person's own way to it."""
        key = json.loads(
            (
                Path(self.world.stack.state)
                / "secrets"
                / f"aws-{'redshift-service' if name == 'copy' else 'laptop'}.json"
            ).read_text()
        )
        sts = boto3.Session(key["access_key_id"], key["secret_access_key"], region_name=REGION).client(
            "sts", endpoint_url=self.url
        )
        arn = f"arn:aws:iam::000000000000:role/esteira-local-{name}"
        got = sts.assume_role(RoleArn=arn, RoleSessionName="tried")["Credentials"]
        session = boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region_name=REGION)
        return session.client(service, endpoint_url=self.url)

    @property
    def url(self) -> str:
        return self.world.stack.env["AWS_ENDPOINT_URL"]


def _cut(body: str, statement: Statement) -> str:
    lines = body.splitlines(keepends=True)
    return "".join(lines[: statement.first] + lines[statement.end :])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    state, folder = tmp_path_factory.mktemp("least"), tmp_path_factory.mktemp("contracts")
    contract(folder, "taken", write="Replace()")
    (folder / "airlines.py").write_text((Path(__file__).parents[2] / "datasets/airlines.py").read_text())
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=50)) as stack:
        world = World(stack)
        prepared = world.python("from cli.stack import prepare_prefect; prepare_prefect()")
        assert prepared.code == 0, prepared.err
        with world.warm(tmp_path_factory.mktemp("warm")) as line:
            yield Bench(world, line, folder)


def ingest(bench: Bench) -> bool:
    """From the portal to the table, a new batch each time."""
    day = datetime(2014, 1, 1, 6, tzinfo=UTC) + timedelta(days=next(bench.days))
    return bench.esteira("ingest", "airlines", "--as-of", day.isoformat())


def measure(bench: Bench) -> bool:
    """A batch is counted in CloudWatch."""
    day = datetime(2014, 1, 1, 6, tzinfo=UTC) + timedelta(days=next(bench.days))
    before = _batches_counted(bench)
    assert bench.esteira("ingest", "airlines", "--as-of", day.isoformat(), ESTEIRA_METRICS="stage")
    return _batches_counted(bench) > before


def _batches_counted(bench: Bench) -> float:
    now = datetime.now(UTC)
    with closing(as_root(bench.world.stack, "cloudwatch")) as client:
        found = client.get_metric_statistics(
            Namespace="Esteira/local", MetricName="Batches", StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1),
            Period=7200, Statistics=["SampleCount"],
        )["Datapoints"]  # fmt: skip
    return float(sum(each["SampleCount"] for each in found))


def break_glass(bench: Bench) -> bool:
    """The same without Prefect, which asks Systems Manager what Prefect would have said."""
    day = datetime(2014, 1, 1, 6, tzinfo=UTC) + timedelta(days=next(bench.days))
    return bench.esteira("break-glass", "airlines", "--as-of", day.isoformat())


def take(bench: Bench) -> bool:
    """A file from the inbox to the table, and out of the inbox."""
    bench.office.drop("taken", "sales.csv", sales({f"c{next(bench.days)}": "1,00"}))
    return bench.esteira("ingest", "taken") and not bench.office.waiting("taken")


def give_back(bench: Bench) -> bool:
    """A file that cannot be read comes back."""
    name = f"bad-{next(bench.days)}.csv"
    bench.office.drop("taken", name, b"")
    bench.esteira("ingest", "taken")
    came = name in str(bench.office.returned("taken"))
    with bench.office.s3() as s3:  # what stays would stop the next
        for each in bench.office.waiting("taken"):
            s3.delete_object(Bucket=bench.office.bucket, Key=f"inbox/taken/{name}", VersionId=each)
    return came


def doctor(bench: Bench) -> bool:
    """Everything that the doctor looks at in AWS is well."""
    told = bench.line.esteira("doctor", "--json", "--datasets", str(bench.folder))
    return not [each for each in told.facts if each["state"] == "failed"]


UPLOAD = "raw/airlines/2014-01-01-0a1b2c3d/a1/part-00002.json.zst"


def sweep(bench: Bench) -> bool:
    """Maintenance, all of it under its own role as on ECS, finds an unfinished upload and a stray, and removes both."""
    bucket = bench.office.bucket
    assert ingest(bench)
    with bench.office.s3() as s3:
        upload = s3.create_multipart_upload(Bucket=bucket, Key=UPLOAD)["UploadId"]
        stray = f"{_loaded_batch(s3, bucket)}/0a1b2c3d/part-00001.json.zst"
        s3.put_object(Bucket=bucket, Key=stray, Body=b"x")
        done = bench.esteira("maintenance", "airlines", "--apply", "--as-of", IN_TEN_DAYS, AWS_PROFILE="esteira-upkeep")
        strays = s3.list_objects_v2(Bucket=bucket, Prefix=stray)["KeyCount"]
        uploads = s3.list_multipart_uploads(Bucket=bucket, Prefix=UPLOAD).get("Uploads", [])
        # What a sweep without a right leaves is no business of the next command.
        s3.delete_object(Bucket=bucket, Key=stray)
        if uploads:
            s3.abort_multipart_upload(Bucket=bucket, Key=UPLOAD, UploadId=upload)
    return done and not strays and not uploads


def _loaded_batch(s3: Any, bucket: str) -> str:
    """The folder in raw of one that is loaded: what its seal does not name is a stray."""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="raw/airlines/")["Contents"]
    return next(str(each["Key"]).rpartition("/")[0] for each in listed if each["Key"].endswith("/SEAL.json"))


def erase(bench: Bench) -> bool:
    """Whom a row is about leaves table, lake and exports, in every version."""
    assert ingest(bench)
    key = "export/airlines/somebodys.csv"
    with bench.office.s3() as s3:
        s3.put_object(Bucket=bench.office.bucket, Key=key, Body=b"AA")
    done = bench.esteira("erase", "airlines", "--key", "carrier=AA", "--request", f"r{next(bench.days)}", "--apply")
    with bench.office.s3() as s3:
        left = s3.list_object_versions(Bucket=bench.office.bucket, Prefix=key).get("Versions", [])
    return done and not left


def drop(bench: Bench) -> bool:
    """A person drops a file by the command."""
    file = bench.folder / f"dropped-{next(bench.days)}.csv"
    file.write_bytes(sales({"d": "1,00"}))
    return bench.esteira("drop", str(file), "--dataset", "taken")


def see_drops(bench: Bench) -> bool:
    """They see what waits."""
    return _succeeds(lambda: bench.as_role("drop").list_objects_v2(Bucket=bench.office.bucket, Prefix="inbox/"))


def fetch_back(bench: Bench) -> bool:
    """They fetch what came back."""
    with bench.office.s3() as s3:
        s3.put_object(Bucket=bench.office.bucket, Key="inbox-rejected/taken/x.csv", Body=b"x")
    return _succeeds(
        lambda: bench.as_role("drop").get_object(Bucket=bench.office.bucket, Key="inbox-rejected/taken/x.csv")
    )


def export(bench: Bench) -> bool:
    """A person gets a file: Redshift writes it, and the task reads it."""
    ingest(bench)
    return bench.esteira("export", "airlines", "--out", str(bench.folder.parent / f"{next(bench.days)}.csv"))


def register(bench: Bench) -> bool:
    """An export becomes a table of the catalogue."""
    task = bench.as_role("task", "glue")
    name = f"t{next(bench.days)}"
    return _succeeds(lambda: task.create_table(DatabaseName="esteira_local", TableInput={"Name": name}))


def list_curated(bench: Bench) -> bool:
    """Redshift lists what COPY loads; the local COPY takes the manifest's word."""
    return _succeeds(
        lambda: bench.as_role("copy").list_objects_v2(Bucket=bench.office.bucket, Prefix="curated/airlines/")
    )


def _succeeds(call: Callable[[], Any]) -> bool:
    from botocore.exceptions import ClientError

    try:
        call()
    except ClientError:
        return False
    return True


NEEDED_BY: dict[str, Callable[[Bench], bool]] = {
    "LakePolicy:ListOwnPrefixes": ingest,
    "LakePolicy:SeeVersioning": doctor,
    "LakePolicy:ReadAndWriteParts": ingest,
    "LakePolicy:ListDrops": take,
    "LakePolicy:TakeDrops": take,
    "LakePolicy:GiveDropsBack": give_back,
    "LakePolicy:ReadOwnSecrets": ingest,
    "LakePolicy:ReadOwnSettings": break_glass,
    "LakePolicy:PublishMetrics": measure,
    "LakePolicy:RegisterExports": register,
    "UpkeepRole:ListOwnPrefixes": sweep,
    "UpkeepRole:ListUnfinishedUploads": sweep,
    "UpkeepRole:ReadAndDelete": sweep,
    "UpkeepRole:Erase": erase,
    "UpkeepRole:EraseExportsAndPages": erase,
    "UpkeepRole:ReadWarehouseSecret": sweep,
    "DropRole:ListDrops": see_drops,
    "DropRole:Drop": drop,
    "DropRole:ReadWhatCameBack": fetch_back,
    "CopyRole:ListCurated": list_curated,
    "CopyRole:ReadCurated": ingest,
    "CopyRole:ListExports": export,
    "CopyRole:WriteExports": export,
}
"""Which command stops without which statement."""
EVERY = {
    f"{each.owner}:{each.sid}": each for each in statements(TEMPLATE) if each.sid not in TRUST | NOT_ENFORCED.keys()
}


def test_every_statement_of_a_runtime_role_is_needed_by_something() -> None:
    assert set(NEEDED_BY) == set(EVERY), "Say which command stops without a statement, or take the statement out."


@pytest.mark.parametrize("name", NEEDED_BY)
def test_without_a_statement_what_worked_stops(bench: Bench, name: str) -> None:
    command = NEEDED_BY[name]
    assert command(bench), f"{command.__doc__} With all statements it must succeed."
    with bench.without(EVERY[name]):
        assert not command(bench), f"{command.__doc__} It succeeds without {name}: take the statement out."
