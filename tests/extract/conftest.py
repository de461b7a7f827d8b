"""How the tests of this group open a portal, or a client alone: quick waits, loopback allowed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from esteira.auth import ApiKey, Auth, Secret
from esteira.contract import ApiSource
from esteira.http import Access, HttpClient, HttpConfig
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


@pytest.fixture
def client() -> Iterator[Callable[..., HttpClient]]:
    """Opens clients with the schemes, clock and secret that a test gives."""
    from issuer import FIELDS

    opened: list[HttpClient] = []

    def built(url: str, *schemes: Auth, clock: Any = time.monotonic, reread: Any = None, **options: Any) -> HttpClient:
        quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.02, "allow_private_hosts": True}
        config = HttpConfig(base_url=url, secret=SECRET, **(quick | {"max_attempts": 3} | options))
        access = Access(schemes, Secret(SECRET, FIELDS), clock=clock, reread=reread)
        opened.append(HttpClient(config, access))
        return opened[-1]

    yield built
    for each in opened:
        each.close()
