"""One laptop stack for this folder's tests, on free ports, without the parts that have tests of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.aws.bootstrap import REGION
from local.ports import Ports
from local.stack import Stack, StackConfig, running
from local.state import StateFolder
from tests.stack.demo import Demo, run_demo

ClientMaker = Callable[..., Any]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack with all the flights."""
    state = tmp_path_factory.mktemp("stack")
    with running(StackConfig(state=state, ports=Ports.free(), with_prefect=False, with_warehouse=False)) as stack:
        yield stack


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The whole demo has run, and its stack is down."""
    folder = tmp_path_factory.mktemp("demo")
    folder.chmod(0o755)  # the database's own user must reach its folder
    return run_demo(folder)


@pytest.fixture(scope="session")
def after_demo(demo: Demo) -> Iterator[Stack]:
    """Its stack, up again but for the portal."""
    with running(StackConfig(state=demo.state, ports=demo.ports, with_portal=False)) as stack:
        yield stack


def _session(stack: Stack, who: str) -> boto3.Session:
    if who == "root":
        _, key = StateFolder(stack.state).root_key()
        return boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
    profiles = {"task": "esteira-task", "upkeep": "esteira-upkeep", "drop": "esteira-drop", "laptop": "laptop"}
    return boto3.Session(profile_name=profiles[who])


@pytest.fixture
def client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> ClientMaker:
    """Makes boto3 clients as `task`, `upkeep`, `drop`, `laptop`, `copy` or `root`, from the environment that the stack hands out."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)

    def make(service: str, who: str = "task") -> Any:
        session = _copy_session(stack) if who == "copy" else _session(stack, who)
        return session.client(service)

    return make


def _copy_session(stack: Stack) -> boto3.Session:
    import json

    key = json.loads((Path(stack.state) / "secrets" / "aws-redshift-service.json").read_text())
    sts = boto3.Session(key["access_key_id"], key["secret_access_key"], region_name=REGION).client("sts")
    got = sts.assume_role(RoleArn=stack.env["ESTEIRA_COPY_ROLE_ARN"], RoleSessionName="test")["Credentials"]
    return boto3.Session(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region_name=REGION)
