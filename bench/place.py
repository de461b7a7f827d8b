"""Where the contest takes place: the laptop's S3 and warehouse, the replaying portal, and a bucket for the peers.

A peer works under the root key of that bucket and as PostgreSQL's superuser: no permission is ever checked against it.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from local.aws.bootstrap import REGION
from local.ports import HOST, Ports
from local.postgres import SUPERUSER
from local.stack import Stack, StackConfig, running
from local.state import StateFolder

PEER_BUCKET = "bench-peers"
_START_SECONDS = 20


@dataclass(frozen=True)
class Place:
    """A running stack and the replaying portal beside it."""

    stack: Stack
    replay_port: int
    token: str = field(repr=False)

    def replay_url(self, rows: str, *, size: int = 10_000, factor: int = 1) -> str:
        """The first page of a set of records."""
        return f"http://{HOST}:{self.replay_port}/flights/{rows}.json?_size={size}&_shape=objects&_factor={factor}"

    def warm(self, rows: str, *, size: int = 10_000) -> None:
        """Let the portal make its pages now."""
        request = urllib.request.Request(
            self.replay_url(rows, size=size), headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(request) as answer:
            answer.read()

    def environment(self) -> dict[str, str]:
        """What our own process needs; of memory what the image and the command line say too."""
        memory = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "4194304"}
        return self.stack.client_environment() | {"BENCH_TOKEN": self.token} | memory

    def peer_environment(self) -> dict[str, str]:
        """What a peer's process needs; nothing of ours in it."""
        _, key = StateFolder(Path(self.stack.state)).root_key()
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "BENCH_TOKEN": self.token,
            "BENCH_BUCKET": PEER_BUCKET,
            "BENCH_POSTGRES": f"postgresql://{SUPERUSER}:unused@{str(self.postgres_folder).replace('/', '%2F')}:5432/dev",
            "AWS_ENDPOINT_URL": self.stack.env["AWS_ENDPOINT_URL"],
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def postgres_folder(self) -> Path:
        """Folder of the Unix socket of the PostgreSQL behind the warehouse."""
        return next(Path(self.stack.state).rglob(".s.PGSQL.5432")).parent

    def s3(self) -> Any:
        """S3 as root: to look at what was written."""
        _, key = StateFolder(Path(self.stack.state)).root_key()
        session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
        return session.client("s3", endpoint_url=self.stack.env["AWS_ENDPOINT_URL"])


@contextmanager
def open_place(folder: Path, *, is_whole: bool = False) -> Iterator[Place]:
    """Start everything below a folder and stop it on the way out; the whole stack has the live portal and Prefect too."""
    config = StackConfig(state=folder / "stack", ports=Ports.free(), with_prefect=is_whole, with_portal=is_whole)
    with running(config) as stack, _replaying() as (port, token):
        place = Place(stack, port, token)
        place.s3().create_bucket(Bucket=PEER_BUCKET)
        yield place


@contextmanager
def _replaying() -> Iterator[tuple[int, str]]:
    port, token = Ports.free().resolved().portal, secrets.token_hex(16)
    command = [sys.executable, "-m", "bench.replay", "--port", str(port)]
    server = subprocess.Popen(command, env=os.environ | {"BENCH_TOKEN": token})
    try:
        _await_listening(port)
        yield port, token
    finally:
        server.terminate()
        server.wait()


def _await_listening(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"bench.replay did not listen on port {port} within {_START_SECONDS} s")
