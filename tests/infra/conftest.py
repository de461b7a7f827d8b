"""One emulated account for this folder, with stand-ins for what it does not know; each test deploys a stage of its own name into it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest

from infra.deploy.__main__ import main
from local.ports import HOST, free_ports
from local.supervisor import answers_http

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ROOT_KEY = {"access_key_id": "AKIAESTEIRATESTROOT0", "secret_access_key": "a-secret-of-this-test-run-alone-0000000"}


@dataclass(frozen=True)
class Aws:
    """The account, and how a command reaches it."""

    url: str
    environment: dict[str, str]

    def client(self, service: str, **key: str) -> Any:
        """A client with the root key, or with another."""
        login = key or {
            "aws_access_key_id": ROOT_KEY["access_key_id"],
            "aws_secret_access_key": ROOT_KEY["secret_access_key"],
        }
        return boto3.Session(region_name=REGION, **login).client(service, endpoint_url=self.url)

    def run(self, module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m MODULE` with this account's login; nobody sits at the terminal."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, env={**self.environment, **environment},
            capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def deploy(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The same of `infra.deploy`, but in this process: starting one costs more than most commands do."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, {**self.environment, **environment}, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(list(arguments))
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def status(self, stack: str) -> str | None:
        """Of a stack; None when there is none."""
        client = self.client("cloudformation")
        found = [s for s in client.list_stacks()["StackSummaries"] if s["StackName"] == stack]
        living = [s["StackStatus"] for s in found if s["StackStatus"] != "DELETE_COMPLETE"]
        return living[0] if living else None


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """A running, empty account."""
    folder, (port,) = tmp_path_factory.mktemp("aws"), free_ports(1)
    (folder / "root.json").write_text(json.dumps(ROOT_KEY))
    url = f"http://{HOST}:{port}"
    command = [sys.executable, "-m", "tests.infra.emulator", str(port), str(folder / "data"), str(folder / "root.json")]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
        try:
            _wait(url, process, folder / "log")
            yield Aws(url, _environment(url))
        finally:
            process.terminate()


@pytest.fixture
def deploy(aws: Aws) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `python -m infra.deploy` as a person does."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return aws.deploy(*arguments, **environment)

    return run


def _environment(url: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ESTEIRA_"))}
    return clean | {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ROOT_KEY["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY["secret_access_key"],
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
    }


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    import time

    is_ready = answers_http(f"{url}/_ministack/health")
    for _ in range(200):
        if process.poll() is not None:
            break
        if is_ready():
            return
        time.sleep(0.05)
    raise RuntimeError(f"the emulator does not start: {log.read_text()[-2000:]}")
