"""How the tests of this group open a portal: quick waits, loopback allowed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esteira.auth import ApiKey
from esteira.contract import ApiSource
from esteira.portal import Portal, PortalConfig

sys.path.insert(0, str(Path(__file__).parent))  # `hostile` is a file of this folder, which is no package

CANARY = "canary-7f3e9b1c55d04a"
SECRET = "esteira/test/portal"


@pytest.fixture
def open_portal() -> Callable[..., Portal]:
    def opened(base_url: str, fields: Any = None, **options: Any) -> Portal:
        quick = {
            "backoff_base_seconds": 0.01,
            "backoff_cap_seconds": 0.02,
            "allow_private_hosts": True,
            "secret": SECRET,
        }
        quick |= {"auth": (ApiKey("X-Api-Key"),), "connect_timeout_seconds": 2, "read_timeout_seconds": 2}
        return Portal(PortalConfig(name="hostile", base_url=base_url, **(quick | options)), fields or {"token": CANARY})

    return opened


@pytest.fixture
def source() -> Callable[..., ApiSource]:
    def built(**options: Any) -> ApiSource:
        return ApiSource(**({"portal": "hostile", "path": "/rows", "records": "rows"} | options))

    return built
