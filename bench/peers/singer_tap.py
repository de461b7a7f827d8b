"""A Singer tap for the replayed flights, written with the Meltano SDK as its cookiecutter would: `singer_tap.py --config FILE`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import BaseHATEOASPaginator
from singer_sdk.streams import RESTStream

_TEXTS = ("carrier", "tailnum", "origin", "dest")
_NUMBERS = (
    "year", "month", "day", "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "flight",
    "air_time", "distance", "hour", "minute",
)  # fmt: skip


class NextUrl(BaseHATEOASPaginator):
    """The link in the page."""

    def get_next_url(self, response: requests.Response) -> str | None:
        """Of the page that has just been read."""
        link: str | None = response.json()["next_url"]
        return link


class Flights(RESTStream[Any]):
    """The one stream."""

    name = "flights"
    primary_keys = ()  # a key would make the target merge instead of append
    records_jsonpath = "$.rows[*]"
    schema = th.PropertiesList(
        th.Property("id", th.IntegerType, required=True),
        *(th.Property(name, th.IntegerType) for name in _NUMBERS),
        *(th.Property(name, th.StringType) for name in _TEXTS),
        th.Property("time_hour", th.DateTimeType),
    ).to_dict()

    @property
    def url_base(self) -> str:
        """Origin of the portal."""
        url = urlsplit(self.config["url"])
        return f"{url.scheme}://{url.netloc}"

    @property
    def path(self) -> str:  # type: ignore[override]
        """Path of the table."""
        return urlsplit(self.config["url"]).path

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        """The bearer token."""
        return BearerTokenAuthenticator(token=self.config["token"])

    def get_new_paginator(self) -> NextUrl:
        """Follow links."""
        return NextUrl()

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, str]:
        """Of the link, or of the first page."""
        return dict(parse_qsl(next_page_token.query if next_page_token else urlsplit(self.config["url"]).query))

    def parse_response(self, response: requests.Response) -> Iterator[dict[str, Any]]:
        """The records, without a JSONPath's walk."""
        yield from response.json()["rows"]


class TapFlights(Tap):
    """The tap."""

    name = "tap-flights"
    config_jsonschema = th.PropertiesList(
        th.Property("url", th.StringType, required=True),
        th.Property("token", th.StringType, required=True, secret=True),
    ).to_dict()

    def discover_streams(self) -> list[Stream]:
        """The one stream."""
        return [Flights(tap=self)]


if __name__ == "__main__":
    TapFlights.cli()
