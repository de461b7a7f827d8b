"""One whole laptop stack for this folder: portal, AWS, Redshift, Prefect and the Slack catcher; the command line runs against it.

Each scenario has datasets of its own name, so that none sees another's tables, batches or seals. A tag in their request
parameters makes their requests recognisable in the portal's log.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.ports import Ports
from local.stack import Stack, StackConfig, running
from tests.main_job.world import Result, World, as_root, run_python

FLIGHTS = 2_000
STORY_SECONDS = 480
"""A fixture is a whole story of commands, and a crowded machine takes four times as long as a quiet one."""
WRONG_TOKEN = "Bb2wrong0token0that0nobody0may0read"
_BLOCKS = """
import json, sys
from blocks import PortalBlock
from cli.stack import prepare_prefect
prepare_prefect()
for name, fields in json.loads(sys.argv[1]).items():
    PortalBlock(allow_private_hosts=True, **fields).save(name, overwrite=True)
"""
_DERIVED_CONTRACT = '''"""A variant of a real contract, for one scenario."""

import dataclasses

from datasets.{base} import DATASET as _BASE
from esteira.contract import Append, Quality, Reference, Replace, Upsert  # noqa: F401

_SOURCE = dataclasses.replace(_BASE.source, **{{"params": {params!r}, "incremental": None, "pages_per_part": 1}} | {source!r})
DATASET = dataclasses.replace(_BASE, name="{name}", title={{}}, source=_SOURCE, write={write}, quality={quality})
'''


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(STORY_SECONDS))


@pytest.fixture(scope="session")
def html_portal() -> Iterator[str]:
    """A portal that answers 200 with a page for people."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _HtmlHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, html_portal: str) -> Iterator[World]:
    """The stack with blocks and automation registered, as after `esteira stack up`, and a few broken portals."""
    state = tmp_path_factory.mktemp("main-job")
    with running(StackConfig(state=state, ports=Ports.free(), flights_limit=FLIGHTS)) as stack:
        world = World(stack)
        secret = _put_wrong_secret(stack)
        portals = {
            "portal-wrong-token": {
                "base_url": stack.env["ESTEIRA_PORTAL_URL"],
                "secret_name": secret,
                "auth": [{"type": "bearer"}],
            },
            "portal-down": {"base_url": f"http://127.0.0.1:{Ports.free().resolved().portal}"},
            "portal-html": {"base_url": html_portal},
        }
        prepared = world.python(_BLOCKS, json.dumps(portals))
        assert prepared.code == 0, prepared.err
        yield world


WriteContract = Callable[..., Path]


@pytest.fixture(scope="session")
def write_contract(tmp_path_factory: pytest.TempPathFactory) -> WriteContract:
    """Write a variant of a real contract into a folder (a new one by default); returns the folder."""

    def write(
        name: str, base: str = "airlines", *, size: int = 10_000, write: str = "Replace()", quality: str = "Quality()",
        folder: Path | None = None, **source: Any,
    ) -> Path:  # fmt: skip
        folder = folder or tmp_path_factory.mktemp(name.replace("_", "-"))
        params = {"_size": size, "_shape": "objects", "_tag": name}
        text = _DERIVED_CONTRACT.format(
            base=base, name=name, params=params, source=source, write=write, quality=quality
        )
        (folder / f"{name}.py").write_text(text)
        return folder

    return write


@pytest.fixture
def without_stack(tmp_path: Path) -> Callable[..., Result]:
    """Run the command line where no stack was ever started."""
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "ESTEIRA_STATE": str(tmp_path / "none")}
    return lambda *arguments: run_python("from cli.main import main; main()", *arguments, env=env)


class _HtmlHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = b"<html><body>The portal is under maintenance.</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: Any) -> None:
        return


def _put_wrong_secret(stack: Stack) -> str:
    name = stack.env["ESTEIRA_PORTAL_SECRET"] + "-wrong"
    with closing(as_root(stack, "secretsmanager")) as client:
        client.create_secret(Name=name, SecretString=json.dumps({"token": WRONG_TOKEN}))
    return name
