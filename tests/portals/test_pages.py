"""Each page of docs/portals/ is true: its contract brings every row of a portal of its kind, and its traps are caught."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from esteira.batch import Known, plan
from esteira.contract import NextLink
from esteira.errors import AuthError, DataQualityError, PayloadError
from esteira.extraction.extract import extract
from esteira.lake import Lake
from esteira.portal import Portal
from tests.extract.hostile import hostile
from tests.portals import known
from tests.portals.pages import PAGES, Example, examples
from tests.portals.running import Server
from tests.portals.shapes import KEY, SHAPES, LinkHeader, LoginToken
from tests.portals.story import curated, landed

AS_OF = datetime(2024, 6, 1, 12, tzinfo=UTC)
REAL = "readings"
"""The page whose portal is no stand-in: Django REST framework itself."""
NAMED = {example.id: example for example in examples()}
each_shape = pytest.mark.parametrize("name", sorted(SHAPES))
guarded = pytest.mark.parametrize("name", [name for name in sorted(SHAPES) if SHAPES[name]().secret])


@contextmanager
def opened(name: str, shape: Any = None, **limits: Any) -> Iterator[tuple[Example, Portal, Any]]:
    example, shape = NAMED[name], shape or SHAPES[name]()
    with hostile(shape) as up:
        yield example, example.open(up.url, limits.pop("secret", shape.secret), shape.base_path, **limits), up


def all_of(example: Example, lake: Lake, portal: Portal) -> list[dict[str, Any]]:
    """The table after all windows up to now: the later one wins, since a lag reads rows again."""
    key, table = example.dataset.columns[0].name, dict[Any, dict[str, Any]]()
    for batch in plan(example.dataset, AS_OF, Known()):
        seal = extract(example.dataset, batch, portal=portal, lake=lake)
        table |= {row[key]: row for row in (curated(example.dataset, lake, seal) if seal and seal.extracted else [])}
    return [table[each] for each in sorted(table)]


def test_each_page_has_a_portal_to_be_read_from():
    assert set(NAMED) == {*SHAPES, REAL}
    assert {example.page for example in examples()} == {page.stem for page in PAGES.glob("*.md")} - {"index"}


@each_shape
def test_the_contract_of_a_page_brings_every_row(lake: Lake, name: str):
    with opened(name) as (example, portal, _):
        shape = SHAPES[name]()
        assert all_of(example, lake, portal) == shape.rows


def test_the_page_of_django_rest_framework_is_read_from_the_framework(running_servers: dict[str, Server], lake: Lake):
    example, server = NAMED[REAL], running_servers["django"]
    portal = example.open(server.url, {"token": known.DJANGO_TOKEN}, "/token/number")
    assert landed(example.dataset, lake, portal) == server.rows


@guarded
def test_a_wrong_secret_is_an_error_of_auth_that_does_not_tell_it(
    lake: Lake, caplog: pytest.LogCaptureFixture, name: str
):
    wrong = dict.fromkeys(SHAPES[name]().secret, "wrong-canary-a0")
    refused = pytest.raises(AuthError, match=r"esteira/prod/portal/")
    with opened(name, secret=wrong) as (example, portal, _), caplog.at_level("DEBUG"), refused as caught:
        all_of(example, lake, portal)
    assert "wrong-canary-a0" not in f"{caught.value!r}{caught.value}{caught.value.hint}{caplog.text}"


def test_no_page_holds_a_secret_of_the_stand_ins():
    assert all(KEY not in page.read_text() for page in PAGES.glob("*.md"))


@pytest.mark.fault(11)
def test_links_of_ckan_that_never_end_are_an_error_and_no_table(lake: Lake):
    with opened("energy_tariffs") as (example, portal, _):
        linked = dataclasses.replace(example.dataset.source, paginator=NextLink(body="result._links.next"), total=None)
        naive = dataclasses.replace(example, dataset=dataclasses.replace(example.dataset, source=linked))
        with pytest.raises(PayloadError, match="pages without a record"):
            all_of(naive, lake, portal)


@pytest.mark.fault(11)
def test_a_last_page_that_is_served_for_ever_is_an_error_that_names_it(lake: Lake):
    shape = dataclasses.replace(SHAPES["tickets"](), answer=LinkHeader(repeats=True))
    repeated = pytest.raises(PayloadError, match=r"Page 4 .*its records came before")
    with opened("tickets", shape) as (example, portal, _), repeated:
        all_of(example, lake, portal)


@pytest.mark.fault(14)
def test_a_body_that_breaks_off_after_a_200_is_asked_for_again(lake: Lake):
    with opened("products") as (example, portal, up):
        assert all_of(example, lake, portal) == SHAPES["products"]().rows
    asked = [request.query.get("$skiptoken") for request in up.asked]
    assert asked.count("after-25") == 2


@pytest.mark.fault(16)
def test_a_token_that_ends_as_an_empty_200_is_renewed_and_the_page_read_again(lake: Lake):
    with opened("orders") as (example, portal, _):
        assert all_of(example, lake, portal) == SHAPES["orders"]().rows


@pytest.mark.fault(15)
@pytest.mark.fault(16)
def test_a_token_that_never_works_is_no_empty_table(lake: Lake):
    floor = pytest.raises(DataQualityError, match="floor")
    with opened("orders", LoginToken(pages=0)) as (example, portal, _), floor:
        all_of(example, lake, portal)


@pytest.mark.fault(16)
def test_a_token_that_works_for_one_page_is_an_error_and_not_half_a_table(lake: Lake):
    shape = LoginToken(pages=1)
    shape.most_logins = 1
    with opened("orders", shape) as (example, portal, _), pytest.raises((AuthError, PayloadError)):
        all_of(example, lake, portal)


def test_a_path_that_is_wrong_is_no_series_without_values(lake: Lake):
    with opened("exchange_rate_series") as (example, portal, _):
        lost = dataclasses.replace(example.dataset.source, path="/dados/serie/bcdata.sgs.1/dado")
        wrong = dataclasses.replace(example, dataset=dataclasses.replace(example.dataset, source=lost))
        with pytest.raises(PayloadError, match="the status is 404"):
            all_of(wrong, lake, portal)


def test_no_window_of_the_series_is_longer_than_the_portal_takes(lake: Lake):
    with opened("exchange_rate_series") as (example, portal, up):
        all_of(example, lake, portal)
    spans = [[datetime.strptime(one, "%d/%m/%Y").replace(tzinfo=UTC) for one in (asked.query["dataInicial"], asked.query["dataFinal"])] for asked in up.asked]  # fmt: skip
    assert len(spans) == 4
    assert all((last - first).days < 3_653 for first, last in spans)
