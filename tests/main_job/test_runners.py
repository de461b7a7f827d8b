"""The parts of a sealed batch are curated by threads, by processes and by Dask's workers: the same seals, also when a worker is killed."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from esteira.errors import ConfigError, LakeUnavailable, WorkerLost
from local.ports import Ports
from tests.main_job.world import CHECKOUT, Result, World, as_root

pytestmark = pytest.mark.long

NAME = "runners"
PARTS = 8
KILLED = 5
"""The part whose first worker is killed."""
RUNNERS = ("threads", "processes", "dask")
_CONTRACT = f"""
import os
import signal


def transform(frame):
    '''Some delays that the contract refuses; and once, where a test says so, the death of whoever curates this part.'''
    marker = os.environ.get("RUNNERS_MARKER")
    if marker and frame["id"].min() == {(KILLED - 1) * 250 + 1}:
        if marker == "always" or not os.path.exists(marker):
            open(marker, "w").close() if marker != "always" else None
            os.kill(os.getpid(), signal.SIGKILL)
    return frame.assign(dep_delay=frame["dep_delay"].mask(frame["id"] % 97 == 0, 5_000))


DATASET = dataclasses.replace(DATASET, transform=transform)
"""


@pytest.fixture(scope="module")
def folder(world: World, write_contract: Any) -> Path:
    """A contract whose batch is of eight raw parts, loaded once."""
    folder = write_contract(
        NAME, "flights", size=250, write='Upsert(key="id")', quality="Quality(max_quarantine_ratio=0.5)"
    )
    path = folder / f"{NAME}.py"
    path.write_text(path.read_text() + _CONTRACT)
    loaded = world.esteira("ingest", NAME, "--datasets", str(folder), "--json")
    assert loaded.code == 0, loaded.err
    return folder


def again(world: World, folder: Path, runner: str, **env: str) -> Result:
    """Load it again from its raw parts."""
    asked = {"ESTEIRA_RUNNER": runner, "ESTEIRA_WORKERS": "2", **env}
    return world.esteira("ingest", NAME, "--from", "raw", "--datasets", str(folder), "--json", env=asked)


def lake(world: World) -> dict[str, bytes]:
    """What lies in the zones, by key."""
    bucket = world.stack.env["ESTEIRA_LAKE_BUCKET"]
    with closing(as_root(world.stack, "s3")) as s3:
        pages = [
            s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{zone}/{NAME}/")
            for zone in ("curated", "quarantine")
        ]
        keys = [entry["Key"] for each in pages for page in each for entry in page.get("Contents", ())]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def seal_of(found: dict[str, bytes], generation: int) -> dict[str, Any]:
    (key,) = [key for key in found if key.endswith(f"generation-{generation:03d}/SEAL.json")]
    return json.loads(found[key])


def without_names(seal: dict[str, Any]) -> dict[str, Any]:
    """A seal without what an attempt makes up: its own name, the keys that contain it, and the generation that was asked for."""
    parts = {
        zone: [part | {"key": part["key"].rsplit("/", 1)[1]} for part in seal[zone]] for zone in ("parts", "quarantine")
    }
    profile = seal["profile"] | {"key": ""}
    return seal | parts | {"profile": profile, "attempt": "", "generation": 0}


def running(world: World) -> list[str]:
    """Task runs of parts that the server takes for running."""
    asked = json.dumps(
        {"task_runs": {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}, "name": {"like_": "curate part"}}}
    ).encode()
    request = urllib.request.Request(
        world.stack.env["PREFECT_API_URL"] + "/task_runs/filter", asked, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return [run["name"] for run in json.load(answer)]


@pytest.fixture(scope="module")
def loaded(world: World, folder: Path) -> tuple[list[Result], dict[str, bytes]]:
    """Generations 2, 3 and 4, by each runner."""
    results = [again(world, folder, runner) for runner in RUNNERS]
    return results, lake(world)


def test_each_runner_curates_the_same_parts_to_the_byte(loaded: Any):
    results, found = loaded
    assert [result.code for result in results] == [0, 0, 0], [result.err for result in results]
    seals = [seal_of(found, generation) for generation in (2, 3, 4)]
    assert len(seals[0]["parts"]) == PARTS
    assert len(seals[0]["quarantine"]) > 0
    hashes = {hashlib.sha256(json.dumps(without_names(seal), sort_keys=True).encode()).hexdigest() for seal in seals}
    assert len(hashes) == 1, [without_names(seal) for seal in seals]


def test_what_is_sealed_lies_in_the_lake(loaded: Any):
    _, found = loaded
    for generation in (2, 3, 4):
        seal = seal_of(found, generation)
        for part in (*seal["parts"], *seal["quarantine"], seal["profile"]):
            assert hashlib.sha256(found[part["key"]]).hexdigest() == part["sha256"]


@pytest.mark.parametrize("runner", ["processes", "dask"])
def test_a_killed_worker_costs_its_parts_and_not_the_batch(
    world: World, folder: Path, loaded: Any, tmp_path: Path, runner: str
):
    marker = tmp_path / "killed"
    result = again(world, folder, runner, RUNNERS_MARKER=str(marker))
    assert marker.exists(), "no worker was killed: nothing is shown"
    assert result.code == 0, result.err
    found, (fact,) = lake(world), result.facts
    assert without_names(seal_of(found, fact["generation"])) == without_names(seal_of(loaded[1], 2))
    folder_of = f"generation-{fact['generation']:03d}/"
    stored = Counter(
        key.rsplit("-", 1)[1] for key in found if folder_of in key and key.startswith("curated/") and "/part-" in key
    )
    assert len(stored) == PARTS
    assert running(world) == []
    twice = (
        sum(stored.values()) - PARTS
    )  # what the other worker had begun, and what the dead one had not handed over yet
    assert twice <= 3, stored


def test_a_part_that_kills_each_worker_ends_the_run_and_says_so(world: World, folder: Path, loaded: Any):
    result = again(world, folder, "processes", RUNNERS_MARKER="always")
    assert result.code == WorkerLost.exit_code, result.err
    assert f"WorkerLost [{NAME}" in result.err
    assert "ESTEIRA_WORKERS" in result.err


def test_a_scheduler_that_does_not_answer_is_named(world: World, folder: Path, loaded: Any):
    nobody = f"tcp://127.0.0.1:{Ports.free().resolved().portal}"
    result = again(world, folder, "dask", ESTEIRA_DASK_SCHEDULER=nobody, DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT="1s")
    assert result.code == LakeUnavailable.exit_code, result.err
    assert f"No workers can be had at {nobody}" in result.err


@contextmanager
def cluster(world: World, folder: Path, **env: str) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers that nobody starts again, as on machines of their own: they have the stage's variables and nothing of a run."""
    port = Ports.free().resolved().portal
    address = f"tcp://127.0.0.1:{port}"
    environment = world.stack.client_environment() | {"ESTEIRA_DATASETS": str(folder)} | env
    module = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-dashboard",
    ]
    worker = [
        sys.executable,
        "-m",
        "distributed.cli.dask_worker",
        address,
        "--host",
        "127.0.0.1",
        "--nthreads",
        "1",
        "--no-nanny",
        "--no-dashboard",
    ]
    started = [
        subprocess.Popen(command, env=environment, cwd=CHECKOUT, stderr=subprocess.DEVNULL)
        for command in (module, worker, worker)
    ]
    try:
        yield address, started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_a_cluster_that_runs_curates_for_a_run_and_one_of_its_workers_may_die(
    world: World, folder: Path, loaded: Any, tmp_path: Path
):
    marker = tmp_path / "killed"
    with cluster(world, folder, RUNNERS_MARKER=str(marker)) as (address, workers):
        result = again(world, folder, "dask", ESTEIRA_DASK_SCHEDULER=address)
        assert sorted(process.poll() or 0 for process in workers) == [-signal.SIGKILL, 0]
    assert result.code == 0, result.err
    (fact,) = result.facts
    assert without_names(seal_of(lake(world), fact["generation"])) == without_names(seal_of(loaded[1], 2))


def test_a_worker_with_other_contracts_is_refused(world: World, folder: Path, loaded: Any, tmp_path: Path):
    other = tmp_path / "contracts"
    shutil.copytree(folder, other)
    with (other / f"{NAME}.py").open("a") as file:
        file.write("# another version\n")
    with cluster(world, other) as (address, _):
        result = again(world, folder, "dask", ESTEIRA_DASK_SCHEDULER=address)
    assert result.code == ConfigError.exit_code, result.err
    assert "A worker has esteira" in result.err
