"""Datasette with the laptop portal's settings and its token plugin, over the table that the other servers serve.

`python -m tests.portals.datasette_server --port N --database F`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from local.portal import metadata_of, run_datasette
from tests.portals.known import DATASETTE_TOKEN


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database", type=Path, required=True)
    arguments = parser.parse_args()
    metadata = arguments.database.with_suffix(".json")
    metadata.write_text(json.dumps(metadata_of(DATASETTE_TOKEN)))
    run_datasette(arguments.database, metadata, arguments.port)


if __name__ == "__main__":
    main()
