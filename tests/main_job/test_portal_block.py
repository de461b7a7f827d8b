"""The portal block on a real Prefect server: saved and loaded, its limits made and shared by two processes, and a login that expires in mid-run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.extract.hostile import Asked, Hostile, Say, hostile, page
from tests.main_job.conftest import _BLOCKS
from tests.main_job.world import World, as_root
from tests.prefect_state import kept_by_prefect

PASSWORD = "canary-l0gin-4711"
ROWS = 40
SCHEMES: list[dict[str, Any]] = [
    {"type": "bearer", "field": "other"},
    {"type": "api_key", "name": "sid", "place": "cookie", "prefix": "Token "},
    {"type": "http_basic"},
    {"type": "fixed_headers", "headers": {"X-Api-Version": "2"}},
    {"type": "oauth2_client_credentials", "token_url": "https://id.example/token", "params": {"audience": "x"}},
    {"type": "login", "path": "/login", "fields": {"u": "username", "p": "password"}, "lifetime_seconds": 60},
]
SAVED = {
    "base_url": "https://portal.example", "secret_name": "esteira/p", "auth": SCHEMES, "timezone": "America/Sao_Paulo",
    "rates": [{"requests": 400, "per_seconds": 60, "from_hour": 6}, {"requests": 700, "per_seconds": 60, "to_hour": 6}],
    "rate_limit": "portal-saved", "concurrency_limit": "portal-saved-requests", "max_concurrent_requests": 3,
    "client_certificate": "esteira/c", "proxy": "http://proxy.example:3128", "proxy_secret": "esteira/x", "contact": "data@x.example",
}  # fmt: skip
_LOAD = """
import json, sys
from blocks import PortalBlock
block = PortalBlock.load(sys.argv[1])
print(json.dumps(block.model_dump(mode="json", include=set(json.loads(sys.argv[2])), exclude_defaults=False)))
print(repr(block.config()))
"""
_APPLY = "import json; from deployments.limits import apply_limits; print(json.dumps(apply_limits()))"
_SPOIL = """
import sys
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentUpdate
with get_client(sync_client=True) as client:
    found = client.read_block_document_by_name(sys.argv[1], "esteira-portal")
    client.update_block_document(found.id, BlockDocumentUpdate(data={**found.data, "auth": "bearer"}))
"""
_REMOVE = "import sys; from blocks import PortalBlock; PortalBlock.delete(sys.argv[1])"
_ASK = """
import logging, sys, time
logging.basicConfig(level=logging.WARNING)
from blocks.portal import PortalBlock
from esteira.http import HttpClient
block = PortalBlock.load(sys.argv[1])
client = HttpClient(block.config(), shared=block.limits())
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    client.get("/rows")
print(client.stats.requests, client.stats.retries, round(client.stats.budget_seconds, 2))
"""
_CONTRACT = '''"""Rows behind a login."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Offset, Replace


class Row(pa.DataFrameModel):
    """Rows."""

    id: pd.Int64Dtype = pa.Field(description="Id")


DATASET = Dataset(
    name="behind_login",
    source=ApiSource(portal="portal-login", path="/rows", records="rows", paginator=Offset(2), pages_per_part=1),
    schema=Row, write=Replace(),
)
'''


def save(world: World, **blocks: Any) -> None:
    prepared = world.python(_BLOCKS, json.dumps({name.replace("_", "-"): fields for name, fields in blocks.items()}))
    assert prepared.code == 0, prepared.err


def test_a_block_comes_back_from_the_server_as_it_was_saved(world: World):
    save(world, portal_saved=SAVED)
    loaded = world.python(_LOAD, "portal-saved", json.dumps(list(SAVED)))
    assert loaded.code == 0, loaded.err
    found = json.loads(loaded.out.splitlines()[0])
    for scheme, given in zip(found["auth"], SCHEMES, strict=True):
        assert scheme.items() >= given.items()
    assert {name: found[name] for name in SAVED if name not in ("auth", "rates")} == {
        name: value for name, value in SAVED.items() if name not in ("auth", "rates")
    }


def test_the_limits_of_the_blocks_are_made_once_and_corrected_when_a_block_changes(world: World):
    save(world, portal_limits={**SAVED, "rate_limit": "portal-limits", "concurrency_limit": "portal-limits-requests"})
    names = ["portal-limits-400-in-60s", "portal-limits-700-in-60s", "portal-limits-requests"]
    first, again = (json.loads(world.python(_APPLY).out) for _ in range(2))
    assert {first[name] for name in names} <= {"created", "unchanged"}
    assert [again[name] for name in names] == ["unchanged"] * 3
    save(
        world,
        portal_limits={
            **SAVED,
            "rate_limit": "portal-limits",
            "concurrency_limit": "portal-limits-requests",
            "max_concurrent_requests": 5,
        },
    )
    found = json.loads(world.python(_APPLY).out)
    assert [found[name] for name in names] == ["unchanged", "unchanged", "updated"]


def test_a_block_that_cannot_be_read_keeps_no_other_from_its_limits_and_says_what_is_wrong_when_it_is_opened(
    world: World,
):
    save(world, portal_old={"base_url": "https://portal.example"}, portal_near={**SAVED, "rate_limit": "portal-near"})
    assert world.python(_SPOIL, "portal-old").code == 0
    applied = world.python(_APPLY)
    assert "portal-near-400-in-60s" in json.loads(applied.out)
    assert "portal-old was saved by another version" in applied.err
    opened = world.python("from blocks import open_portal; open_portal('portal-old')")
    assert "esteira-portal/portal-old was saved by another version or by hand: auth" in opened.err
    assert world.python(_REMOVE, "portal-old").code == 0


class Window:
    """Counts what arrives, and how much is under way."""

    def __init__(self) -> None:
        self.seen, self.now, self.most, self.lock = list[float](), 0, 0, threading.Lock()

    def __call__(self, asked: Asked) -> Say:
        with self.lock:
            self.seen.append(time.monotonic())
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.05)
        with self.lock:
            self.now -= 1
        return page({})

    def most_in(self, seconds: float) -> int:
        return max(sum(begin <= each < begin + seconds for each in self.seen) for begin in self.seen)


def test_two_processes_share_a_rate_and_a_concurrency_through_the_server(world: World):
    window = Window()
    with hostile(window) as up:
        block = {"base_url": up.url, "rates": [{"requests": 20, "per_seconds": 5}]}
        save(world, portal_shared={**block, "rate_limit": "shared", "concurrency_limit": "shared-requests"})
        assert world.python(_APPLY).code == 0
        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(lambda _: world.python(_ASK, "portal-shared", "12"), range(2)))
        assert [done.code for done in ended] == [0, 0], [done.err for done in ended]
        counts = [int(done.out.split()[0]) for done in ended]
        assert min(counts) >= 2, "one of the two starves"
        assert window.most_in(5) <= 20
        assert window.most == 1
        assert [float(done.out.split()[2]) > 3 for done in ended] == [True, True]


def test_a_server_without_the_limit_is_said_in_the_log_and_the_run_goes_on(world: World):
    with hostile(lambda _: page({})) as up:
        save(world, portal_alone={"base_url": up.url, "rates": [{"requests": 50}]})
        code = 'block.rate_limit = "never-made"\nclient = HttpClient('
        done = world.python(_ASK.replace("client = HttpClient(", code), "portal-alone", "1")
        assert done.code == 0, done.err
        assert int(done.out.split()[0]) > 10
        assert done.err.count("'never-made-50-in-1s' cannot be used") == 1


class Guarded:
    """A portal behind a login whose tokens serve seven pages each; an expired one is refused."""

    def __init__(self) -> None:
        self.given, self.left, self.lock = 0, 0, threading.Lock()

    def __call__(self, asked: Asked) -> Say:
        with self.lock:
            if asked.path == "/login":
                return self.login(asked)
            if asked.headers.get("X-Session") != f"granted-{self.given}-{PASSWORD}" or self.left < 1:
                return page({"error": "expired"}, 401)
            self.left -= 1
        start = int(asked.query["offset"])
        return page({"rows": [{"id": number} for number in range(start, min(start + 2, ROWS))]})

    def login(self, asked: Asked) -> Say:
        if json.loads(asked.body) != {"user": "maria", "pass": PASSWORD}:
            return page({"error": "invalid_login"}, 401)
        self.given, self.left = self.given + 1, 7
        return page({"session": {"token": f"granted-{self.given}-{PASSWORD}"}})


@pytest.fixture
def guarded(world: World) -> Iterator[Hostile]:
    name = world.stack.env["ESTEIRA_PORTAL_SECRET"] + "-login"
    with closing(as_root(world.stack, "secretsmanager")) as client:
        client.create_secret(Name=name, SecretString=json.dumps({"username": "maria", "password": PASSWORD}))
    login = {"type": "login", "path": "/login", "fields": {"user": "username", "pass": "password"}}
    login |= {"token": "session.token", "name": "X-Session", "prefix": ""}
    shared = {"rates": [{"requests": 1000}], "rate_limit": "login", "concurrency_limit": "login-requests"}
    with hostile(Guarded()) as up:
        save(world, portal_login={"base_url": up.url, "secret_name": name, "auth": [login], **shared})
        assert world.python(_APPLY).code == 0
        yield up


@pytest.mark.fault(16)
@pytest.mark.fault(64)
def test_a_token_that_expires_three_times_in_a_run_is_renewed_and_every_row_is_in_the_table(
    world: World, guarded: Hostile, tmp_path: Path
):
    (tmp_path / "behind_login.py").write_text(_CONTRACT)
    done = world.esteira("ingest", "behind_login", env={"ESTEIRA_DATASETS": str(tmp_path)})
    assert done.code == 0, done.err
    assert world.query("SELECT COUNT(*), COUNT(DISTINCT id), MAX(id) FROM dw.behind_login") == [(ROWS, ROWS, ROWS - 1)]
    assert sum(asked.path == "/login" for asked in guarded.asked) == 3
    assert PASSWORD not in done.out + done.err
    assert "cannot be used" not in done.out + done.err
    assert {asked.headers["User-Agent"].split(" ", 1)[1] for asked in guarded.asked} == {"(+behind_login)"}
    logs = [path for path in Path(world.stack.state).rglob("*.log") if path.is_file()]
    assert [path.name for path in logs if PASSWORD.encode() in path.read_bytes()] == []
    assert PASSWORD not in kept_by_prefect(world.stack.state)
