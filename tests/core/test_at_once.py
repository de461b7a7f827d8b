"""Records with nested columns, read at once: the same as one by one, or not at all."""

import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esteira.quality.at_once import read_at_once
from esteira.quality.one_by_one import read_each
from esteira.quality.wire import WireColumn

TYPES = {"id": pa.int64(), "doc": pa.binary(), "@list": pa.binary(), "name": pa.string()}
WIRE = [WireColumn(name, (name,), arrow) for name, arrow in TYPES.items()]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.just("doc"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
RECORDS = st.fixed_dictionaries(
    {"id": st.integers(-5, 5)}, optional={"doc": VALUES, "@list": VALUES, "name": st.text(max_size=3)}
)


def read(*texts: str) -> pa.Table | None:
    records = [msgspec.Raw(text.encode()) for text in texts]
    return read_at_once(records, b"\n".join(records), WIRE)


@given(st.lists(RECORDS, min_size=1, max_size=6))
def test_what_is_read_at_once_is_what_is_read_one_by_one(records: list[dict[str, Any]]):
    texts = [json.dumps(record) for record in records]
    table = read(*texts)
    slow, rejections = read_each([msgspec.Raw(text.encode()) for text in texts], WIRE)
    if table is not None:
        assert rejections == []
        assert table.to_pylist() == slow.select(table.column_names).to_pylist()


def test_ordinary_records_are_read_at_once():
    table = read(
        '{"id": 1, "doc": {"b": 1.10, "a": [null, "x"]}, "name": "n"}',
        '{\n "id": 2, "@list": [],\n "doc": null}',
    )
    assert table is not None
    assert table.to_pylist() == [
        {"id": 1, "doc": b'{"a":[null,"x"],"b":1.10}', "@list": None, "name": "n"},
        {"id": 2, "doc": None, "@list": b"[]", "name": None},
    ]


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1, "doc": 1, "doc": 2}', '{"id": 1, "id": 2, "doc": 1}', '{"id": 1, "doc": {"x": 1e400}}', '{"id": 1, "new": 1}',
        '{"id": "x"}', '{"id": 1, "doc": {"doc": 1}}', "[1]", '{"id": 1, "d\\u006fc": 1, "doc": 2}',
    ],
)  # fmt: skip
def test_whatever_needs_a_closer_look_is_not_read_at_once(text: str):
    assert read('{"id": 1}', text) is None


FLAT = [WireColumn("id", ("id",), pa.int64()), WireColumn("name", ("name",), pa.string())]
FLAT_RECORDS = st.fixed_dictionaries(
    {"id": st.integers(-(2**63), 2**63 - 1) | st.none()},
    optional={"name": st.text(max_size=400), "other": st.integers()},
)


@given(st.lists(FLAT_RECORDS, min_size=1, max_size=12))
def test_records_on_lines_of_their_own_are_read_like_those_on_many(records: list[dict[str, Any]]):
    tables = []
    for indents in ((None,), (1,), (None, 1)):
        texts = [
            msgspec.Raw(json.dumps(record, indent=indents[at % len(indents)]).encode())
            for at, record in enumerate(records)
        ]
        tables.append(read_at_once(texts, b"\n".join(texts), FLAT))
    by_line, spread, mixed = (table.to_pylist() for table in tables if table is not None)
    assert by_line == spread == mixed
    assert [record["id"] for record in by_line] == [record["id"] for record in records]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_record_longer_than_all_others_is_read_at_once(place: int):
    texts = ['{"id": 1, "name": "a"}', '{"id": 2, "name": "b"}']
    texts.insert(place, json.dumps({"id": 3, "name": "x" * 100_000}))
    records = [msgspec.Raw(text.encode()) for text in texts]
    table = read_at_once(records, b"\n".join(records), FLAT)
    assert table is not None
    assert sorted(table.column("id").to_pylist()) == [1, 2, 3]


@pytest.mark.parametrize("first", [{"id": 1, "new": None}, {"id": 1, "new": {"a": [1]}}])
@pytest.mark.parametrize(
    "last", [{"id": 9, "new": None}, {"id": 9, "new": {"a": [1]}}, {"id": 9, "new": [2]}, {"id": 9, "new": 3}]
)
def test_a_nested_column_that_nobody_knows_keeps_no_record_from_being_read(first: dict[str, Any], last: dict[str, Any]):
    texts = [json.dumps(record) for record in (first, {"id": 5, "new": None}, last)]
    records = [msgspec.Raw(text.encode()) for text in texts]
    table = read_at_once(records, b"\n".join(records), FLAT)
    slow, rejections = read_each(records, FLAT)
    assert rejections == []
    if table is not None:
        assert table.column("id").to_pylist() == slow.column("id").to_pylist() == [1, 5, 9]
        assert table.column_names == slow.column_names
