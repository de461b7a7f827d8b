"""A run that is killed at any page goes on, on a new machine, behind the last stored part, and ends with the same rows."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.batch import Known, plan
from esteira.contract import Dataset, Incremental, Offset, Parent, Upsert
from esteira.extraction.beginning import Beginning
from esteira.extraction.extract import extract
from esteira.lake import Lake, ParentSeal, Seal
from esteira.portal import Page, Portal
from tests.core.family import NOW, Task, sealed_parent
from tests.core.family import rows_of as children_of
from tests.core.small import dataset, source
from tests.core.test_cursor import Tie, rows_of
from tests.extract.hostile import Asked, Say, hostile, page

pytestmark = [pytest.mark.fault(54), pytest.mark.fault(6)]
Opened = Callable[[str], Portal]
Rows = list[tuple[int, int]]
KINDS = ["snapshot", "windows", "value", "parents", "parents of windows"]
_numbers = itertools.count(1)


class KilledError(BaseException):
    """The process is gone: nothing of ours catches it."""


@dataclass
class Dying:
    """A portal whose process dies when so many pages have been read."""

    portal: Portal
    pages_left: int

    def pages(self, *args: Any, **options: Any) -> Iterator[Page]:
        for each in self.portal.pages(*args, **options):
            if not self.pages_left:
                raise KilledError
            self.pages_left -= 1
            yield each


@dataclass
class World:
    """A portal over rows (id, seq), a page no longer than its cap; with parents, `seq` is a row's project."""

    rows: Rows
    cap: int

    def __call__(self, asked: Asked) -> Say:
        start, limit = int(asked.query["offset"]), min(int(asked.query["limit"]), self.cap)
        found = self.asked_for(asked)
        is_child = asked.path != "/rows"
        shown = [{"id": key} if is_child else {"id": key, "seq": seq} for key, seq in found[start : start + limit]]
        return page({"rows": shown, "total": len(found)})

    def asked_for(self, asked: Asked) -> Rows:
        if asked.path != "/rows":
            return [row for row in self.rows if row[1] == int(asked.path.split("/")[2])]
        return [row for row in self.rows if row[1] >= int(asked.query.get("since", 0))]


def contract_of(kind: str, size: int, pages_per_part: int) -> Dataset:
    facts: dict[str, Any] = {
        "paginator": Offset(size, total="total"),
        "total": "total",
        "pages_per_part": pages_per_part,
    }
    name, schema = f"rows{next(_numbers)}", Task if kind.startswith("parents") else Tie
    windows = Incremental("at", "from", "to", initial=date(2014, 1, 1), chunk=timedelta(days=9))
    if kind.startswith("parents"):
        facts |= {"path": "/projects/{parent.id}/tasks", "parent": Parent("projects", columns={"project_id": "id"})}
    if "windows" in kind:
        facts |= {"incremental": windows}
    if kind == "value":
        facts |= {"incremental": Incremental("seq", "since", initial=0)}
    key = ("project_id", "id") if schema is Task else "id"
    return dataset(name=name, schema=schema, write=Upsert(key=key), source=source(**facts))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    places=st.lists(st.integers(1, 4), max_size=24), size=st.integers(1, 5), cap=st.integers(1, 5),
    pages_per_part=st.integers(1, 3), kills=st.lists(st.integers(0, 6), max_size=4),
)  # fmt: skip
def test_the_rows_are_those_of_an_undisturbed_run_and_a_kill_costs_at_most_a_part(  # noqa: PLR0917 - what is varied
    new_lake: Callable[[], Lake], open_portal: Opened, kind: str, places: list[int], size: int, cap: int,
    pages_per_part: int, kills: list[int],
):  # fmt: skip
    rows = sorted(((key, place) for key, place in enumerate(places)), key=lambda row: (row[1], row[0]))
    contract, world = contract_of(kind, size, pages_per_part), World(rows, cap)
    beginning = Beginning()
    if contract.source.parent:
        projects = replace(dataset(schema=Tie), name=f"projects{next(_numbers)}")
        parent = sealed_parent(new_lake(), [3, 1, 4, 2], contract=projects)
        beginning = Beginning(1, None, ParentSeal(projects.name, parent.batch_id, 1, parent.seal_hash))
    if kind == "value":
        beginning = Beginning(1, 2)
    (batch,) = plan(contract, NOW, Known())
    with hostile(world) as up:

        def attempt(portal: Any) -> Seal | None:
            return extract(contract, batch, portal=portal, lake=new_lake(), beginning=beginning)

        for pages in kills:
            with suppress(KilledError):
                attempt(Dying(open_portal(up.url), pages))
        sealed = attempt(open_portal(up.url))
    assert sealed is not None
    there = [row for row in rows if row[1] >= 2] if kind == "value" else rows
    read = children_of if contract.source.parent else rows_of
    expected = sorted((place, key) for key, place in there) if contract.source.parent else sorted(there)
    assert sorted(read(contract, sealed, new_lake())) == expected
    assert sealed.total_reported == sealed.extracted == len(there)
    asked = Counter((each.path, tuple(sorted(each.query.items()))) for each in up.asked)
    again = sum(asked.values()) - len(asked)
    assert again <= len(kills) * (pages_per_part + 3)  # the part that grew, and the pages ahead
