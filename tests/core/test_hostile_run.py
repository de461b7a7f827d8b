"""Whole runs against a portal that plays the catalogue's faults at the socket, as far as the lake.

Those that a run recovers from come all in one run. Each of the others ends it with its error: nothing is sealed, and when the portal is
well again a new attempt ends with the rows of the source.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from esteira.auth import Login
from esteira.contract import Dataset, NextLink, Offset, Quality, ResponseAction
from esteira.errors import (
    AuthError,
    DataQualityError,
    EsteiraError,
    PayloadError,
    RateLimited,
    SourceRejected,
    SourceUnavailable,
)
from esteira.extraction.extract import extract
from esteira.lake import Lake
from esteira.paginate import Paginator
from esteira.portal import Portal, PortalConfig
from tests.core.small import keys, source
from tests.extract.hostile import Asked, Say, bomb, hostile, page
from tests.portals.story import batch_of, curated

pytestmark = pytest.mark.slow
ROWS, SIZE = 64, 4
TOKEN, PASSWORD = "hostile-canary-token", "hostile-canary-password"
Answer = Callable[[Say], Say]
HTML = Say(b"<html>maintenance</html>", headers={"Content-Type": "text/html"})


def cut(say: Say) -> Say:
    return Say(say.body[: len(say.body) // 2], headers=say.headers)


RECOVERED: list[tuple[int, Answer]] = [
    (1, lambda _: Say(announced=10, is_reset=True)),
    (2, lambda say: Say(cut(say).body, headers=say.headers, announced=len(say.body), is_reset=True)),
    (2, lambda say: Say(say.body, headers=say.headers, announced=len(say.body) + 10)),
    (3, lambda _: page({}, 429, **{"Retry-After": "0"})),
    (3, lambda _: page({}, 503, **{"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})),
    (4, lambda _: page({}, 429, **{"Retry-After": "soon"})),
    (6, lambda _: page({}, 500)),
    (7, lambda say: Say(say.body, headers=say.headers, drip_seconds=0.02)),
    (14, cut),
    (14, lambda _: HTML),
    (16, lambda _: page({"detail": "expired"}, 401)),
    (16, lambda _: page({"detail": "expired"}, 403)),
    (16, lambda _: page({"rows": [], "total": 0})),
    (62, lambda say: Say(b"", 302, {"Location": f"/rows?offset={json.loads(say.body)['rows'][0]['id']}"})),
]
"""What each page is answered with the first time, page by page; the second time it is well."""


@dataclass
class Portals:
    """Rows by offset, a login, and a fault for some pages.

    Attributes:
        fault: What becomes of the good answer at an offset, and how often it was asked for.
    """

    fault: Callable[[int, int, Say], Say] = lambda offset, nth, say: say
    asked: Counter[int] = field(default_factory=Counter)
    logins: int = 0

    def __call__(self, asked: Asked) -> Say:
        if asked.path == "/login":
            self.logins += 1
            return page({"token": f"{TOKEN}-{self.logins}"})
        offset = int(asked.query.get("offset", 0))
        self.asked[offset] += 1
        rows = [{"id": number} for number in range(offset, min(offset + SIZE, ROWS))]
        more = f"/rows?offset={offset + SIZE}" if offset + SIZE < ROWS else None
        return self.fault(offset, self.asked[offset], page({"rows": rows, "total": ROWS, "next": more}))


def contract(paginator: Paginator) -> Dataset:
    refresh = (ResponseAction("refresh", is_total_changed=True),)
    table = source(paginator=paginator, total="total", pages_per_part=1, responses=refresh)
    return keys(source=table, quality=Quality(min_rows=1))


def opened(url: str, **limits: Any) -> Portal:
    quick = {"backoff_base_seconds": 0.01, "backoff_cap_seconds": 0.02, "max_attempts": 3, "total_timeout_seconds": 0.6}
    auth = (Login(path="/login"),)
    config = PortalConfig(
        name="hostile",
        base_url=url,
        allow_private_hosts=True,
        secret="esteira/test/portal",
        auth=auth,
        **(quick | limits),
    )
    return Portal(config, {"username": "reader", "password": PASSWORD})


def assert_untold(lake: Lake, *told: str) -> None:
    """No object of the lake, log or error holds the password or a token."""
    stored = "".join(str(lake.get(key)) for key in lake.sizes(""))
    for text in (*told, stored):
        assert PASSWORD not in text
        assert TOKEN not in text


@pytest.mark.fault(1)
@pytest.mark.fault(2)
@pytest.mark.fault(3)
@pytest.mark.fault(4)
@pytest.mark.fault(6)
@pytest.mark.fault(7)
@pytest.mark.fault(14)
@pytest.mark.fault(16)
@pytest.mark.fault(62)
@pytest.mark.parametrize("at_once", [1, 3])
def test_one_run_survives_all_that_can_be_survived_and_ends_with_every_row(
    lake: Lake, caplog: pytest.LogCaptureFixture, at_once: int
):
    def fault(offset: int, nth: int, say: Say) -> Say:
        number = offset // SIZE - 1
        return RECOVERED[number][1](say) if nth == 1 and 0 <= number < len(RECOVERED) else say

    portals, dataset = Portals(fault), contract(Offset(SIZE, total="total"))
    with hostile(portals) as up, caplog.at_level("DEBUG", logger="esteira"):
        seal = extract(dataset, batch_of(dataset), portal=opened(up.url, max_concurrent_requests=at_once), lake=lake)
    assert seal is not None
    assert [row["id"] for row in curated(dataset, lake, seal)] == list(range(ROWS))
    assert all(portals.asked[SIZE * number] >= 2 for number in range(1, len(RECOVERED) + 1))
    assert portals.logins >= 1 + 2  # two that end at the same time are renewed together
    assert_untold(lake, caplog.text)


FATAL = [
    pytest.param(lambda _: Say(announced=10, is_reset=True), SourceUnavailable, "Page 3.*3 attempts", marks=pytest.mark.fault(1)),
    pytest.param(lambda _: page({}, 429), RateLimited, "Page 3.*3 attempts", marks=pytest.mark.fault(3)),
    pytest.param(lambda _: page({}, 502), SourceUnavailable, "Page 3.*502", marks=pytest.mark.fault(6)),
    pytest.param(lambda say: Say(say.body, drip_seconds=0.05), SourceUnavailable, "Page 3", marks=pytest.mark.fault(7)),
    pytest.param(lambda _: bomb(2_000_000), PayloadError, "Page 3.*1000000 bytes|Page 3.*limit", marks=pytest.mark.fault(8)),
    pytest.param(lambda _: page({"ok": False, "error": {"code": "E_1"}}), PayloadError, "Page 3.*E_1", marks=pytest.mark.fault(13)),
    pytest.param(lambda _: HTML, PayloadError, "Page 3.*text/html", marks=pytest.mark.fault(14)),
    pytest.param(cut, PayloadError, "Page 3.*truncated", marks=pytest.mark.fault(14)),
    pytest.param(lambda _: page({}, 401), AuthError, "Page 3.*esteira/test/portal", marks=pytest.mark.fault(16)),
    pytest.param(lambda _: page({"rows": [], "total": 0}), EsteiraError, "Page 3", marks=pytest.mark.fault(16)),
    pytest.param(lambda _: Say(b'{"rows": [{"id": NaN}], "total": 64}'), PayloadError, "Page 3.*no JSON", marks=pytest.mark.fault(18)),
    pytest.param(lambda _: Say(b"", 302, {"Location": "https://evil.example/rows"}), SourceRejected, "evil.example", marks=pytest.mark.fault(62)),
    pytest.param(lambda say: page(json.loads(say.body) | {"next": "http://169.254.169.254/latest"}), SourceRejected, "169.254", marks=pytest.mark.fault(63)),
    pytest.param(lambda say: page(json.loads(say.body) | {"next": "https://evil.example/rows"}), SourceRejected, "evil.example", marks=pytest.mark.fault(63)),
    pytest.param(lambda say: page(json.loads(say.body) | {"next": "/rows?offset=4"}), PayloadError, "Page 3.*before", marks=pytest.mark.fault(11)),
    pytest.param(lambda say: page(json.loads(say.body) | {"rows": [{"id": n} for n in range(4)]}), PayloadError, "Page 3.*before", marks=pytest.mark.fault(11)),
    pytest.param(lambda say: page(json.loads(say.body) | {"rows": [{"id": 8}]}), PayloadError, "reports 64 .* 61", marks=pytest.mark.fault(17)),
]  # fmt: skip


@pytest.mark.parametrize(("bad", "error", "says"), FATAL)
def test_a_fault_that_stays_is_its_error_and_a_portal_that_is_well_again_is_read_to_the_end(
    lake: Lake, new_lake: Callable[[], Lake], caplog: pytest.LogCaptureFixture, bad: Answer, error: type, says: str
):
    portals, dataset = (
        Portals(lambda offset, _, say: bad(say) if offset == 2 * SIZE else say),
        contract(NextLink("next")),
    )
    with hostile(portals) as up, caplog.at_level("DEBUG", logger="esteira"):
        with pytest.raises(error, match=rf"(?s){says}") as caught:
            extract(dataset, batch_of(dataset), portal=opened(up.url, max_response_bytes=1_000_000), lake=lake)
        assert lake.find_seal("raw", dataset.name, batch_of(dataset).id) is None
        assert (caught.value.dataset, caught.value.batch) == (dataset.name, batch_of(dataset).id)
        assert_untold(lake, caplog.text, str(caught.value), str(caught.value.hint), repr(caught.value))
        portals.fault = lambda offset, nth, say: say
        seal = extract(dataset, batch_of(dataset), portal=opened(up.url), lake=new_lake())
    assert seal is not None
    assert [row["id"] for row in curated(dataset, lake, seal)] == list(range(ROWS))


@pytest.mark.fault(15)
def test_a_first_page_that_is_empty_is_below_the_floor_and_no_table(lake: Lake):
    portals = Portals(lambda *_: page({"rows": [], "total": 0}))
    dataset = contract(Offset(SIZE, total="total"))
    with hostile(portals) as up, pytest.raises(DataQualityError, match="floor"):
        extract(dataset, batch_of(dataset), portal=opened(up.url), lake=lake)
    assert lake.find_seal("raw", dataset.name, batch_of(dataset).id) is None
