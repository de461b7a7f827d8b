"""The laptop's Prefect server: its environment and its command. Owns nothing but where the server keeps its files."""

import sys
from pathlib import Path

from local.ports import HOST


def api_url(port: int) -> str:
    """The address of the API, for clients and for the UI's own requests."""
    return f"http://{HOST}:{port}/api"


def ui_url(port: int) -> str:
    """The address a person opens; Prefect needs it to write links into notifications."""
    return f"http://{HOST}:{port}"


def command(port: int) -> list[str]:
    """The command line of a server on one port."""
    return [sys.executable, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)]


def environment(home: Path, port: int) -> dict[str, str]:
    """What the server needs in its environment to stay inside `home` and on this port."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": api_url(port),
        "PREFECT_UI_URL": ui_url(port),
        # Without it the UI calls port 4200 and stays blank on any other.
        "PREFECT_SERVER_UI_API_URL": api_url(port),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
    }
