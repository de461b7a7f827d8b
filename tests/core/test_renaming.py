"""Former names: in the contract, in the catalogue, and in the lake."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from esteira.catalogue import in_order, of_cadence
from esteira.errors import ConfigError
from esteira.lake import Lake, Seal
from esteira.lake.sweep import SweptLake
from esteira.renaming import renamed_contract
from esteira.warehouse.states import DatasetState
from tests.core.small import dataset

BATCH = "2014-01-01-0123abcd"


@pytest.mark.parametrize("formerly", ["old", ("Old",), ("t",)], ids=repr)
def test_a_former_name_is_a_name_in_a_tuple_and_another_one(formerly: Any):
    with pytest.raises(ConfigError, match="formerly="):
        dataset(name="t", formerly=formerly)


def test_a_former_name_is_not_used_again():
    with pytest.raises(ConfigError, match="'old' is the former name of new, and a contract's name"):
        in_order([dataset(name="new", formerly=("old",)), dataset(name="old")])
    with pytest.raises(ConfigError, match="'old' is the former name of b, and that of a"):
        in_order([dataset(name="a", formerly=("old",)), dataset(name="b", formerly=("old",))])


def test_a_retired_contract_runs_in_no_cadence():
    catalogue = in_order([dataset(name="a"), dataset(name="b", retired=True)])
    assert [each.name for each in of_cadence(catalogue, "daily")] == ["a"]


def test_a_name_is_no_part_of_a_batch_id():
    old = dataset(name="old")
    assert replace(old, name="new", formerly=("old",)).source.definition_hash == old.source.definition_hash


@pytest.mark.parametrize(
    ("contracts", "text"),
    [
        ({"old": (), "new": ("old",)}, "still a contract old"),
        ({"other": ()}, "no contract new"),
        ({"new": ()}, "does not say that it was old"),
    ],
)
def test_a_rename_needs_the_contract_renamed_first(contracts: Any, text: str):
    catalogue = {name: dataset(name=name, formerly=formerly) for name, formerly in contracts.items()}
    with pytest.raises(ConfigError, match=text):
        renamed_contract(catalogue, "old", "new")


def test_what_is_sealed_under_a_former_name_is_found_for_the_ledger_and_not_for_a_new_attempt(lake: Lake):
    lake.put_former_name("b", "a")
    lake.put_former_name("c", "b")
    lake.put_former_name("c", "b")
    seal = lake.put_seal("curated", Seal("a", BATCH, "x", (), 0))
    assert lake.names("c") == ("c", "b", "a")
    assert lake.find_settled_seal("curated", "c", BATCH) == seal
    assert lake.find_seal("curated", "c", BATCH) is None
    assert lake.find_settled_seal("curated", "d", BATCH) is None
    assert lake.batches("c") == []


def test_a_sweep_surveys_the_former_names_too_and_leaves_the_note_of_them(lake: Lake, session: Any):
    lake.put_former_name("b", "a")
    lake.put_seal("curated", Seal("a", BATCH, "x", (), 0))
    survey = SweptLake(lake.bucket, session).survey("b")
    assert [seal.dataset for seal in survey.seals.values()] == ["a"]
    assert [each.place for each in survey.stored if each.key.endswith("FORMERLY.json")] == [None]


def test_a_state_says_what_since_when_by_whom_and_why():
    moment = datetime(2014, 1, 2, 6, tzinfo=UTC)
    assert str(DatasetState("a", "paused", "", "wait", "ana", moment)) == "paused since 2014-01-02 06:00Z by ana: wait"
    assert str(DatasetState("a", "renamed", "b")) == "renamed to b"
