"""What a peer is asked to do, from its environment. Standard library only."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlsplit

URL = os.environ["BENCH_URL"]
"""The first page."""
TOKEN = os.environ["BENCH_TOKEN"]
RUN = os.environ["BENCH_RUN"]
"""A name that no other run has: for a prefix, a schema, a pipeline."""
FOLDER = os.environ["BENCH_FOLDER"]
"""A folder of this run's own."""
BUCKET = os.environ["BENCH_BUCKET"]
POSTGRES = os.environ["BENCH_POSTGRES"]
CORES = os.cpu_count() or 1


def origin_path_params() -> tuple[str, str, dict[str, str]]:
    """The URL in three pieces."""
    url = urlsplit(URL)
    return f"{url.scheme}://{url.netloc}", url.path, dict(parse_qsl(url.query))
