"""The environment of one command: what the running laptop stack wrote, below what the caller set."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from esteira.allocator import bound_arenas
from esteira.errors import ConfigError
from esteira.observe.lines import ask_for_lines, is_json

STATE_VARIABLE = "ESTEIRA_STATE"
"""Folder of the laptop stack's state; `.esteira` in the current folder by default."""
_NO_SERVER = "Start the laptop stack with `esteira stack up`, or correct PREFECT_API_URL."
HEALTH_SECONDS = 30
"""A server that is down refuses at once; one that is only busy, as on a crowded machine, is waited for."""


def state_folder() -> Path:
    """Where the laptop stack keeps everything: `ESTEIRA_STATE`, or `.esteira` in the current folder."""
    return Path(os.environ.get(STATE_VARIABLE, ".esteira")).resolve()


def load_environment(*, is_debug: bool = False) -> None:
    """Take over the laptop stack's variables, unless the caller points at a stage of their own (`ESTEIRA_LAKE_BUCKET`).

    The stack's values win over the machine's: a foreign AWS key or CA bundle would lead its clients astray. Must run before
    Prefect is imported.
    """
    if "ESTEIRA_LAKE_BUCKET" not in os.environ:
        adopt(_stack_variables(state_folder() / "stack.env"))
    # A person waits at the terminal and the same command resumes, so one short retry is enough there.
    os.environ.setdefault("ESTEIRA_STEP_RETRIES", "1")
    os.environ.setdefault("ESTEIRA_STEP_RETRY_SECONDS", "3")
    os.environ.setdefault("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE", "false")
    # Arrow's own pool keeps what was freed: 60 MB of a batch's peak. Read when pyarrow is imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    bound_arenas()
    ask_for_lines(os.environ)
    if not is_debug and not is_json():
        # Prefect's logs belong in its UI; the command prints its own lines. (Any key of Prefect's logging.yml can be set so.)
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"


def require_prefect() -> None:
    """Find out at once whether there is a Prefect server, instead of in the middle of a flow.

    Raises:
        ConfigError: None is configured, or it does not answer.
    """
    address = require_address()
    try:
        urllib.request.urlopen(f"{address}/health", timeout=HEALTH_SECONDS).close()  # noqa: S310 - the operator's own setting
    except (OSError, ValueError) as exc:
        raise ConfigError(f"The Prefect server at {address} does not answer.", hint=_NO_SERVER) from exc


def require_address() -> str:
    """The address of the Prefect server.

    Raises:
        ConfigError: None is configured.
    """
    address = os.environ.get("PREFECT_API_URL")
    if not address:
        raise ConfigError("PREFECT_API_URL is not set, so there is no Prefect server to run on.", hint=_NO_SERVER)
    return address


def adopt(variables: Mapping[str, str]) -> None:
    """Make a stack's variables this process's own."""
    if variables:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
    os.environ.update(variables)


def _stack_variables(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    pairs = (
        line.split("=", 1)
        for line in path.read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    )
    return {name.strip(): value.strip() for name, value in pairs}
