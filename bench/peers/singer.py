"""A Singer pipeline as it is run everywhere: `tap | target-postgres`, with COPY and large batches; both processes' starts count."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from facts import print_facts
from job import FOLDER, POSTGRES, RUN, TOKEN, URL

BATCH_ROWS = 50_000


def main() -> None:
    """Run both ends of the pipe."""
    tap_config, target_config = Path(FOLDER, "tap.json"), Path(FOLDER, "target.json")
    tap_config.write_text(json.dumps({"url": URL, "token": TOKEN}))
    target_config.write_text(json.dumps(_target()))
    began = time.monotonic()
    tap = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("singer_tap.py"), "--config", tap_config], stdout=subprocess.PIPE
    )
    target = subprocess.Popen(
        [Path(sys.executable).with_name("target-postgres"), "--config", target_config],
        stdin=tap.stdout,
        stdout=subprocess.DEVNULL,
    )
    if tap.stdout is not None:
        tap.stdout.close()  # the target alone holds the pipe now
    codes = (target.wait(), tap.wait())
    if any(codes):
        raise SystemExit(f"target and tap ended with {codes}")
    print_facts(warehouse=time.monotonic() - began)


def _target() -> dict[str, object]:
    url = urlsplit(POSTGRES)
    login, _, server = url.netloc.rpartition("@")
    socket = unquote(server.rpartition(":")[0])
    place = {"sqlalchemy_url": f"postgresql+psycopg://{login}@{url.path}?host={socket}"}
    speed = {
        "use_copy": True,
        "batch_size_rows": BATCH_ROWS,
        "validate_records": False,
        "add_record_metadata": False,
        "activate_version": False,
    }
    return place | speed | {"default_target_schema": RUN, "load_method": "append-only"}


if __name__ == "__main__":
    main()
