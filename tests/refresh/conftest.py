"""Each BI tool behind a loopback port, and the refresher that an asset of it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from esteira.contract import PowerBiRefresh, QuickSightIngestion, Webhook
from esteira.contract.refresher import Refreshing
from esteira.refresh import Refresher, open_refresher
from tests.refresh.tools import (
    ACCOUNT,
    CANARY,
    HOOK_KEY,
    MODEL,
    REGION,
    SPICE,
    TENANT,
    WORKSPACE,
    PowerBiService,
    QuickSight,
    Receiver,
    Tool,
    serving,
)

SECRETS = {
    "esteira/test/powerbi": {"client_id": "principal", "client_secret": CANARY},
    "esteira/test/hook": {"key": f"whsec_{HOOK_KEY}"},
}


@dataclass
class Bench:
    """One tool and what an asset says of it."""

    tool: Any
    wanted: Refreshing
    read: Callable[[str], Mapping[str, str]] = SECRETS.__getitem__

    def open(self) -> Refresher:
        return open_refresher(self.wanted, "test", self.read)


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _made(kind: str, moto: str) -> Tool:
    if kind == "quicksight":
        return QuickSight(moto=moto)
    return Receiver() if kind == "webhook" else PowerBiService(is_premium=kind == "power bi premium")


def wanted_of(tool: Tool) -> Refreshing:
    if isinstance(tool, QuickSight):
        return QuickSightIngestion(f"arn:aws:quicksight:{REGION}:{ACCOUNT}:dataset/{SPICE}")
    if isinstance(tool, Receiver):
        return Webhook(f"{tool.url}/hooks/esteira", secret="esteira/{stage}/hook", allow_private_hosts=True)
    assert isinstance(tool, PowerBiService)
    return PowerBiRefresh(
        workspace=WORKSPACE, model=MODEL, tenant=TENANT, secret="esteira/{stage}/powerbi", capacity="premium" if tool.is_premium else "shared",
        api_url=tool.url, login_url=tool.url, allow_private_hosts=True,
    )  # fmt: skip


KINDS = ("quicksight", "power bi shared", "power bi premium", "webhook")


@pytest.fixture
def bench(request: pytest.FixtureRequest, moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    tool = _made(request.param, moto)
    with serving(tool):
        environment = {
            "AWS_ENDPOINT_URL_QUICKSIGHT": tool.url, "AWS_ACCESS_KEY_ID": CANARY, "AWS_SECRET_ACCESS_KEY": "none", "AWS_MAX_ATTEMPTS": "2",
            "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield Bench(tool, wanted_of(tool))
