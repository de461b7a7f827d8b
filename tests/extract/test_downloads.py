"""Files from a portal onto a disk: whole, resumed where that is safe, or an error that names them."""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import Asked, Say, hostile

from esteira.contract import ApiSource, Download, Listing
from esteira.errors import AuthError, PayloadError, SourceRejected, SourceUnavailable
from esteira.http.sink import ADVANCE_BYTES
from esteira.portal.files import Listed, fetch_fixed, fetch_listed, list_files

FILE = random.Random(7).randbytes(3 * ADVANCE_BYTES)
LIMIT = 64 * ADVANCE_BYTES
TAGGED = {"ETag": '"v1"'}


def whole(asked: Asked, **headers: str) -> Say:
    """A server that knows ranges."""
    return ranged(asked, FILE, {**TAGGED, **headers})


def ranged(asked: Asked, content: bytes, headers: dict[str, str]) -> Say:
    start = asked.headers.get("Range", "").removeprefix("bytes=").removesuffix("-")
    if not start or asked.headers.get("If-Range") != headers.get("ETag", headers.get("Last-Modified")):
        return Say(content, headers=headers)
    piece = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
    return Say(content[int(start) :], 206, {**headers, **piece})


def breaking(say: Say, size: int) -> Say:
    """The same, closed after `size` bytes of its body."""
    return Say(say.body[:size], say.status, say.headers, announced=len(say.body))


Fetch = Callable[..., Any]


@pytest.fixture
def fetch(open_portal: Any, tmp_path: Path) -> Fetch:
    def fetched(up: Any, limit: int = LIMIT, conditions: Any = None, **config: Any) -> Any:
        portal = open_portal(up.url, **config)
        return fetch_fixed(portal, Download("p", "/files/sales.xlsx"), tmp_path / "file", limit, conditions or {})

    return fetched


def ranges(up: Any) -> list[str | None]:
    return [asked.headers.get("Range") for asked in up.asked]


def test_a_file_arrives_byte_for_byte_with_what_tells_it_apart(fetch: Fetch, tmp_path: Path):
    with hostile(lambda asked: whole(asked, **{"Last-Modified": "Tue, 05 Mar 2024 10:30:00 GMT"})) as up:
        got = fetch(up)
    assert (tmp_path / "file").read_bytes() == FILE
    assert (got.etag, got.modified, got.is_known) == ('"v1"', "Tue, 05 Mar 2024 10:30:00 GMT", False)
    assert got.place.endswith("/files/sales.xlsx")
    assert up.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.fault(2)
def test_a_download_that_breaks_off_goes_on_where_it_stopped(fetch: Fetch, tmp_path: Path):
    with hostile(lambda asked: breaking(whole(asked), 1_500_000) if asked.number == 1 else whole(asked)) as up:
        fetch(up)
    assert (tmp_path / "file").read_bytes() == FILE
    assert ranges(up)[0] is None
    (start,) = [int(each.removeprefix("bytes=").removesuffix("-")) for each in ranges(up)[1:] if each]
    assert 0 < start <= 1_500_000


@pytest.mark.fault(2)
def test_a_download_that_gets_on_at_each_try_needs_more_tries_than_the_budget(fetch: Fetch, tmp_path: Path):
    size = ADVANCE_BYTES + 300_000
    with hostile(lambda asked: breaking(whole(asked), size) if asked.number <= 2 else whole(asked)) as up:
        fetch(up, max_attempts=1)
    assert (tmp_path / "file").read_bytes() == FILE
    assert len(up.asked) == 3


@pytest.mark.fault(2)
@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"v1"'}])
def test_without_a_strong_tag_it_begins_anew(fetch: Fetch, tmp_path: Path, headers: dict[str, str]):
    good = Say(FILE, headers=headers)
    with hostile(lambda asked: breaking(good, 1_500_000) if asked.number == 1 else good) as up:
        fetch(up)
    assert (tmp_path / "file").read_bytes() == FILE
    assert ranges(up) == [None, None]


@pytest.mark.fault(2)
def test_a_file_that_changed_meanwhile_is_taken_whole(fetch: Fetch, tmp_path: Path):
    changed = FILE[::-1]

    def answer(asked: Asked) -> Say:
        return breaking(whole(asked), 1_500_000) if asked.number == 1 else ranged(asked, changed, {"ETag": '"v2"'})

    with hostile(answer) as up:
        got = fetch(up)
    assert (tmp_path / "file").read_bytes() == changed
    assert got.etag == '"v2"'


@pytest.mark.fault(2)
@pytest.mark.parametrize("content_range", ["bytes 7-9/10", "lines 1-2/3", ""])
def test_another_piece_than_asked_for_is_thrown_away(fetch: Fetch, tmp_path: Path, content_range: str):
    def answer(asked: Asked) -> Say:
        if asked.number == 2:
            return Say(b"abc", 206, {**TAGGED, "Content-Range": content_range})
        return breaking(whole(asked), 1_500_000) if asked.number == 1 else whole(asked)

    with hostile(answer) as up:
        fetch(up)
    assert (tmp_path / "file").read_bytes() == FILE


@pytest.mark.fault(2)
def test_a_file_that_became_shorter_than_what_arrived_is_taken_anew(fetch: Fetch, tmp_path: Path):
    def answer(asked: Asked) -> Say:
        if asked.number == 1:
            return breaking(whole(asked), 1_500_000)
        return Say(b"", 416) if asked.number == 2 else Say(b"short", headers={"ETag": '"v2"'})

    with hostile(answer) as up:
        fetch(up)
    assert (tmp_path / "file").read_bytes() == b"short"


@pytest.mark.fault(30)
def test_a_file_shorter_than_announced_is_never_taken_for_whole(fetch: Fetch):
    with hostile(lambda _: Say(FILE[:1000], announced=2000)) as up, pytest.raises(SourceUnavailable) as caught:
        fetch(up, max_attempts=3)
    assert "File sales.xlsx" in caught.value.message
    assert "shorter than announced" in caught.value.message


@pytest.mark.fault(7)
def test_a_slow_drip_ends_by_the_deadline(fetch: Fetch):
    began = time.monotonic()
    slow = Say(FILE[:10_000], headers=TAGGED, drip_seconds=0.01)
    with hostile(lambda _: slow) as up, pytest.raises(SourceUnavailable, match=r"not complete after 0\.3 seconds"):
        fetch(up, max_attempts=2, total_timeout_seconds=0.3)
    assert time.monotonic() - began < 5


@pytest.mark.fault(8)
def test_a_file_above_the_limit_stops_at_it(fetch: Fetch, tmp_path: Path):
    with hostile(whole) as up, pytest.raises(PayloadError, match="larger than 1000000 bytes"):
        fetch(up, limit=1_000_000)
    assert (tmp_path / "file").stat().st_size < 2_000_000
    assert len(up.asked) == 1


@pytest.mark.fault(8)
def test_what_is_compressed_on_the_way_is_measured_and_kept_inflated(fetch: Fetch, tmp_path: Path):
    packed = Say(gzip.compress(b"a;b\n" * 1000), headers={"Content-Encoding": "gzip", **TAGGED})
    with hostile(lambda asked: breaking(packed, 20) if asked.number == 1 else packed) as up:
        fetch(up)
    assert (tmp_path / "file").read_bytes() == b"a;b\n" * 1000
    assert ranges(up) == [None, None]
    bomb = Say(gzip.compress(b" " * 20_000_000), headers={"Content-Encoding": "gzip"})
    with hostile(lambda _: bomb) as up, pytest.raises(PayloadError, match="larger than 1000000 bytes"):
        fetch(up, limit=1_000_000)


def test_a_file_that_has_not_changed_is_not_sent(fetch: Fetch):
    with hostile(lambda asked: Say(b"", 304) if asked.headers.get("If-None-Match") == '"v1"' else whole(asked)) as up:
        assert fetch(up, conditions={"If-None-Match": '"v1"'}).is_known
        assert not fetch(up, conditions={"If-None-Match": '"v0"'}).is_known


def test_a_redirect_on_the_host_is_followed_and_one_to_another_is_refused(fetch: Fetch, tmp_path: Path):
    def answer(asked: Asked) -> Say:
        return whole(asked) if asked.path == "/store/1" else Say(b"", 302, {"Location": "/store/1"})

    with hostile(answer) as up:
        fetch(up)
    assert (tmp_path / "file").read_bytes() == FILE
    with hostile(whole) as other, hostile(lambda _: Say(b"", 302, {"Location": f"{other.url}/x"})) as up:
        with pytest.raises(SourceRejected, match=r"another host|not allowed"):
            fetch(up)
        assert not other.asked


@pytest.mark.parametrize(("status", "error"), [(404, SourceRejected), (403, AuthError), (500, SourceUnavailable)])
def test_a_link_without_a_file_is_named(fetch: Fetch, status: int, error: type[Exception]):
    with hostile(lambda _: Say(b"no", status)) as up, pytest.raises(error, match=r"File sales\.xlsx"):
        fetch(up, max_attempts=2)


# listings


def listing(**changes: Any) -> Listing:
    endpoint = ApiSource(portal="p", path="/files", records="files")
    return Listing(**({"endpoint": endpoint, "link": "url", "changed": "date"} | changes))


def listed(open_portal: Any, *entries: Any, **changes: Any) -> list[Listed]:
    import json

    with hostile(lambda _: Say(json.dumps({"files": entries}).encode())) as up:
        return list(list_files(open_portal(up.url), listing(**changes)))


def test_a_listing_tells_names_moments_and_links(open_portal: Any):
    (first, second) = listed(
        open_portal,
        {"url": "/files/vendas março.xlsx", "date": "2024-03-05T10:30:00-03:00"},
        {"url": "x/b.csv?sig=Sup3rS3cret", "date": "2024-03-06"},
    )
    assert (first.name, first.changed.isoformat()) == ("vendas março.xlsx", "2024-03-05T13:30:00+00:00")
    assert (second.name, second.changed.isoformat()) == ("b.csv", "2024-03-06T00:00:00+00:00")
    assert second.link.endswith("/x/b.csv?sig=Sup3rS3cret")
    assert "Sup3r" not in repr(second)


def test_a_moment_without_a_zone_is_in_the_listings(open_portal: Any):
    (entry,) = listed(open_portal, {"url": "/a", "date": "2024-03-05T10:30"}, timezone="America/Sao_Paulo")
    assert entry.changed.isoformat() == "2024-03-05T13:30:00+00:00"


@pytest.mark.parametrize(
    "entry",
    [
        {"date": "2024-03-05"},
        {"url": 7, "date": "2024-03-05"},
        {"url": "/a", "date": "05/03/2024"},
        {"url": "/a"},
        {"url": "/a/", "date": "2024-03-05"},
    ],
)
def test_an_entry_that_leads_nowhere_or_has_no_date_is_named(open_portal: Any, entry: Any):
    with pytest.raises(PayloadError, match="Page 1, entry 2 of the listing"):
        listed(open_portal, {"url": "/x", "date": "2024-03-05"}, entry)


@pytest.mark.fault(63)
def test_a_link_to_another_host_is_refused_before_anything_is_sent(open_portal: Any, tmp_path: Path):
    with hostile(whole) as other, hostile(whole) as up:
        portal = open_portal(up.url)
        for link in (f"{other.url}/x", "http://169.254.169.254/latest/meta-data"):
            (entry,) = listed(open_portal, {"url": link, "date": "2024-03-05"})
            with pytest.raises(SourceRejected, match="not allowed"):
                fetch_listed(portal, entry, tmp_path / "file", LIMIT)
        assert not other.asked
