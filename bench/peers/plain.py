"""The script that people write first: requests, pandas, awswrangler. No checks, no seals, nothing to resume from."""

from __future__ import annotations

import time

import awswrangler as wr
import pandas as pd
import requests
from facts import print_facts
from job import BUCKET, RUN, TOKEN, URL


def main() -> None:
    """Read all pages into one frame and write it."""
    began = time.monotonic()
    pages, url = [], URL
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        while url:
            answer = session.get(url, timeout=60)
            answer.raise_for_status()
            page = answer.json()
            pages.append(pd.DataFrame(page["rows"]))
            url = page["next_url"]
    frame = pd.concat(pages, ignore_index=True)
    frame["time_hour"] = pd.to_datetime(frame["time_hour"])
    wr.s3.to_parquet(frame, f"s3://{BUCKET}/{RUN}/flights/", dataset=True, compression="zstd")
    print_facts(parquet=time.monotonic() - began)


if __name__ == "__main__":
    main()
