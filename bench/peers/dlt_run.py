"""One dlt pipeline, timed: settings, and extract, normalize, load, to Parquet in S3 or into PostgreSQL.

Tuned as https://dlthub.com/docs/reference/performance advises: larger buffers, files that rotate so that several processes
normalise, as many of them as there are cores, no compression in between, files loaded in parallel.
Of the loaders for PostgreSQL `parquet` (through ADBC) was the fastest here, `csv` (COPY) the next, `insert` the last.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from facts import print_facts
from job import BUCKET, CORES, FOLDER, POSTGRES, RUN

FORMATS = {"s3": "parquet", "file": "parquet", "csv": "csv", "parquet": "parquet", "insert": "insert_values"}
"""What can be written where: the first two are files in S3 and on this machine, the others ways into PostgreSQL."""
_SETTINGS = {
    "DLT_DATA_DIR": FOLDER,
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "DATA_WRITER__BUFFER_MAX_ITEMS": "20000",
    "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "20000",
    "EXTRACT__WORKERS": str(CORES),
    "NORMALIZE__WORKERS": str(CORES),
    "NORMALIZE__START_METHOD": "fork",
    "LOAD__WORKERS": "8",
    "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"],
    "DESTINATION__FILESYSTEM__CREDENTIALS__AWS_SECRET_ACCESS_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
    "DESTINATION__FILESYSTEM__CREDENTIALS__ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
    "DESTINATION__FILESYSTEM__CREDENTIALS__REGION_NAME": os.environ["AWS_REGION"],
    "DESTINATION__POSTGRES__CREDENTIALS": POSTGRES,
}


def run(make_source: Callable[[], Any], target: str) -> None:
    """Run a pipeline once from what `make_source` makes to one of `FORMATS`."""
    where = f"s3://{BUCKET}/{RUN}" if target == "s3" else f"file://{FOLDER}/lake"
    os.environ.update(_SETTINGS | {"DESTINATION__FILESYSTEM__BUCKET_URL": where})
    import dlt  # noqa: PLC0415 - after its settings

    is_lake = target in {"s3", "file"}
    pipeline = dlt.pipeline(RUN, destination="filesystem" if is_lake else "postgres", dataset_name=RUN)
    source = make_source()
    began = time.monotonic()
    pipeline.extract(source, loader_file_format=FORMATS[target])
    extracted = time.monotonic()
    pipeline.normalize(workers=CORES)
    normalized = time.monotonic()
    pipeline.load(raise_on_failed_jobs=True)
    ended = time.monotonic()
    steps = {"extract": extracted - began, "normalize": normalized - extracted, "load": ended - normalized}
    print_facts(**steps, **{"parquet" if is_lake else "warehouse": ended - began})
