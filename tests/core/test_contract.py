"""What the constructors refuse, and what follows from a schema."""

import dataclasses
from datetime import date, timedelta
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from esteira.catalogue import load_catalogue
from esteira.contract import (
    ApiSource,
    Append,
    Dataset,
    DeleteInsert,
    Header,
    Incremental,
    NextToken,
    Offset,
    PageNumber,
    Quality,
    Reference,
    Replace,
    ResponseAction,
    Scd2,
    Upsert,
)
from esteira.errors import ConfigError
from tests.conventions.sources import ROOT
from tests.core.small import CURSOR, Key, dataset, source


def test_append_with_a_lag_is_refused():
    lagging = dataclasses.replace(CURSOR, lag=timedelta(days=1))
    with pytest.raises(ConfigError, match=r"Append\(\) would insert them again"):
        dataset(write=Append(), source=source(incremental=lagging))


def test_replace_of_a_source_with_a_cursor_is_refused_with_what_to_write_instead():
    with pytest.raises(ConfigError, match="the rows of every earlier window would go") as caught:
        dataset(write=Replace(), source=source(incremental=CURSOR))
    assert "Upsert(key=...)" in caught.value.hint
    assert dataset(write=Replace()).write == Replace()


@pytest.mark.parametrize("cursor", [None, CURSOR])
def test_append_without_a_lag_is_a_contract(cursor: Incremental | None):
    assert dataset(write=Append(), source=source(incremental=cursor)).write == Append()


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        ("write.key", {"write": Upsert(key="nope")}),
        ("write.newest_by", {"write": Upsert(key="id", newest_by="nope")}),
        ("sortkey", {"sortkey": ("nope",)}),
        ("distkey", {"distkey": "nope"}),
        ("derived", {"derived": ("nope",)}),
        ("quality.unique", {"quality": Quality(unique=("nope",))}),
        ("quality.references", {"quality": Quality(references=(Reference("nope", to="a.b"),))}),
    ],
)
def test_a_column_that_the_schema_does_not_have_is_refused(where: str, changes: dict[str, Any]):
    with pytest.raises(ConfigError, match=f"{where} names nope, which the schema does not have"):
        dataset(**changes)


@pytest.mark.fault(41)
def test_a_nullable_key_is_refused():
    with pytest.raises(ConfigError, match="Key column text is nullable"):
        dataset(write=Upsert(key=("id", "text")))


@pytest.mark.parametrize("write", [Scd2(key="text"), DeleteInsert(by=("id", "text"))])
def test_a_nullable_key_is_refused_whatever_the_mode(write: Any):
    with pytest.raises(ConfigError, match="Key column text is nullable"):
        dataset(write=write)


@pytest.mark.parametrize("deleted_when", ["small", ("small", "D"), ("text", 1), ("is_ok", "D"), "nope", "id"], ids=repr)
def test_a_deletion_that_no_row_can_say_is_refused(deleted_when: Any):
    with pytest.raises(ConfigError, match="deleted_when"):
        dataset(write=Upsert(key="id", deleted_when=deleted_when))


@pytest.mark.parametrize("deleted_when", ["is_ok", ("text", "D"), ("small", 9), ("is_ok", False)], ids=repr)
def test_a_deletion_is_a_boolean_or_a_value_of_the_column_s_type(deleted_when: Any):
    assert dataset(write=Upsert(key="id", deleted_when=deleted_when)).write.deleted_when is not None


@pytest.mark.parametrize("newest_by", ["at", "small"])
def test_a_version_begins_at_a_moment_that_is_never_null(newest_by: str):
    with pytest.raises(ConfigError, match="becomes valid_from"):
        dataset(write=Scd2(key="id", newest_by=newest_by))


def test_a_schema_that_has_the_columns_of_scd2_itself_is_refused():
    class Versioned(Key):
        valid_to: pd.Int64Dtype = pandera.Field(description="Taken")

    with pytest.raises(ConfigError, match="the schema has valid_to itself"):
        dataset(schema=Versioned, write=Scd2(key="id"))


@pytest.mark.parametrize("key", [(), ("id", "id")])
def test_a_key_without_columns_or_with_one_twice_is_refused(key: tuple[str, ...]):
    with pytest.raises(ConfigError, match="names no column or names one twice"):
        Upsert(key=key)


INJECTIONS = ['x"; drop table y', "x; drop table y", "Rows", "9rows", "_esteira", "", "a" * 64, "ção", "rows\n"]


@pytest.mark.fault(65)
@pytest.mark.parametrize("name", INJECTIONS)
def test_a_dataset_name_that_is_no_identifier_is_refused(name: str):
    with pytest.raises(ConfigError, match="is not of the form") as caught:
        dataset(name=name)
    assert repr(name) in caught.value.message


@pytest.mark.fault(65)
@pytest.mark.parametrize("name", INJECTIONS)
def test_a_column_name_that_is_no_identifier_is_refused(name: str):
    class Injected(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(alias=name or " ", description="Key")

    with pytest.raises(ConfigError, match="is not of the form"):
        dataset(schema=Injected, write=Replace())


def test_a_path_without_a_slash_is_refused():
    with pytest.raises(ConfigError, match="the path starts with a slash"):
        source(path="rows")


def test_a_part_without_pages_is_refused():
    with pytest.raises(ConfigError, match="at least one page"):
        source(pages_per_part=0)


@pytest.mark.parametrize("times", [{"lag": timedelta(-1)}, {"chunk": timedelta(0)}])
def test_a_negative_lag_and_an_empty_chunk_are_refused(times: dict[str, timedelta]):
    with pytest.raises(ConfigError, match=r"lag=.* must not be negative|chunk=.* must be positive"):
        Incremental("at", "from", "to", initial=date(2013, 1, 1), **times)


@pytest.mark.parametrize("to", ["airports", "a.b.c"])
def test_a_reference_is_of_the_form_dataset_column(to: str):
    with pytest.raises(ConfigError, match=r"not of the form dataset\.column"):
        Reference("id", to=to)


@pytest.mark.parametrize("limits", [{"max_quarantine_ratio": 1.1}, {"max_quarantine_ratio": -0.1}, {"min_rows": -1}])
def test_a_threshold_outside_its_range_is_refused(limits: dict[str, Any]):
    with pytest.raises(ConfigError, match=r"is not between 0 and 1|is negative"):
        Quality(**limits)


@pytest.mark.parametrize(
    "dtype", [pd.DatetimeTZDtype("ns", "UTC"), pd.CategoricalDtype(), pd.ArrowDtype(pa.timestamp("ns"))], ids=str
)
def test_a_type_without_an_exact_redshift_type_is_refused(dtype: Any):
    schema = pandera.DataFrameSchema({"id": pandera.Column(dtype)})

    class Model(Key):
        @classmethod
        def to_schema(cls) -> pandera.DataFrameSchema:
            return schema

    if isinstance(dtype, pd.DatetimeTZDtype):
        assert dataset(schema=Model, write=Replace()).columns[0].arrow == pa.timestamp("us", "UTC")
    else:
        with pytest.raises(ConfigError, match=r"Column 'id' .* no exact Redshift type"):
            dataset(schema=Model, write=Replace())


def test_columns_follow_from_the_schema_in_order():
    found = {column.name: (column.arrow, column.is_nullable) for column in dataset().columns}
    assert found == {
        "id": (pa.int64(), False),
        "text": (pa.string(), True),
        "small": (pa.int16(), True),
        "ratio": (pa.float64(), True),
        "amount": (pa.decimal128(18, 2), True),
        "is_ok": (pa.bool_(), True),
        "at": (pa.timestamp("us", "UTC"), True),
        "day": (pa.date32(), True),
    }


def test_a_local_moment_and_a_byte_are_stored_in_their_nearest_types():
    class Local(pandera.DataFrameModel):
        id: pd.Int8Dtype = pandera.Field(description="Key")
        at: Annotated[pd.ArrowDtype, pa.timestamp("us")] = pandera.Field(description="Local moment")

    assert [column.arrow for column in dataset(schema=Local).columns] == [pa.int16(), pa.timestamp("us")]


def test_the_dictionary_is_in_the_schema():
    text, small = dataset().columns[1:3]
    assert (text.description, text.max_bytes, small.unit, dataset().description) == (
        "Text",
        40,
        "cm",
        "Rows, one per id.",
    )


@pytest.mark.parametrize(
    "change",
    [
        {"path": "/other"},
        {"params": {"_size": 10}},
        {"records": "items"},
        {"total": "n"},
        {"portal": "other"},
        {"incremental": CURSOR},
    ],
)
def test_what_is_asked_of_the_portal_changes_the_definition_hash(change: dict[str, Any]):
    assert source(**change).definition_hash != source().definition_hash


@pytest.mark.parametrize("change", [{"pages_per_part": 9}, {"rename": {"a": "b"}}, {"inputs": ("x",)}])
def test_what_only_we_see_leaves_the_definition_hash(change: dict[str, Any]):
    assert source(**change).definition_hash == source().definition_hash


DEFINITIONS = {
    "airlines": "243c3aab", "airports": "3642be2b", "flights": "aea84ebd", "planes": "c58bee1c", "weather": "c1b2fe83",
}  # fmt: skip
"""As in the ledgers of the first release: another hash would load everything again."""


def test_contracts_of_the_first_release_keep_their_definition_hashes():
    found = {name: each.source.definition_hash for name, each in load_catalogue(ROOT / "datasets").items()}
    assert DEFINITIONS.items() <= found.items()


@pytest.mark.parametrize(
    ("asked", "digits"),
    [
        ({"paginator": Offset(100, total="n"), "total": "n", "params": {"a": 1}}, "b10cb538"),
        ({"paginator": PageNumber(size_param="s", size=5)}, "07d9ffae"),
        ({"records": "r", "incremental": Incremental("t", "a", "b", date(2013, 1, 1))}, "a26b7a1e"),
    ],
)
def test_arguments_of_the_first_release_keep_their_definition_hashes(asked: dict[str, Any], digits: str):
    assert ApiSource(portal="p", path="/x", **asked).definition_hash == digits


@pytest.mark.parametrize(
    ("change", "is_asked"),
    [
        ({"method": "POST", "body": {}}, True),
        ({"paginator": Offset(1, past_end=404)}, True),
        ({"paginator": NextToken(body="t")}, True),
        ({"total": Header("X-Total-Count")}, True),
        ({"responses": (ResponseAction("fail", status=409),)}, False),
    ],
)
def test_later_arguments_change_the_hash_where_they_change_what_is_asked(change: dict[str, Any], is_asked: Any):
    before = source(paginator=Offset(1)) if isinstance(change.get("paginator"), Offset) else source()
    assert (source(**change).definition_hash != before.definition_hash) is is_asked


def test_the_definition_hash_is_the_same_for_equal_definitions():
    first, second = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert source(params=first).definition_hash == source(params=second).definition_hash


def test_parents_are_the_datasets_referred_to_without_repetition():
    references = [Reference("id", to="a.x"), Reference("small", to="b.x"), Reference("ratio", to="a.y")]
    quality = Quality(references=references)  # type: ignore[arg-type]
    assert dataset(quality=quality).parents == ("a", "b")


def test_a_contract_is_frozen():
    contract: Dataset = dataset()
    with pytest.raises(dataclasses.FrozenInstanceError):
        contract.name = "other"  # type: ignore[misc]
    assert isinstance(contract.source, ApiSource)
