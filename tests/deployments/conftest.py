"""One laptop stack for this folder, with everything deployed to its Prefect server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.ports import Ports
from local.stack import Stack, StackConfig, running
from tests.deployments.events import PREFECT_SECRET, Events
from tests.deployments.stage import POOL, Stage


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole stack with few flights."""
    state = tmp_path_factory.mktemp("deploy")
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=200)) as stack:
        yield stack


@pytest.fixture(scope="session")
def stage(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Deployed once. Workers have a temporary folder of their own: Prefect's has one name for all users, and belongs to the first of them."""
    temporary = str(tmp_path_factory.mktemp("worker"))
    more = {
        "ESTEIRA_WORK_POOL": POOL,
        "ESTEIRA_REVISION": "tested",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "TMPDIR": temporary,
    }
    stage = Stage(stack.client_environment() | more)
    stage.esteira("deploy")
    return stage


@pytest.fixture(scope="session")
def events(stack: Stack, stage: Stage) -> Events:
    """`infra/events.yaml` deployed beside the stage, and somebody who hears what is told."""
    events = Events(stack)
    events.put_secret(PREFECT_SECRET, api_url=stack.env["PREFECT_API_URL"])
    outputs = events.deploy("events.yaml", LakeBucket=events.bucket, **events.code())
    events.listen(outputs["NoticesTopicArn"])
    return events
