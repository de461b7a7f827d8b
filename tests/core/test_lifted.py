"""Nested values that `rename` lifts by dotted keys: read at once as they are read one by one, and blamed where they do not fit."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.contract import Upsert
from esteira.contract.paths import path_of
from esteira.erasure.key import read_key
from esteira.errors import ConfigError
from esteira.quality import curate_records
from esteira.quality.at_once import read_at_once
from esteira.quality.one_by_one import read_each
from esteira.quality.wire import WireColumn
from tests.core.small import dataset, raw, source

WIRE = [
    WireColumn("id", ("id",), pa.int64()),
    WireColumn("user.name", ("user", "name"), pa.string()),
    WireColumn("user.at.city", ("user", "at", "city"), pa.string()),
    WireColumn('"a.b".c', ("a.b", "c"), pa.int64()),
    WireColumn("user.tags", ("user", "tags"), pa.binary()),
    WireColumn("more", ("more",), pa.binary()),
]
NULLABLE = st.none() | st.text(max_size=3)
PLACE = st.none() | st.fixed_dictionaries({}, optional={"city": NULLABLE, "zip": st.integers(0, 9)})
USER = st.none() | st.fixed_dictionaries(
    {}, optional={"name": NULLABLE, "at": PLACE, "tags": st.lists(st.integers(0, 9), max_size=2) | st.none(), "x": NULLABLE}
)  # fmt: skip
AB = st.none() | st.fixed_dictionaries({}, optional={"c": st.none() | st.integers(-9, 2**63 - 1)})
RECORDS = st.fixed_dictionaries(
    {"id": st.integers(-5, 5)}, optional={"user": USER, "a.b": AB, "more": st.none() | st.just({"a": [1]})}
)


@given(st.lists(RECORDS, min_size=1, max_size=6), st.booleans())
def test_what_is_lifted_at_once_is_what_is_lifted_one_by_one(records: list[dict[str, Any]], is_flat: Any):
    wire = [column for column in WIRE if not (is_flat and column.is_whole)]
    texts = raw(*records)
    table = read_at_once(texts, b"\n".join(texts), wire)
    slow, rejections = read_each(texts, wire)
    assert rejections == []
    if table is not None:
        names = [column.name for column in wire]
        assert table.select(names).to_pylist() == slow.select(names).to_pylist()
    if is_flat and not any("more" in record for record in records):
        assert table is not None


def test_ordinary_records_are_lifted_at_once():
    texts = raw(
        {"id": 1, "user": {"name": "n", "at": {"city": "c"}, "tags": ["x"]}, "a.b": {"c": 2**60}},
        {"id": 2, "user": None},
    )
    table = read_at_once(texts, b"\n".join(texts), WIRE)
    assert table is not None
    assert [list(row.values()) for row in table.to_pylist()] == [
        [1, "n", "c", 2**60, b'["x"]', None],
        [2, None, None, None, None, None],
    ]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("a", ("a",)),
        ("a b-ç.d", ("a b-ç", "d")),
        ("a.b.c", ("a", "b", "c")),
        ('"a.b"', ("a.b",)),
        ('"a.b".c."d.e"', ("a.b", "c", "d.e")),
        ("@odata.etag", ("@odata", "etag")),
        ('"@odata.etag"', ("@odata.etag",)),
        ('5" pipe', ('5" pipe',)),
        ("a..b", None),
        (".a", None),
        ("a.", None),
        ('"a', None),
        ("", None),
    ],
)
def test_a_path_is_keys_with_dots_between_them(name: str, keys: Any):
    if keys is None:
        with pytest.raises(ConfigError, match="names no value"):
            source(rename={name: "x"})
    else:
        assert path_of(name) == keys


def test_two_of_the_portals_columns_cannot_become_one():
    with pytest.raises(ConfigError, match="makes x of more than one"):
        source(rename={"a.x": "x", "b.x": "x"})


class Person(pandera.DataFrameModel):
    """People, one per id."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    name: pd.StringDtype = pandera.Field(nullable=True, description="Name")
    age: pd.Int64Dtype = pandera.Field(nullable=True, description="Age")
    tags: pd.StringDtype = pandera.Field(nullable=True, description="Tags", metadata={"type": "super"})


def people(**changes: Any):
    rename = {"user.name": "name", "user.age": "age", "user.tags": "tags"}
    return dataset(schema=Person, write=Upsert(key="id"), source=source(rename=rename), **changes)


def person(id: int, **user: Any) -> dict[str, Any]:  # noqa: A002 - the column's name
    return {"id": id, "user": {"name": "n", "age": 1, "tags": []} | user}


def test_lifted_columns_stand_under_the_contracts_names():
    found = curate_records(raw(person(1, tags={"b": 1, "a": 2}), {"id": 2, "user": None}), people())
    assert found.good.select(["id", "name", "age", "tags"]).to_pylist() == [
        {"id": 1, "name": "n", "age": 1, "tags": b'{"a":2,"b":1}'},
        {"id": 2, "name": None, "age": None, "tags": None},
    ]
    assert (found.new_columns, found.absent) == ((), ())


@pytest.mark.fault(40)
@pytest.mark.parametrize("bad", [{"user": "gone"}, {"user": [1]}, {"user": {"name": "n", "age": "x", "tags": []}}])
def test_a_value_on_the_way_that_is_no_object_is_quarantined(bad: Any):
    found = curate_records(raw(person(1), {"id": 2} | bad), people())
    assert (found.good.num_rows, found.bad_rows) == (1, 1)
    assert set(found.bad.column("rule").to_pylist()) == {"type"}
    assert json.loads(found.bad.column("record")[0].as_py()) == {"id": 2} | bad


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "text", ['{"id":1,"user":{"name":"a","name":"b"}}', '{"id":1,"user":{"name":"a"},"user":{"name":"b"}}']
)
def test_a_key_that_stands_twice_on_the_way_is_quarantined(text: str):
    found = curate_records([msgspec.Raw(text.encode()), *raw(person(2))], people())
    assert (found.good.column("id").to_pylist(), found.bad_rows) == ([2], 1)
    assert "duplicate key" in found.bad.column("rule").to_pylist()


@pytest.mark.fault(20)
def test_a_lifted_column_that_is_in_no_record_is_absent_and_an_unknown_one_new():
    found = curate_records(raw({"id": 1, "user": {"name": "n", "tags": []}, "user.age": 5}), people())
    assert (found.new_columns, found.absent) == (("user.age",), ("age",))


def test_a_key_of_erasure_is_found_where_it_was_lifted_from():
    key = read_key(people(), ["name=Ana"])
    assert key.is_in(json.dumps(person(1, name="Ana")))
    assert not key.is_in(json.dumps({"id": 1, "name": "Ana", "user": {"name": "Eva", "tags": [["name", "Ana"]]}}))
    assert not key.is_in('{"id": 1, "user": ["name", "Ana"]}')
