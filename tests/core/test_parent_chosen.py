"""Which batch of its parent a child takes, in which order they run, and which parents a contract may name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from esteira.catalogue import in_order
from esteira.contract import ApiSource, Dataset, Parent, Quality, Reference
from esteira.errors import ConfigError
from esteira.extraction.beginning import begin
from esteira.warehouse import LedgerEntry
from tests.core.family import PROJECTS, batch_of, tasks
from tests.core.small import NO_LAKE, dataset


def entry(day: int, **changes: Any) -> LedgerEntry:
    start = datetime(2014, 1, day, tzinfo=UTC)
    return LedgerEntry(
        **({"batch_id": f"b{day}", "window_start": start, "window_end": start + timedelta(days=1)} | changes)
    )


@pytest.mark.parametrize(
    ("entries", "chosen"),
    [
        ([entry(1), entry(2), entry(3)], "b2"),  # the same slot
        ([entry(1), entry(3)], "b3"),  # the newest
        ([entry(1), entry(2, state="undone")], "b1"),
        ([entry(1), entry(2, state="given_up", generation=0)], "b1"),
    ],
)
def test_the_parents_batch_is_that_of_the_slot_or_else_the_newest_committed(entries: list[LedgerEntry], chosen: str):
    contract = tasks()
    found = begin(contract, batch_of(contract), 1, lambda name: {"projects": entries}[name], NO_LAKE)
    assert found.parent is not None
    assert found.parent.batch == chosen


def test_a_parent_that_was_never_loaded_is_an_error_with_what_to_run():
    contract = tasks()
    with pytest.raises(ConfigError, match="No batch of the parent projects is committed") as caught:
        begin(contract, batch_of(contract), 1, lambda _: [entry(1, state="undone")], NO_LAKE)
    assert "esteira ingest projects" in caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"parent": None},
        {"path": "/tasks"},
    ],
)
def test_a_parent_and_its_place_go_together(changes: dict[str, Any]):
    with pytest.raises(ConfigError, match=r"no template names|there is none"):
        tasks(**changes)


def test_a_parent_without_a_name_is_refused():
    with pytest.raises(ConfigError, match="names no dataset"):
        Parent("")


def test_the_parent_runs_first_and_without_it_the_child_is_not_tried():
    child = tasks()
    assert (child.parents, child.needed) == (("projects",), ("projects",))
    assert list(in_order([child, PROJECTS])) == ["projects", "tasks"]
    other = dataset(quality=Quality(references=(Reference("id", to="projects.id", otherwise="warn"),)))
    assert (other.parents, other.needed) == (("projects",), ())


@pytest.mark.parametrize(
    ("datasets", "says"),
    [
        ([tasks()], "projects is no contract"),
        ([tasks(path="/{parent.code}"), PROJECTS], "projects has no column code"),
        ([tasks(parent=Parent("projects", {"x": "label"})), PROJECTS], "projects has no column label"),
        ([tasks(path="/{parent.id}", parent=Parent("tasks"))], "circle"),
    ],
)
def test_a_parent_that_is_no_contract_or_has_no_such_column_is_refused(datasets: list[Dataset], says: str):
    with pytest.raises(ConfigError, match=says):
        in_order(datasets)


def test_the_hash_changes_with_the_parent():
    plain = ApiSource("small", "/x/{parent.id}", parent=Parent("a"))
    assert plain.definition_hash != ApiSource("small", "/x/{parent.id}", parent=Parent("b")).definition_hash
