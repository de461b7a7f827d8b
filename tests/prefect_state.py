"""What the laptop's Prefect server keeps, as text: a search of its files would miss what PostgreSQL has compressed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from local.postgres import SUPERUSER, find_binaries
from local.state import StateFolder


def kept_by_prefect(state: str | Path) -> str:
    """Every row of every table of the server's database."""
    cluster = Path(state) / "prefect" / "database" / "cluster"
    command = [find_binaries() / "pg_dump", "--host", cluster, "--username", SUPERUSER, "--data-only", "postgres"]
    dumped = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "COPY public.flow_run " in dumped
    return dumped


def secrets_of(state: str | Path) -> set[str]:
    """Tokens, passwords and keys of a stack."""
    files = [path.read_text() for path in StateFolder(Path(state)).keys.iterdir() if path.is_file()]
    return set(re.findall(r"[A-Za-z0-9/+=]{20,}", "\n".join(files)))


def secrets_kept_by_prefect(state: str | Path) -> list[str]:
    """Those that stand in a run, a log, an artifact, an event or a block of the server."""
    kept = kept_by_prefect(state)
    return [one for one in secrets_of(state) if one in kept]
