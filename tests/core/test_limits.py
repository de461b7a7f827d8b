"""Values that Redshift could not hold are quarantined before a load sees them; nested values travel as canonical JSON text."""

import json
from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from esteira.contract import Replace, Upsert
from esteira.contract.columns import MAX_SUPER_BYTES, MAX_VARCHAR_BYTES
from esteira.quality import Curated, curate_records
from tests.core.small import curated, dataset, record


class Nested(pandera.DataFrameModel):
    """Documents."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    doc: pd.StringDtype = pandera.Field(nullable=True, description="As received", metadata={"type": "super"})


class Made(Nested):
    copy: pd.StringDtype = pandera.Field(nullable=True, description="Made by the transform", metadata={"type": "super"})


class Free(pandera.DataFrameModel):
    """Texts without a length."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    text: pd.StringDtype = pandera.Field(description="Text")


class Named(pandera.DataFrameModel):
    text: pd.StringDtype = pandera.Field(description="Key")


def nested(*texts: str, **contract: Any) -> Curated:
    records = [msgspec.Raw(f'{{"id": {number}, "doc": {text}}}'.encode()) for number, text in enumerate(texts)]
    return curate_records(records, dataset(**({"schema": Nested} | contract)))


@pytest.mark.fault(48)
@pytest.mark.parametrize("neighbours", [(), (record(id="no number"),)], ids=["all at once", "one by one"])
@pytest.mark.parametrize(
    ("text", "is_good"), [("a" * 40, True), ("a" * 41, False), ("é" * 20, True), ("é" * 20 + "a", False)]
)
def test_a_text_is_measured_in_bytes_and_quarantined_when_it_is_too_long(text: str, is_good: Any, neighbours: Any):
    found = curated(record(id=5), record(id=6, text=text), record(id=7, text=None), *neighbours)
    assert found.good.column("id").to_pylist() == ([5, 6, 7] if is_good else [5, 7])
    assert found.reasons.get("text: max_bytes(40)", 0) == (not is_good)


@pytest.mark.fault(48)
@pytest.mark.parametrize("size", [MAX_VARCHAR_BYTES, MAX_VARCHAR_BYTES + 1])
def test_no_text_is_longer_than_the_longest_varchar(size: int):
    found = curated({"id": 1, "text": "x" * size}, schema=Free)
    assert (found.good.num_rows, found.reasons) == (
        (1, {}) if size == MAX_VARCHAR_BYTES else (0, {"text: max_bytes(65535)": 1})
    )


@pytest.mark.fault(48)
def test_a_text_key_is_quarantined_where_it_would_not_fit_the_fixed_length():
    found = curated({"text": "k" * 256}, {"text": "k" * 257}, schema=Named, write=Upsert(key="text"))
    assert (found.good.num_rows, found.reasons) == (1, {"text: max_bytes(256)": 1})


@pytest.mark.fault(48)
@pytest.mark.parametrize("neighbours", [(), (record(id="no number"),)], ids=["all at once", "one by one"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("small", 2**15), ("small", -(2**15) - 1), ("amount", "12345678901234567.00"), ("amount", "0.001"),
        ("ratio", "1e400"), ("at", "2013-01-01T00:00:00.1234567Z"), ("day", "10000-01-01"),
    ],
)  # fmt: skip
def test_a_number_or_a_moment_that_its_type_cannot_hold_is_quarantined_and_never_rounded(
    column: str, value: Any, neighbours: Any
):
    found = curated(record(id=5), record(id=6) | {column: value}, *neighbours)
    assert found.good.column("id").to_pylist() == [5]
    assert found.reasons[f"{column}: type"] == 1


@pytest.mark.fault(48)
def test_a_single_precision_number_that_overflows_is_quarantined():
    class Single(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(description="Key")
        it: pd.Float32Dtype = pandera.Field(description="Single")

    for neighbours in ((), ({"id": "x", "it": 1},)):
        found = curated({"id": 1, "it": 1e39}, {"id": 2, "it": 1e38}, *neighbours, schema=Single)
        assert (found.good.column("id").to_pylist(), found.reasons["it: type"]) == ([2], 1)


@pytest.mark.fault(48)
def test_moments_leave_in_microseconds():
    assert curated(record(at="2013-01-01T00:00:00.123456Z")).good.schema.field("at").type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('{"b": [1, {"z": null}], "a": 1.10}', '{"a":1.10,"b":[1,{"z":null}]}'),
        ("[]", "[]"), ('"text"', '"text"'), ("7", "7"), ("true", "true"),
        ("12345678901234567890.12", "12345678901234567890.12"),
        ('{"á": "\\u00e9"}', '{"á":"é"}'),
    ],
)  # fmt: skip
def test_a_nested_value_is_kept_whole_in_one_spelling(given: str, kept: str):
    good = nested(given).good
    assert good.schema.field("doc").type == pa.binary()
    assert good.column("doc").to_pylist() == [kept.encode()]


def test_a_null_is_no_nested_value():
    assert nested("null", "1").good.column("doc").to_pylist() == [None, b"1"]


def test_a_nested_number_that_is_no_double_is_quarantined():
    found = nested('{"a": [1e400]}', "1")
    assert (found.good.num_rows, found.reasons) == (1, {"doc: type": 1})


def test_a_nested_value_that_is_too_long_for_copy_is_quarantined():
    found = nested(json.dumps("x" * (MAX_SUPER_BYTES - 2)), json.dumps("x" * (MAX_SUPER_BYTES - 1)))
    assert (found.good.num_rows, found.reasons) == (1, {f"doc: max_bytes({MAX_SUPER_BYTES})": 1})


def test_a_nested_column_that_the_portal_lost_is_drift():
    assert curated({"id": 1}, schema=Nested, write=Replace()).absent == ("doc",)


def test_the_transform_sees_a_nested_value_as_text_and_what_it_makes_of_it_is_checked():
    def transform(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(copy=frame["doc"].str.replace("}", ""))

    found = nested('{"a": 1}', "[2]", "null", schema=Made, derived=("copy",), transform=transform)
    assert found.good.column("copy").to_pylist() == [b"[2]", None]
    assert found.reasons == {"copy: json": 1}
