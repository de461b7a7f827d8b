"""Servers that none of us wrote, read by configuration alone: what lands is what SQL finds in their own databases."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import msgspec
import pytest

from esteira.contract import Offset
from esteira.errors import AuthError, PayloadError, RateLimited, SourceRejected
from esteira.extraction.extract import extract
from esteira.extraction.store import Progress
from esteira.http import Rate
from esteira.lake import Lake
from tests.portals.cases import CASES, DRF_SECRET, DRF_TOKEN, LIMIT, NAMED, TOKENS, Case
from tests.portals.running import Server
from tests.portals.story import batch_of, curated, killed, landed

Servers = dict[str, Server]
WRONG = "wrong-canary-e77"
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
one_of_each_server = pytest.mark.parametrize(
    "name", ["drf-limit-offset-three-at-once", "fastapi-cursor", "datasette-arrays-with-a-header"]
)
one_of_each = pytest.mark.parametrize(
    "name", ["drf-cursor", "drf-limit-offset-three-at-once", "fastapi-path-only-links", "datasette-objects"]
)


@each_case
def test_every_row_lands_as_it_stands_in_the_servers_own_database(running_servers: Servers, lake: Lake, case: Case):
    server = running_servers[case.server]
    assert landed(case.dataset, lake, case.open(server.url)) == server.rows


@each_case
def test_a_walk_that_is_left_after_any_page_goes_on_from_a_state_that_was_json(running_servers: Servers, case: Case):
    portal = case.open(running_servers[case.server].url)
    keys, state, number = list[int](), None, 1
    while True:
        pages = portal.pages(case.source, state=state, number=number)
        page = next(pages)
        pages.close()
        keys += [msgspec.json.decode(record)["id"] for record in page.records]
        if page.next_state is None:
            break
        state, number = json.loads(json.dumps(page.next_state)), page.number + 1
    assert sorted(keys) == [row["id"] for row in running_servers[case.server].rows]


@pytest.mark.fault(54)
@one_of_each_server
def test_a_process_that_was_killed_is_continued_by_another(
    running_servers: Servers, new_lake: Callable[[], Lake], name: str
):
    case, lake = NAMED[name], new_lake()
    server = running_servers[case.server]
    killed(name, server.url, lake.bucket, "extract.checkpoint:kill:3")
    asked = server.settled()
    seal = extract(case.dataset, batch_of(case.dataset), portal=case.open(server.url), lake=new_lake())
    assert len({part.key.split("/")[3] for part in seal.parts}) == 2  # attempts
    pages = sum(len(part.pages) for part in seal.parts)
    assert len(server.asked()) - asked <= pages - 3 + 1  # numbers and offsets may look once past the end
    assert curated(case.dataset, new_lake(), seal) == server.rows


@one_of_each
def test_a_wrong_token_is_an_error_of_auth_that_does_not_tell_it(
    running_servers: Servers, lake: Lake, caplog: pytest.LogCaptureFixture, name: str
):
    case = NAMED[name]
    portal = case.open(running_servers[case.server].url, secret=dict.fromkeys(case.secret, WRONG))
    with caplog.at_level("DEBUG"), pytest.raises(AuthError, match="esteira/test/portal") as caught:
        landed(case.dataset, lake, portal)
    assert WRONG not in f"{caught.value!r}{caught.value}{caught.value.hint}{caplog.text}"
    assert (caught.value.dataset, caught.value.batch) == ("readings", batch_of(case.dataset).id)


@pytest.mark.fault(16)
@pytest.mark.parametrize("case", TOKENS, ids=lambda case: case.name)
def test_a_token_that_ends_while_the_run_goes_on_is_followed_by_another(
    running_servers: Servers, lake: Lake, case: Case
):
    """The second tells how long it lives, so it is renewed in time; the third only refuses it, and is asked once more.

    The first tells so too, but a JWT's end is cut to whole seconds, which is half of its life here: either may happen.
    """
    server, portal = running_servers[case.server], case.open(running_servers[case.server].url)
    before = len(server.asked())
    assert landed(case.dataset, lake, portal) == server.rows
    asked = server.asked()[before:]
    refused = [line for line in asked if line.endswith("401 Unauthorized")]
    assert len([line for line in asked if '"POST ' in line]) >= 2
    assert len(refused) == portal.stats.renewals
    assert bool(refused) == (case.server == "fastapi") or case.name == "drf-simple-jwt"


@pytest.mark.fault(16)
@pytest.mark.parametrize("case", TOKENS, ids=lambda case: case.name)
def test_credentials_that_get_no_token_are_an_error_of_auth_that_does_not_tell_them(
    running_servers: Servers, lake: Lake, caplog: pytest.LogCaptureFixture, case: Case
):
    portal = case.open(running_servers[case.server].url, secret=dict.fromkeys(case.secret, WRONG))
    with (
        caplog.at_level("DEBUG"),
        pytest.raises(AuthError, match=r"request for a token.*esteira/test/portal") as caught,
    ):
        landed(case.dataset, lake, portal)
    assert WRONG not in f"{caught.value!r}{caught.value}{caught.value.hint}{caplog.text}"


@pytest.mark.fault(3)
@pytest.mark.parametrize("at_once", [1, 3])
def test_a_server_that_throttles_is_waited_for(running_servers: Servers, lake: Lake, at_once: int):
    """Four requests a second, and 429 with Retry-After beyond: ten pages take as long as that."""
    source = dataclasses.replace(NAMED["drf-limit-offset"].source, path="/throttled/readings/")
    case = Case("throttled", "django", source, (DRF_TOKEN,), DRF_SECRET, {"max_concurrent_requests": at_once})
    server = running_servers["django"]
    portal = case.open(server.url)
    assert landed(case.dataset, lake, portal) == server.rows
    assert portal.stats.retries > 0
    assert portal.stats.waited_seconds >= 1


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_rate_budget_below_a_servers_limit_is_never_told_to_wait(running_servers: Servers, lake: Lake, at_once: int):
    source = dataclasses.replace(
        NAMED["drf-limit-offset"].source, path="/polite/readings/", paginator=Offset(50, total="count")
    )
    limits = {"max_concurrent_requests": at_once, "rates": (Rate(3, 1),)}
    case = Case("polite", "django", source, (DRF_TOKEN,), DRF_SECRET, limits)
    server = running_servers["django"]
    portal = case.open(server.url)
    assert landed(case.dataset, lake, portal) == server.rows
    assert portal.stats.retries == 0
    assert portal.stats.budget_seconds > 0.5


@pytest.mark.fault(3)
def test_a_server_that_throttles_beyond_the_budget_is_rate_limited(running_servers: Servers, lake: Lake):
    source = dataclasses.replace(NAMED["drf-limit-offset"].source, path="/throttled/readings/")
    case = Case("throttled", "django", source, (DRF_TOKEN,), DRF_SECRET)
    portal = case.open(running_servers["django"].url, max_attempts=2, retry_after_cap_seconds=0.01)
    with pytest.raises(RateLimited, match=r"Page \d+: .*in 2 attempts"):
        landed(case.dataset, lake, portal)


def test_a_limit_beyond_what_a_server_takes_is_an_error_that_names_the_request(running_servers: Servers, lake: Lake):
    case = NAMED["fastapi-limit-offset"]
    greedy = dataclasses.replace(
        case, source=dataclasses.replace(case.source, paginator=dataclasses.replace(LIMIT, limit=500))
    )
    with pytest.raises(SourceRejected, match=r"422 on http://127.0.0.1:\d+/cookie/offset/readings"):
        landed(greedy.dataset, lake, greedy.open(running_servers["fastapi"].url))


@pytest.mark.fault(11)
def test_a_parameter_that_a_server_does_not_know_is_no_table_of_first_pages(running_servers: Servers, lake: Lake):
    case = NAMED["drf-limit-offset"]
    source = dataclasses.replace(case.source, paginator=dataclasses.replace(LIMIT, offset_param="skip"))
    misspelt = dataclasses.replace(case, source=source)
    with pytest.raises(PayloadError, match="its records came before"):
        landed(misspelt.dataset, lake, misspelt.open(running_servers["django"].url))


@pytest.mark.fault(10)
@pytest.mark.fault(17)
def test_a_row_that_is_deleted_while_a_server_is_read_by_offset_is_an_error_with_both_counts(
    running_servers: Servers, lake: Lake
):
    case, server = NAMED["drf-limit-offset"], running_servers["django"]
    source = dataclasses.replace(case.source, pages_per_part=1)
    dataset = dataclasses.replace(case.dataset, source=source)

    def delete(progress: Progress) -> None:
        if progress.pages == 1:
            server.execute("DELETE FROM readings WHERE id = 1")

    try:
        with pytest.raises(PayloadError, match=r"reports 230 rows .* delivered 229|reports 229|230.*229"):
            extract(dataset, batch_of(dataset), portal=case.open(server.url), lake=lake, on_progress=delete)
    finally:
        server.restore()
    assert lake.find_seal("raw", "readings", batch_of(dataset).id) is None


def test_the_servers_tell_who_called(running_servers: Servers) -> None:
    """That they are asked at all, so that no test of this file passes by looking at nothing."""
    for server in running_servers.values():
        assert len(server.rows) == 230
        assert server.asked()


def test_a_cases_repr_tells_no_secret() -> None:
    assert all(str(value) not in repr(case) for case in CASES for value in case.secret.values())
