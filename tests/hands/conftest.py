"""One whole laptop stack for the commands that look at it: preview, new, doctor; `esteira drift` alone loads one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.ports import Ports
from local.stack import StackConfig, running
from tests.main_job.world import Warm, World

FLIGHTS = 2_000
BLOCKS = """
import json, sys
from blocks import PortalBlock
from cli.stack import prepare_prefect
prepare_prefect()
for name, fields in json.loads(sys.argv[1]).items():
    PortalBlock(allow_private_hosts=True, **fields).save(name, overwrite=True)
"""
CONTRACT = '''"""A variant of a real contract."""

import dataclasses

from datasets.{base} import DATASET as _BASE

{body}
'''


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The stack with blocks registered, as after `esteira stack up`."""
    state = tmp_path_factory.mktemp("hands")
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=FLIGHTS)) as stack:
        world = World(stack)
        prepared = world.python(BLOCKS, json.dumps(broken_portals()))
        assert prepared.code == 0, prepared.err
        yield world


@pytest.fixture(scope="session")
def warm(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warm]:
    """The command line in a process that has imported everything."""
    with world.warm(tmp_path_factory.mktemp("warm")) as process:
        yield process


def broken_portals() -> dict[str, Any]:
    return {"portal-down": {"base_url": f"http://127.0.0.1:{Ports.free().resolved().portal}"}}
