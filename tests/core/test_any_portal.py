"""Whole extractions, whatever the page size, the portal's cap, the place of a kill and the page that is served twice.

Either every row of the source lands once, or there is an error. A page that is served in place of another leaves its keys twice in the
batch, if nothing else finds it out: that is what the loader refuses (fault 46). Rows are never missing without a word.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.contract import NextLink, NextToken, Offset, PageNumber, Upsert
from esteira.errors import PayloadError
from esteira.extraction.extract import extract
from esteira.failpoints import VARIABLE, FailpointError
from esteira.lake import Lake, Seal
from esteira.paginate import Paginator
from esteira.portal import Portal, PortalConfig
from tests.core.small import keys, source
from tests.extract.hostile import Asked, Say, hostile, page
from tests.portals.story import batch_of, curated

pytestmark = pytest.mark.slow
NUMBERS = itertools.count()
KINDS = (
    "offset",
    "offset with total",
    "number",
    "number past the end",
    "number of pages",
    "link",
    "link header",
    "token",
)
PLACES = ("extract.part", "extract.checkpoint", "extract.seal")
Kill = tuple[str, int]


@dataclass(frozen=True)
class World:
    """A portal and what befalls whoever reads it.

    Attributes:
        rows: How many there are.
        size, cap: What is asked for, and what the portal gives at most.
        kind: How it pages.
        pages_per_part: How many pages a kill may cost.
        at_once: Requests under way at once.
        kills: Durable writes at which a run ends, one run after the other.
        stale: Which page is served in place of which; None for a portal that does not lie.
    """

    rows: int
    size: int
    cap: int
    kind: str
    pages_per_part: int
    at_once: int
    kills: tuple[Kill, ...]
    stale: tuple[int, int] | None

    @property
    def step(self) -> int:
        return min(self.size, self.cap)

    @property
    def paginator(self) -> Paginator:
        return {
            "offset": Offset(self.size),
            "offset with total": Offset(self.size, total="total"),
            "number": PageNumber(size_param="limit", size=self.size),
            "number past the end": PageNumber(size_param="limit", size=self.size, past_end=404),
            "number of pages": PageNumber(size_param="limit", size=self.size, total_pages="pages"),
            "token": NextToken(body="token", param="offset"),
            "link": NextLink(body="next"),
            "link header": NextLink(header="Link"),
        }[self.kind]

    def answer(self, asked: Asked) -> Say:
        by_number = self.kind.startswith("number")
        start = (int(asked.query["page"]) - 1) * self.step if by_number else int(asked.query.get("offset", 0))
        is_stale = self.stale is not None and start == self.stale[1] * self.step
        first = self.stale[0] * self.step if self.stale and is_stale else start
        ids = range(first, min(first + self.step, self.rows))
        if self.kind == "number past the end" and start and start >= self.rows:
            return page({"detail": "Invalid page."}, 404)
        body: dict[str, Any] = {"rows": [{"id": number} for number in ids], "total": self.rows}
        body |= {
            "pages": -(-self.rows // self.step),
            "token": start + self.step if start + self.step < self.rows else None,
        }
        here = f"http://{asked.headers['Host']}"
        link = f"{here}/rows?offset={start + self.step}" if start + self.step < self.rows else None
        return page(body | {"next": link}, **({"Link": f'<{link}>; rel="next"'} if link else {}))


@st.composite
def worlds(draw: st.DrawFn, *, lies: bool) -> World:
    kills = st.lists(st.tuples(st.sampled_from(PLACES), st.integers(1, 3)), max_size=3)
    rows, size, cap = draw(st.integers(0, 24)), draw(st.integers(1, 8)), draw(st.integers(1, 8))
    last = max(rows - 1, 0) // min(size, cap)
    stale = (
        draw(st.tuples(st.integers(0, last), st.integers(0, last)).filter(lambda two: two[0] != two[1]))
        if lies and last
        else None
    )
    return World(
        rows, size, cap, draw(st.sampled_from(KINDS)), draw(st.integers(1, 3)), draw(st.sampled_from([1, 3])),
        tuple(draw(kills)), stale,
    )  # fmt: skip


def read(world: World, new_lake: Callable[[], Lake], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The keys that land, after as many kills as the world has."""
    reported = "total" if world.kind != "link header" else None
    table = source(paginator=world.paginator, total=reported, pages_per_part=world.pages_per_part)
    dataset = keys(name=f"rows{next(NUMBERS)}", source=table, write=Upsert(key="id"))

    def attempt() -> Seal | None:
        """As a new machine would: another portal object, another lake object, and the portal at another port."""
        with hostile(world.answer) as up:
            config = PortalConfig(
                name="any", base_url=up.url, allow_private_hosts=True, max_concurrent_requests=world.at_once
            )
            return extract(dataset, batch_of(dataset), portal=Portal(config, {}), lake=new_lake())

    for place, nth in world.kills:
        monkeypatch.setattr("esteira.failpoints._reached", Counter())
        monkeypatch.setenv(VARIABLE, f"{place}:raise:{nth}")
        with suppress(FailpointError):
            attempt()
    monkeypatch.delenv(VARIABLE, raising=False)
    seal = attempt()
    assert seal is not None
    return [row["id"] for row in curated(dataset, new_lake(), seal)] if seal.extracted else []


whole = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@pytest.mark.fault(11)
@pytest.mark.fault(54)
@whole
@given(world=worlds(lies=False))
def test_every_row_lands_once(world: World, new_lake: Callable[[], Lake], monkeypatch: pytest.MonkeyPatch):
    assert read(world, new_lake, monkeypatch) == list(range(world.rows))


@pytest.mark.slow
@pytest.mark.fault(11)
@pytest.mark.fault(17)
@whole
@given(world=worlds(lies=True))
def test_a_page_in_place_of_another_is_an_error_or_leaves_its_keys_twice(
    world: World, new_lake: Callable[[], Lake], monkeypatch: pytest.MonkeyPatch
):
    try:
        found = read(world, new_lake, monkeypatch)
    except PayloadError:
        assert world.stale is not None
        return
    assert found == list(range(world.rows)) or len(set(found)) < len(found)
