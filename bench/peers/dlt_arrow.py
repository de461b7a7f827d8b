"""dlt fed with Arrow tables that a person made by hand: dlt neither sees the records nor infers or checks anything of them.

The ceiling of what dlt can move: `dlt_arrow.py (s3|file|parquet)`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from dlt_run import run
from job import TOKEN, origin_path_params


def source() -> Any:
    """The flights, one table a page."""
    import dlt  # noqa: PLC0415 - after its settings
    import pyarrow as pa  # noqa: PLC0415 - with dlt
    from dlt.sources.helpers.rest_client import RESTClient  # noqa: PLC0415 - after its settings
    from dlt.sources.helpers.rest_client.auth import BearerTokenAuth  # noqa: PLC0415 - after its settings
    from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator  # noqa: PLC0415 - after its settings

    origin, path, params = origin_path_params()
    paginator = JSONLinkPaginator(next_url_path="next_url")
    client = RESTClient(origin, auth=BearerTokenAuth(TOKEN), paginator=paginator, data_selector="rows")

    @dlt.resource(name="flights", write_disposition="append", parallelized=True)
    def flights() -> Iterator[pa.Table]:
        for page in client.paginate(path, params=params):
            yield _typed(pa.Table.from_pylist(page))

    return flights


def _typed(table: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - with dlt
    import pyarrow.compute as pc  # noqa: PLC0415 - with dlt

    at = table.column_names.index("time_hour")
    moments = pc.strptime(table.column(at), format="%Y-%m-%dT%H:%M:%SZ", unit="us")
    return table.set_column(at, "time_hour", moments.cast(pa.timestamp("us", "UTC")))


if __name__ == "__main__":
    run(source, sys.argv[1])
