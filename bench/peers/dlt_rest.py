"""dlt with its REST source, to Parquet in S3 or into PostgreSQL: `dlt_rest.py (s3|file|csv|parquet|insert)`.

Tuned as https://dlthub.com/docs/reference/performance advises: pages instead of rows, larger buffers, files that rotate so
that several processes normalise, as many of them as there are cores, files loaded in parallel; no nested tables to look for.
Of the loaders for PostgreSQL `parquet` (through ADBC) was the fastest here, `csv` (COPY) the next, `insert` the last.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from facts import print_facts
from job import BUCKET, CORES, FOLDER, POSTGRES, RUN, TOKEN, origin_path_params

TARGET = sys.argv[1]
FORMATS = {"s3": "parquet", "file": "parquet", "csv": "csv", "parquet": "parquet", "insert": "insert_values"}
SETTINGS = {
    "DLT_DATA_DIR": FOLDER,
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "20000",
    "EXTRACT__WORKERS": str(CORES),
    "NORMALIZE__WORKERS": str(CORES),
    "NORMALIZE__START_METHOD": "fork",
    "LOAD__WORKERS": "8",
    "DESTINATION__FILESYSTEM__BUCKET_URL": f"s3://{BUCKET}/{RUN}" if TARGET == "s3" else f"file://{FOLDER}/lake",
    "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"],
    "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
    "DESTINATION__FILESYSTEM__CREDENTIALS__ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
    "DESTINATION__FILESYSTEM__CREDENTIALS__REGION_NAME": os.environ["AWS_REGION"],
    "DESTINATION__POSTGRES__CREDENTIALS": POSTGRES,
}


def main() -> None:
    """Run the pipeline once."""
    os.environ.update(SETTINGS)
    import dlt  # noqa: PLC0415 - after its settings

    is_lake = TARGET in {"s3", "file"}
    pipeline = dlt.pipeline(RUN, destination="filesystem" if is_lake else "postgres", dataset_name=RUN)
    source = _source()
    began = time.monotonic()
    pipeline.extract(source, loader_file_format=FORMATS[TARGET])
    extracted = time.monotonic()
    pipeline.normalize(workers=CORES)
    normalized = time.monotonic()
    pipeline.load(raise_on_failed_jobs=True)
    ended = time.monotonic()
    steps = {"extract": extracted - began, "normalize": normalized - extracted, "load": ended - normalized}
    print_facts(**steps, **{"parquet" if is_lake else "warehouse": ended - began})


def _source() -> Any:
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
    main()
