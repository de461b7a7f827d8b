"""The whole demo, run once at DEBUG for those who look at what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.ports import Ports
from tests.conventions.sources import ROOT

THEIRS = (
    "secrets/",
    "aws/credentials",
    "portal/metadata.json",
    "aws-data/state/secretsmanager.json",
    "aws-data/state/iam.json",
    "aws-data/state/sts.json",
)
"""Where secrets are kept: the folder that makes them, the client's profile, the portal itself, Secrets Manager, and AWS' own list of keys."""
CLUSTERS = ("warehouse/cluster/", "prefect/database/cluster/")
"""Of PostgreSQL, which compresses: to be dumped instead."""
DEMO_SECONDS = 300


@dataclass(frozen=True)
class Demo:
    """One that has ended.

    Attributes:
        state: Its stack's folder.
        ports: Where that stack listened.
        found: What it printed and logged, its report, and each file that it left but for secrets and databases, by where it is.
    """

    state: Path
    ports: Ports
    found: dict[str, bytes]


def run_demo(folder: Path) -> Demo:
    """Run it at DEBUG, in an empty folder that the database's own user may reach."""
    ports, report = Ports.free().resolved(), folder / "report.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ESTEIRA_"))}
    environment |= {f"ESTEIRA_PORT_{name.upper()}": str(port) for name, port in vars(ports).items()}
    environment |= {
        "ESTEIRA_STATE": str(folder), "PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG", "ESTEIRA_LOG_FORMAT": "json",
    }  # fmt: skip
    program = [sys.executable, "-c", "from cli.main import main; main()"]
    done = subprocess.run(
        [*program, "--debug", "demo", "--report", report], cwd=ROOT, env=environment, capture_output=True, timeout=DEMO_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:].decode()
    state = folder / "demo"
    said = {"what it printed": done.stdout, "what it logged": done.stderr, "report": report.read_bytes()}
    return Demo(state, ports, said | _files(state))


def _files(state: Path) -> dict[str, bytes]:
    names = {path.relative_to(state).as_posix(): path for path in sorted(state.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in names.items() if not name.startswith((*THEIRS, *CLUSTERS))}
