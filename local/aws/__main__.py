"""`python -m local.aws --data DIR --port N --root-file F`: ministack on 127.0.0.1, with enforcement, kept on disk."""

import argparse
import asyncio
import json
import logging
import os
from pathlib import Path

from local.aws.alarms import add_namespace_key
from local.aws.containers import run_tasks_as_processes
from local.aws.events import tell_more
from local.aws.gate import Gate, add_if_none_match_key, check_pins
from local.ports import HOST


def configure(data: Path, port: int, root: dict[str, str]) -> None:
    """Set ministack's environment; it reads it on import, so this comes first."""
    # Made here because ministack only logs an error when it cannot write, and then forgets everything.
    (data / "state").mkdir(parents=True, exist_ok=True)
    (data / "s3").mkdir(exist_ok=True)
    os.environ.update(
        AUTH="true", PERSIST_STATE="1", S3_PERSIST="1", BIND_HOST=HOST, IOT_MTLS_ENABLED="0", SFTP_ENABLED="0",
        GATEWAY_PORT=str(port), STATE_DIR=str(data / "state"), S3_DATA_DIR=str(data / "s3"), LOG_LEVEL="WARNING",
        AWS_ACCESS_KEY_ID=root["access_key_id"], AWS_SECRET_ACCESS_KEY=root["secret_access_key"],
        MINISTACK_REGION="us-east-1", AWS_DEFAULT_REGION="us-east-1",
        DOCKER_HOST=f"unix://{data / 'no-docker.sock'}",  # never touch a developer's containers
    )  # fmt: skip


def patch(data: Path) -> None:
    """Give ministack what it lacks; comes before it serves."""
    check_pins()
    add_if_none_match_key()
    tell_more()
    add_namespace_key()
    run_tasks_as_processes(data / "tasks")


def serve(port: int, root_key_id: str, data: Path) -> None:
    """Serve until SIGTERM or SIGINT."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack.app import app

    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    asyncio.run(hypercorn_serve(Gate(app, root_key_id, data), config))  # type: ignore[arg-type]


def main() -> None:
    """Read the command line, check the pins, patch and serve."""
    parser = argparse.ArgumentParser(prog="local.aws")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--root-file", type=Path, required=True)
    arguments = parser.parse_args()
    os.umask(0o077)
    logging.basicConfig(level=logging.WARNING)
    root = json.loads(arguments.root_file.read_text())
    configure(arguments.data, arguments.port, root)
    patch(arguments.data)
    serve(arguments.port, root["access_key_id"], arguments.data)


if __name__ == "__main__":
    main()
