"""Where a person opens a page that lies in the lake."""

from __future__ import annotations

from urllib.parse import quote

from esteira.lake import Lake
from esteira.lake.layout import REPORTS

_AWS = ".amazonaws.com"


def page_address(lake: Lake, key: str, base: str | None) -> str | None:
    """An address for a browser, or None where there is none; it proves nothing by itself, so it may stand in an artifact.

    Args:
        lake: Where the page lies.
        key: Its key.
        base: Where the pages are served, with the folders that they have below `report/html/`. Without one it is the AWS console, which asks
            the reader to sign in: https://docs.aws.amazon.com/AmazonS3/latest/userguide/download-objects.html
    """
    if base:
        return f"{base.rstrip('/')}/{quote(key.removeprefix(REPORTS))}"
    client = lake.client.meta
    if not client.endpoint_url.endswith(_AWS):
        return None
    region = client.region_name
    return (
        f"https://{region}.console.aws.amazon.com/s3/object/{lake.bucket}?region={region}&prefix={quote(key, safe='')}"
    )
