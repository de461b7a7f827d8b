"""The laptop's Prefect server and the PostgreSQL that it keeps its state in: `python -m local.prefect_server --data DIR --port N`.

Not SQLite, which is Prefect's default: of two of its transactions that meet, one ends with `database is locked`, and an event that an
automation waits for is dropped with it. Three of six runs that had started were told as late (3.8.8).
"""

from __future__ import annotations

import argparse
import os
import runpy
import signal
import sys
from pathlib import Path
from urllib.parse import quote

from local.ports import HOST
from local.postgres import SUPERUSER, Postgres, PostgresError

DATABASE_SETTINGS = {
    "default_transaction_isolation": "read committed",
    "enable_mergejoin": "on",
    "shared_buffers": "64MB",
    "synchronous_commit": "off",  # a machine that loses power may lose the last half second of run history, nothing else
    "max_connections": "100",
}


def api_url(port: int) -> str:
    """The address of the API, for clients and for the UI's own requests."""
    return f"http://{HOST}:{port}/api"


def ui_url(port: int) -> str:
    """The address a person opens; Prefect needs it to write links into notifications."""
    return f"http://{HOST}:{port}"


def command(home: Path, port: int) -> list[str]:
    """The command line of a server on one port."""
    return [sys.executable, "-m", "local.prefect_server", "--data", str(home), "--port", str(port)]


def environment(home: Path, port: int) -> dict[str, str]:
    """What the server needs in its environment to stay inside `home` and on this port."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": api_url(port),
        "PREFECT_UI_URL": ui_url(port),
        # Without it the UI calls port 4200 and stays blank on any other.
        "PREFECT_SERVER_UI_API_URL": api_url(port),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # A laptop that is busy with something else is slow, not broken; by default a statement has 10 s and a connection 5.
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "30",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
    }


def main(arguments: list[str] | None = None) -> int:
    """Start PostgreSQL, serve until SIGTERM or SIGINT, stop PostgreSQL."""
    parser = argparse.ArgumentParser(prog="python -m local.prefect_server", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    database = Postgres(options.data / "database", settings=DATABASE_SETTINGS)
    # uvicorn hands a signal on when it has ended, and by default that would be the end of this process too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        database.start()
    except PostgresError as exc:
        print(f"Prefect's database: {exc}", file=sys.stderr)
        return 1
    try:
        _serve(options.port, database)
    finally:
        database.stop()
    return 0


def _serve(port: int, database: Postgres) -> None:
    """In this process, so that a PostgreSQL without its Prefect, or the other way round, cannot be."""
    folder = quote(str(Path(database.socket_path).parent), safe="")
    os.environ["PREFECT_API_DATABASE_CONNECTION_URL"] = f"postgresql+asyncpg://{SUPERUSER}@/postgres?host={folder}"
    sys.argv = ["prefect", "server", "start", "--host", HOST, "--port", str(port)]
    runpy.run_module("prefect", run_name="__main__")


if __name__ == "__main__":
    sys.exit(main())
