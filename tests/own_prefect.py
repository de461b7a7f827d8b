"""A Prefect server of a test's own, for one that stops it or deploys to it what others must not see."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import prefect_server
from local.supervisor import answers_http, clean_environment

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120.0


@contextmanager
def prefect(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """It answers when the block begins, and is killed when it ends.

    Args:
        home: Its folder; what an earlier one left there is taken up.
        port: Where it listens.
    """
    home.mkdir(exist_ok=True)
    environment = clean_environment() | prefect_server.environment(home, port)
    with (home / "server.log").open("ab") as log:
        server = subprocess.Popen(prefect_server.command(home, port), env=environment, stdout=log, stderr=log, cwd=ROOT)
    try:
        deadline, answers = time.monotonic() + START_SECONDS, answers_http(f"{prefect_server.api_url(port)}/health")
        while not answers():
            assert time.monotonic() < deadline, (home / "server.log").read_text()[-2000:]
            time.sleep(0.1)
        yield server
    finally:
        server.kill()
        server.wait()
