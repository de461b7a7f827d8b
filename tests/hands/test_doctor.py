"""`esteira doctor` on a healthy stack, and on one that is really broken, a place at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any
from urllib.request import Request, urlopen

import pytest

from local.ports import Ports
from tests.conventions.sources import ROOT
from tests.hands.conftest import CONTRACT
from tests.main_job.world import Result, Warm, World, as_root

TASK_ROLE, COPY_ROLE = "esteira-local-task", "esteira-local-copy"
HOUR = 3600


def states(done: Result) -> dict[str, str]:
    return {finding["check"]: finding["state"] for finding in done.facts}


def failures(done: Result) -> dict[str, dict[str, Any]]:
    return {finding["check"]: finding for finding in done.facts if finding["state"] == "failed"}


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


class LatePortal(Handler):
    """Its clock is an hour behind."""

    def do_GET(self) -> None:
        self.answer(b'{"rows": [], "next_url": null}', Date=formatdate(time() - HOUR, usegmt=True))


class OtherPrefect(Handler):
    """A Prefect server of another major version."""

    def do_GET(self) -> None:
        self.answer(b'"2.20.1"' if self.path.endswith("/version") else b"true")


def late_aws(address: str) -> type[BaseHTTPRequestHandler]:
    """The stack's AWS, with a clock two hours ahead."""

    class LateAws(Handler):
        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            kept = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            asked = Request(address + self.path, self.rfile.read(size) or None, kept, method=self.command)
            try:
                with closing(urlopen(asked, timeout=20)) as found:
                    body, status = found.read(), found.status
            except OSError as exc:
                body, status = exc.read(), exc.code  # type: ignore[attr-defined]
            self.answer(body, status, Date=formatdate(time() + 2 * HOUR, usegmt=True), **{"Content-Type": "text/xml"})

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

    return LateAws


@contextmanager
def denied(world: World, role: str, *statements: Mapping[str, Any]) -> Iterator[None]:
    """A role under an explicit Deny."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", **each} for each in statements]}
    with closing(as_root(world.stack, "iam")) as iam:
        iam.put_role_policy(RoleName=role, PolicyName="doctor", PolicyDocument=json.dumps(policy))
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=role, PolicyName="doctor")


@contextmanager
def wrong_password(world: World) -> Iterator[None]:
    """The warehouse's secret as somebody else rotated it."""
    name = world.stack.env["ESTEIRA_WAREHOUSE_SECRET"]
    with closing(as_root(world.stack, "secretsmanager")) as client:
        right = client.get_secret_value(SecretId=name)["SecretString"]
        client.put_secret_value(SecretId=name, SecretString=json.dumps(json.loads(right) | {"password": "Aa1wrong"}))
        try:
            yield
        finally:
            client.put_secret_value(SecretId=name, SecretString=right)


def left_behind(world: World) -> list[str]:
    bucket = world.stack.env["ESTEIRA_LAKE_BUCKET"]
    with closing(as_root(world.stack, "s3")) as s3:
        objects = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
        uploads = [each["Key"] for each in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ())]
    tables = world.query("SELECT relname FROM pg_class WHERE relname = 'esteira_doctor_probe'")
    return [*objects, *uploads, *(str(row[0]) for row in tables)]


@pytest.fixture(scope="module")
def healthy(warm: Warm) -> Result:
    return warm.esteira("doctor", "--json")


@pytest.fixture(scope="module")
def sick(world: World, warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Everything that can be broken at once: three rights of the task, one of COPY, a grant, three portals, two packages."""
    folder = tmp_path_factory.mktemp("sick")
    for portal in ("portal-down", "portal-late", "portal-nowhere", "portal-refuses"):
        name = portal.replace("-", "_")
        body = f'_SOURCE = dataclasses.replace(_BASE.source, portal="{portal}")\n'
        body += f'DATASET = dataclasses.replace(_BASE, name="{name}", title={{}}, source=_SOURCE)'
        (folder / f"{name}.py").write_text(CONTRACT.format(base="airlines", body=body))
    lock = folder / "locked.txt"
    lock.write_text(
        'click==0.1 \\\n    --hash=sha256:00\nno-such-package==1.0\ncolorama==1 ; sys_platform == "win32"\n'
    )
    arn = f"arn:aws:s3:::{world.stack.env['ESTEIRA_LAKE_BUCKET']}"
    with ExitStack() as stack:
        late = stack.enter_context(serving(LatePortal))
        world.run('CREATE SCHEMA IF NOT EXISTS "dw"')
        world.run('REVOKE CREATE ON SCHEMA "dw" FROM "esteira"')
        stack.callback(world.run, 'GRANT CREATE ON SCHEMA "dw" TO "esteira"')
        fields = {
            "portal-late": {"base_url": late},
            "portal-refuses": {"base_url": world.stack.env["ESTEIRA_PORTAL_URL"]},
        }
        made = world.python(_PORTALS, json.dumps(fields))
        assert made.code == 0, made.err
        stack.enter_context(
            denied(
                world,
                TASK_ROLE,
                {"Action": "s3:PutObject", "Resource": f"{arn}/quarantine/*"},
                {"Action": "s3:GetObject", "Resource": f"{arn}/curated/*"},
                {"Action": "s3:ListBucket", "Resource": arn, "Condition": {"StringLike": {"s3:prefix": "raw/*"}}},
            )
        )
        stack.enter_context(denied(world, COPY_ROLE, {"Action": "s3:GetObject", "Resource": f"{arn}/*"}))
        return warm.esteira("doctor", "--json", "--datasets", str(folder), env={"ESTEIRA_LOCK": str(lock)})


_PORTALS = """
import json, sys
from blocks import PortalBlock
for name, fields in json.loads(sys.argv[1]).items():
    PortalBlock(allow_private_hosts=True, **fields).save(name, overwrite=True)
"""
_OTHER_ROLE = """
import sys
from blocks import WarehouseBlock
block = WarehouseBlock.load("esteira-warehouse")
right, block.copy_role_arn = block.copy_role_arn, sys.argv[1]
block.save("esteira-warehouse", overwrite=True)
from cli.main import esteira
try:
    esteira.main(["doctor", "airlines", "--json"])
except SystemExit:
    block.copy_role_arn = right
    block.save("esteira-warehouse", overwrite=True)
"""
# A mount namespace of its own; who is not root gets one inside a user namespace, as the same user.
NAMESPACE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"])
BROKEN = {
    "locked packages": ("ConfigError", "click 8.", "--require-hashes", 78),
    "lake raw/": ("AuthError", "s3:ListBucket", "Grant s3:ListBucket", 77),
    "lake curated/": ("AuthError", "s3:GetObject", "Grant s3:GetObject", 77),
    "lake quarantine/": ("AuthError", "s3:PutObject", "Grant s3:PutObject", 77),
    "warehouse grants": ("AuthError", "lacks 1 grant", 'GRANT CREATE ON SCHEMA "dw" TO "esteira"', 77),
    "COPY role": ("AuthError", "may not read s3://", "s3:GetObject on arn:aws:s3:::", 77),
    "portal portal-down": ("SourceUnavailable", "connection refused", "Check that the portal is up", 75),
    "portal portal-refuses": ("AuthError", "refuses us on /flights/airlines.json (status 403)", "Renew the token", 77),
    "block of portal portal-nowhere": ("ConfigError", "does not exist on this Prefect server", "block", 78),
    "clock against portal portal-late": ("ConfigError", "differ by 3,6", "Synchronise", 78),
}


def test_a_healthy_stack_passes_every_check(healthy: Result) -> None:
    assert set(states(healthy).values()) == {"ok"}, healthy.out
    assert healthy.code == 0
    assert set(BROKEN) & set(states(healthy)) >= {"lake raw/", "COPY role", "warehouse grants", "locked packages"}


def test_nothing_is_left_behind(healthy: Result, sick: Result, world: World) -> None:
    assert left_behind(world) == []


def test_a_person_reads_a_line_for_each_check_and_a_count(warm: Warm) -> None:
    done = warm.esteira("doctor", "airlines")
    assert done.code == 0
    assert "ok       portal flights-portal: answered 200 to the first request of airlines" in done.out
    assert "arn:aws:sts::000000000000:assumed-role/esteira-local-task/laptop" in done.out


@pytest.mark.parametrize("check", BROKEN)
def test_what_is_broken_is_found_with_what_to_do_and_where_to_read(sick: Result, check: str) -> None:
    _, says, step, code = BROKEN[check]
    found = failures(sick)[check]
    assert says in found["found"]
    assert step in found["next_step"]
    assert found["exit_code"] == code


@pytest.mark.parametrize("check", BROKEN)
def test_each_failure_names_its_section_of_the_runbook(sick: Result, check: str) -> None:
    assert failures(sick)[check]["runbook"] == f"docs/operations/runbook.md#{BROKEN[check][0].lower()}"


def test_only_what_is_broken_fails_and_what_rests_on_it_is_skipped(sick: Result) -> None:
    assert set(failures(sick)) == set(BROKEN)
    skipped = {check for check, state in states(sick).items() if state == "skipped"}
    assert skipped == {
        "clock against S3", "portal portal-nowhere", "clock against portal portal-nowhere", "clock against portal portal-down",
        "clock against portal portal-refuses",
    }  # fmt: skip


def test_the_exit_code_is_that_of_the_first_failure(sick: Result) -> None:
    assert sick.code == 78


def test_a_rotated_password_is_a_failed_login(world: World, warm: Warm) -> None:
    with wrong_password(world):
        done = warm.esteira("doctor", "airlines", "--json")
    assert "refuses the user of secret" in failures(done)["warehouse login"]["found"]
    assert states(done)["COPY role"] == "skipped"
    assert done.code == 77


def test_no_prefect_server_and_a_profile_that_is_not_there_are_found_together(warm: Warm) -> None:
    nowhere = f"http://127.0.0.1:{Ports.free().resolved().prefect}/api"
    done = warm.esteira("doctor", "--json", env={"PREFECT_API_URL": nowhere, "AWS_PROFILE": "nobody"})
    assert set(failures(done)) == {"prefect", "aws identity"}
    assert "does not answer" in failures(done)["prefect"]["found"]
    assert "esteira stack up" in failures(done)["prefect"]["next_step"]
    assert "nobody" in failures(done)["aws identity"]["found"]


def test_a_prefect_server_of_another_version_is_found(warm: Warm) -> None:
    with serving(OtherPrefect) as address:
        done = warm.esteira("doctor", "--json", env={"PREFECT_API_URL": f"{address}/api"})
    assert "server is 2.20.1" in failures(done)["prefect"]["found"]


def test_a_setting_that_is_wrong_is_named(warm: Warm) -> None:
    done = warm.esteira("doctor", "airlines", "--json", env={"ESTEIRA_WAREHOUSE_PORT": "abc"})
    assert "ESTEIRA_WAREHOUSE_PORT" in failures(done)["settings"]["found"]
    assert done.code == 78


def test_a_block_that_names_another_bucket_than_the_settings_is_found(warm: Warm) -> None:
    done = warm.esteira("doctor", "airlines", "--json", env={"ESTEIRA_LAKE_BUCKET": "another"})
    assert "ESTEIRA_LAKE_BUCKET says another" in failures(done)["block of the lake"]["found"]


def test_a_contract_that_cannot_be_read_is_named(warm: Warm, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("DATASET = 1")
    done = warm.esteira("doctor", "--json", "--datasets", str(tmp_path))
    assert "broken.py does not define DATASET" in failures(done)["contracts"]["found"]


def test_a_clock_that_differs_from_that_of_s3_is_found(world: World, warm: Warm) -> None:
    with serving(late_aws(world.stack.env["AWS_ENDPOINT_URL"])) as address:
        done = warm.esteira("doctor", "airlines", "--json", env={"AWS_ENDPOINT_URL": address})
    found = failures(done)["clock against S3"]["found"]
    assert "differ by 7,2" in found or "differ by 7,1" in found
    assert "ours is behind" in found


def test_a_copy_role_that_the_warehouse_may_not_assume_is_found(world: World) -> None:
    done = world.python(_OTHER_ROLE, "arn:aws:iam::000000000000:role/nobodys")
    found = json.loads(done.out)
    (failed,) = [finding for finding in found if finding["state"] == "failed"]
    assert failed["check"] == "COPY role"
    assert "may not assume arn:aws:iam::000000000000:role/nobodys" in failed["found"]
    assert "trust policy" in failed["next_step"]


def test_a_disk_without_room_is_found(world: World, tmp_path: Path) -> None:
    small = 'mount -t tmpfs -o size=1m none "$TMPDIR" && exec "$0" -c "from cli.main import main; main()" doctor airlines --json'
    env = world.stack.client_environment() | {"TMPDIR": str(tmp_path)}
    try:
        subprocess.run([*NAMESPACE, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"this kernel or container lets us make no mount namespace, so no small disk: {exc}")
    command = [*NAMESPACE, "sh", "-c", small, sys.executable]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    failed = failures(Result(done.returncode, done.stdout, done.stderr))["disk"]
    assert f"The disk of {tmp_path} has 1 MB free" in failed["found"]
    assert "TMPDIR" in failed["next_step"]
    assert done.returncode == 78
