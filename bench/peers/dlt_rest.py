"""dlt with its REST source, as its documentation shows it: `dlt_rest.py (s3|file|csv|parquet|insert)`."""

from __future__ import annotations

import sys
from typing import Any

from dlt_run import run
from job import TOKEN, origin_path_params


def source() -> Any:
    """The flights: pages instead of rows, fetched by a thread of their own, without a search for nested tables."""
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415 - after its settings

    origin, path, params = origin_path_params()
    paginator = {"type": "json_link", "next_url_path": "next_url"}
    endpoint = {"path": path, "params": params, "data_selector": "rows", "paginator": paginator}
    return rest_api_source({
        "client": {"base_url": origin, "auth": {"type": "bearer", "token": TOKEN}},
        "resource_defaults": {"write_disposition": "append", "max_table_nesting": 0, "parallelized": True},
        "resources": [{"name": "flights", "endpoint": endpoint}],
    })  # fmt: skip


if __name__ == "__main__":
    run(source, sys.argv[1])
