"""A real Prefect server whose automations post to a catcher in this process, which can be told to refuse; no warehouse and no lake."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_UI_URL,
    temporary_settings,
)

from local.certificates import ensure_certificates
from local.parts import Plan
from local.ports import Ports
from local.prefect_server import api_url, ui_url
from local.slack import MessageLog, SlackServer, _Handler
from local.state import StateFolder
from local.supervisor import Part, Supervisor

ARRIVAL_SECONDS = 40.0
"""Until a message is given up: a crowded machine takes its time. The figure that matters is printed."""
SLACK_URL = "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx"
WAITS = {"LATE": 10, "PENDING": 10, "SILENT": 10, "DELIVERY": 10}
_TO_THE_CATCHER = """
from apprise.plugins.slack import NotifySlack
NotifySlack.webhook_url = "http://127.0.0.1:{port}/apprise"
"""


class _Refusing(_Handler):
    """The catcher, but for the paths that are down."""

    def do_POST(self) -> None:  # noqa: N802 - the name that http.server calls
        if self.path in self.server.down:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(503, "text/plain", "service_unavailable")
            return
        super().do_POST()

    def log_message(self, *_: Any) -> None:
        return


@dataclass
class World:
    """The server, and what the channels received."""

    port: int
    catcher: Any
    start_server: Callable[[], Any]
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def name(self) -> str:
        """A dataset of a test's own."""
        return f"dataset_{next(self._numbers)}"

    @property
    def client(self) -> SyncPrefectClient:
        return get_client(sync_client=True)

    def received(self, word: str) -> list[dict[str, Any]]:
        """Messages with a word, the oldest first."""
        return [
            each
            for each in self.catcher.log.newest_first()[::-1]
            if word in json.dumps(each["body"], ensure_ascii=False)
        ]

    def wait_for(self, word: str, count: int = 1) -> list[dict[str, Any]]:
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while len(found := self.received(word)) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(found) == count, (word, found, self.catcher.log.newest_first()[:5])
        return found

    def events(self, name: str, resource: str) -> list[dict[str, Any]]:
        """What the server keeps of an event, once it is there."""
        wanted = {"filter": {"event": {"name": [name]}, "resource": {"id": [resource]}}}
        deadline = time.monotonic() + ARRIVAL_SECONDS
        with self.client as client:
            while time.monotonic() < deadline:
                if found := client.request("POST", "/events/filter", json=wanted).json()["events"]:
                    return list(found)
                time.sleep(0.2)
        return []

    @contextmanager
    def refusing(self, path: str) -> Iterator[None]:
        self.catcher.down.add(path)
        try:
            yield
        finally:
            self.catcher.down.discard(path)

    def run(self, work: Callable[[], Any]) -> Any:
        """Something that happens in a flow run."""
        return flow(work, name="ingest", flow_run_name="a run", persist_result=False)()


def seconds_since(moment: datetime, message: dict[str, Any]) -> float:
    return (datetime.fromisoformat(message["received_at"]) - moment.astimezone(UTC)).total_seconds()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("alerts")
    folder = StateFolder(root)
    folder.prepare()
    ports = Ports.free().resolved()
    catcher: Any = SlackServer(0, MessageLog(root / "slack" / "messages.jsonl"))
    catcher.RequestHandlerClass, catcher.down = _Refusing, set()
    threading.Thread(target=catcher.serve_forever, daemon=True).start()
    part = _server(Plan(folder, ports, ensure_certificates(root / "tls")), root / "patched", catcher.server_port)
    started: list[Supervisor] = []

    def start_server() -> None:
        while started:
            started.pop().stop()
        started.append(Supervisor(root / "log"))
        started[0].start(part)

    start_server()
    settings = {
        PREFECT_API_URL: api_url(ports.prefect),
        PREFECT_UI_URL: ui_url(ports.prefect),
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
    }
    with pytest.MonkeyPatch.context() as patch, temporary_settings(settings):
        _environment(patch, f"http://127.0.0.1:{catcher.server_port}")
        yield World(ports.prefect, catcher, start_server)
    started[0].stop()
    catcher.shutdown()
    catcher.server_close()


@pytest.fixture(scope="session")
def applied(world: World) -> dict[str, str]:
    """What the first application said."""
    from deployments.automations import apply_here

    address = f"http://127.0.0.1:{world.catcher.server_port}"
    CustomWebhookNotificationBlock(
        name="finance", url=f"{address}/finance", json_data={"text": "{{subject}}\n{{body}}"}
    ).save("finance")
    with warnings.catch_warnings():  # apprise imports what Python is about to remove
        warnings.simplefilter("ignore", DeprecationWarning)
        SlackWebhook(url=SLACK_URL).save("real-slack")
    return apply_here(contracts())


def contracts() -> Path:
    return Path(__file__).resolve().parents[2] / "datasets"


def _environment(patch: pytest.MonkeyPatch, address: str) -> None:
    for name in [name for name in os.environ if name.startswith("ESTEIRA_")]:
        patch.delenv(name)
    patch.setenv("ESTEIRA_SLACK_URL", f"{address}/slack")
    needed = {
        "STAGE": "test",
        "LAKE_BUCKET": "lake",
        "WAREHOUSE_HOST": "localhost",
        "WAREHOUSE_SECRET": "s",
        "COPY_ROLE_ARN": "arn",
    }
    for name, value in needed.items():
        patch.setenv(f"ESTEIRA_{name}", value)
    patch.setenv("ESTEIRA_SECOND_URL", f"{address}/second")
    patch.setenv(
        "ESTEIRA_CHANNELS", json.dumps({"finance": "custom-webhook/finance", "sales": "slack-webhook/real-slack"})
    )
    for name, seconds in WAITS.items():
        patch.setenv(f"ESTEIRA_ALERT_{name}_SECONDS", str(seconds))


def _server(plan: Plan, patched: Path, port: int) -> Part:
    """The stack's own server. Apprise posts to Slack's address alone, so that is another one in this process."""
    patched.mkdir()
    (patched / "sitecustomize.py").write_text(_TO_THE_CATCHER.format(port=port))
    part = plan.prefect()
    return replace(part, environment={**part.environment, "PYTHONPATH": str(patched)})
