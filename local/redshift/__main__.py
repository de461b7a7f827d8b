"""`python -m local.redshift`: run the local Redshift until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from local.postgres import PostgresError
from local.redshift.server import HOST, Gateway, PortBusy


def main(arguments: list[str] | None = None) -> int:
    """Start, say so in one line, wait for a signal, stop."""
    options = _parse(arguments)
    users = dict(zip(options.user, (path.read_text().strip() for path in options.password_file), strict=True))
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    gateway = Gateway(
        options.data,
        port=options.port,
        certificate=options.cert,
        key=options.key,
        users=users,
        database=options.database,
        isolation=options.isolation,
    )
    try:
        gateway.start()
    except (PortBusy, PostgresError) as exc:
        print(f"local Redshift: {exc}", file=sys.stderr)
        return 1
    _announce(gateway, options)
    stopping.wait()
    gateway.stop()
    return 0


def _announce(gateway: Gateway, options: argparse.Namespace) -> None:
    if options.ready_file is not None:
        part = options.ready_file.with_suffix(".part")
        part.write_text(f"{gateway.port}\n")
        part.replace(options.ready_file)
    print(f"local Redshift ready on {HOST}:{gateway.port}, database {options.database}", flush=True)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.redshift", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=5439)
    parser.add_argument("--cert", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--user", action="append", required=True, help="may repeat, each with its --password-file")
    parser.add_argument("--password-file", type=Path, action="append", required=True)
    parser.add_argument("--database", default="dev")
    parser.add_argument(
        "--isolation", choices=("snapshot", "serializable"), help="of the database; kept when not given"
    )
    parser.add_argument("--ready-file", type=Path)
    options = parser.parse_args(arguments)
    if len(options.user) != len(options.password_file):
        parser.error("give one --password-file for each --user")
    return options


if __name__ == "__main__":
    sys.exit(main())
