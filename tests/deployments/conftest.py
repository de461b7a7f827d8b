"""One laptop stack for this folder, with everything deployed to its Prefect server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.ports import Ports
from local.stack import StackConfig, running
from tests.deployments.stage import POOL, Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deployed once. Workers have a temporary folder of their own: Prefect's has one name for all users, and belongs to the first of them."""
    state, temporary = tmp_path_factory.mktemp("deploy"), tmp_path_factory.mktemp("worker")
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=200)) as stack:
        more = {"ESTEIRA_WORK_POOL": POOL, "PREFECT_LOGGING_LEVEL": "WARNING", "TMPDIR": str(temporary)}
        stage = Stage(stack.client_environment() | more)
        stage.esteira("deploy")
        yield stage
