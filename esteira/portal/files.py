"""Files at a portal: what a listing tells of them, and their bytes onto a disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from zoneinfo import ZoneInfo

import msgspec

from esteira.contract import Download, Listing
from esteira.contract.paths import compiled
from esteira.errors import PayloadError
from esteira.http import Terms
from esteira.http.sink import Sink
from esteira.portal.fetching import NOT_MODIFIED
from esteira.portal.pages import Portal
from esteira.redaction import printable, redact_url


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a listing.

    Attributes:
        name: What it is called.
        changed: When it was last changed, UTC: which of two files is newer.
        link: Its address; may hold a signature, so it is neither printed nor stored.
        place: The address for people, without what may be secret.
    """

    name: str
    changed: datetime
    link: str = field(repr=False)
    place: str


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What an answer says of the file that it brought; `is_known` when it brought none, since the portal has no other than the known one."""

    place: str
    etag: str | None = None
    modified: str | None = None
    is_known: bool = False


def list_files(portal: Portal, listing: Listing) -> Iterator[Listed]:
    """The files of a listing, in its order.

    Raises:
        PayloadError: An entry has no link, or no date.
        SourceUnavailable, RateLimited, AuthError, SourceRejected: See `Portal.pages`.
    """
    base = f"{portal.config.base_url.rstrip('/')}/"
    for page in portal.pages(listing.endpoint):
        for number, record in enumerate(page.records, 1):
            yield _listed(msgspec.json.decode(record), listing, base, f"Page {page.number}, entry {number}")


def fetch_listed(portal: Portal, listed: Listed, path: Path, limit_bytes: int) -> Downloaded:
    """One file of a listing onto a disk.

    Raises:
        PayloadError: It is larger than the limit.
        SourceUnavailable, RateLimited, AuthError, SourceRejected: See `HttpClient.download`.
    """
    answer = portal.download(listed.link, Sink(path, limit_bytes), what=f"File {printable(listed.name)}")
    return Downloaded(listed.place, answer.headers.get("etag"), answer.headers.get("last-modified"))


def fetch_fixed(
    portal: Portal, download: Download, path: Path, limit_bytes: int, conditions: Mapping[str, str]
) -> Downloaded:
    """The file at a fixed address onto a disk, unless the portal says that it is the known one.

    Args:
        portal: Where from.
        download: The address.
        path: Where to.
        limit_bytes: Limit of the file.
        conditions: What asks for it only if it is another; empty for the first time.

    Raises:
        As `fetch_listed`.
    """
    terms = Terms(conditions, frozenset({NOT_MODIFIED}) if conditions else frozenset())
    what = f"File {printable(download.file_name)}"
    answer = portal.download(download.path, Sink(path, limit_bytes), download.params, what=what, terms=terms)
    facts = answer.headers.get("etag"), answer.headers.get("last-modified")
    return Downloaded(answer.url_redacted, *facts, is_known=answer.status == NOT_MODIFIED)


def _listed(record: Any, listing: Listing, base: str, where: str) -> Listed:
    link = compiled(listing.link).search(record)
    if not isinstance(link, str) or not link:
        raise PayloadError(f"{where} of the listing has no link at {listing.link!r}.")
    address = urljoin(base, link.strip().replace(" ", "%20"))  # many portals print names as they are
    name = compiled(listing.name).search(record) if listing.name else unquote(urlsplit(address).path.rpartition("/")[2])
    if not isinstance(name, str) or not name:
        raise PayloadError(f"{where} of the listing has no name{f' at {listing.name!r}' if listing.name else ''}.")
    changed = _moment(compiled(listing.changed).search(record), listing, where)
    return Listed(name, changed, address, redact_url(address))


def _moment(value: Any, listing: Listing, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as exc:
        raise PayloadError(
            f"{where} of the listing has {printable(str(value))!r} at {listing.changed!r}, which is no ISO date or moment.",
            hint="changed= says which of two files is newer: name the field with the date of the last change.",
        ) from exc
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(listing.timezone))).astimezone(UTC)
