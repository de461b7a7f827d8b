"""From records as received to good rows and bad ones with their reasons."""

import json
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.catalogue import load_catalogue
from esteira.contract import Replace, Timestamp
from esteira.errors import ConfigError, ContractError, DataQualityError, PayloadError
from esteira.portal import records_of
from esteira.quality import curate_records
from tests.core.small import curated, dataset, raw, record, source

ROOT = Path(__file__).resolve().parents[2]
BAD = record(id="no number")
"""One record that the fast reader refuses, so that all its neighbours are decoded one by one."""


def value_of(column: str, value: Any, *neighbours: dict[str, Any]) -> Any:
    good = curated(record(**{column: value}), *neighbours).good
    assert good.num_rows == 1
    return good.column(column)[0].as_py()


@pytest.mark.fault(19)
@pytest.mark.parametrize("neighbours", [(), (BAD,)], ids=["all at once", "one by one"])
@pytest.mark.parametrize(
    ("column", "value", "exact"),
    [
        ("id", 2**53 + 1, 2**53 + 1),
        ("id", -(2**63), -(2**63)),
        ("id", str(2**63 - 1), 2**63 - 1),
        ("amount", "1234567890123456.78", Decimal("1234567890123456.78")),
        ("amount", "-0.10", Decimal("-0.10")),
        ("small", "7", 7),
        ("small", 7.0, 7),
        ("ratio", "0.1", 0.1),
        ("ratio", 5, 5.0),
        ("is_ok", False, False),
        ("day", "2012-02-29", date(2012, 2, 29)),
    ],
)
def test_a_value_arrives_exactly(column: str, value: Any, exact: Any, neighbours: Any):
    assert value_of(column, value, *neighbours) == exact


@pytest.mark.fault(19)
def test_a_decimal_written_as_a_number_keeps_its_18_digits():
    text = json.dumps(record()).replace('"1.00"', "1234567890123456.78").encode()
    found = curate_records([msgspec.Raw(text)], dataset()).good.column("amount")[0].as_py()
    assert found == Decimal("1234567890123456.78")


@pytest.mark.fault(25)
@pytest.mark.parametrize("neighbours", [(), (BAD,)], ids=["all at once", "one by one"])
@pytest.mark.parametrize("text", ["007", "NA", "-", "…", " a ", "", "null", "2013-01-01T00:00:00Z"])
def test_text_stays_text(text: str, neighbours: Any):
    assert value_of("text", text, *neighbours) == text


@pytest.mark.parametrize("neighbours", [(), (BAD,)], ids=["all at once", "one by one"])
@pytest.mark.parametrize("column", ["text", "small", "ratio", "amount", "is_ok", "at", "day"])
def test_null_stays_null(column: str, neighbours: Any):
    good = curated(record(**{column: None}), *neighbours).good
    assert good.column(column).to_pylist() == [None]


@pytest.mark.parametrize("neighbours", [(), (record(at="never"),)], ids=["all at once", "one by one"])
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-01-01T05:00:00Z", datetime(2013, 1, 1, 5, tzinfo=UTC)),
        ("2013-01-01T05:00:00.123456Z", datetime(2013, 1, 1, 5, 0, 0, 123456, tzinfo=UTC)),
        ("2013-01-01T05:00:00-03:00", datetime(2013, 1, 1, 8, tzinfo=UTC)),
        ("2013-01-01T05:00:00", datetime(2013, 1, 1, 5, tzinfo=UTC)),
        ("2013-01-01 05:00:00", datetime(2013, 1, 1, 5, tzinfo=UTC)),
        ("2013-01-01", datetime(2013, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_arrives_in_utc(text: str, moment: datetime, neighbours: Any):
    assert value_of("at", text, *neighbours) == moment


def test_moments_with_and_without_an_offset_may_stand_together():
    texts = ["2013-01-01T05:00:00", "2013-01-01T05:00:00Z", "2013-01-01T05:00:00+02:00"]
    found = curated(*(record(at=text) for text in texts)).good.column("at").to_pylist()
    assert [moment.hour for moment in found] == [5, 5, 3]


def test_a_local_moment_stays_local():
    class Local(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(description="Key")
        at: Annotated[pd.ArrowDtype, pa.timestamp("us")] = pandera.Field(description="Local moment")

    good = curated({"id": 1, "at": "2013-01-01T05:00:00"}, {"id": 2, "at": "never"}, schema=Local).good
    assert good.column("at").to_pylist() == [datetime(2013, 1, 1, 5)]  # noqa: DTZ001 - the point


UNFIT = [
    ("id", "seven"), ("id", ""), ("id", 1.5), ("id", 2**63), ("id", True), ("id", [1]), ("id", {"a": 1}),
    ("id", " 12 "), ("id", "1_000"), ("id", "\uff11\uff12"), ("id", "NaN"), ("id", "Infinity"), ("id", "1e400"),
    ("small", 70_000), ("small", "x"), ("ratio", "NaN"), ("ratio", "1e400"), ("ratio", "x"), ("ratio", False),
    ("amount", "0.001"), ("amount", "12345678901234567.00"), ("amount", "1.234,56"), ("amount", True), ("amount", [0, [1], 0]),
    ("text", 7), ("text", True), ("text", []), ("is_ok", 1), ("is_ok", "true"),
    ("at", "yesterday"), ("at", "2013-01-01T24:00:00Z"), ("at", "2013-02-30T00:00:00Z"),
    ("at", "2013-01-01T00:00:00.123456789Z"), ("at", 1357016400), ("day", "31/12/2013"), ("day", "2013-02-30"), ("day", 20130101),
]  # fmt: skip


@pytest.mark.fault(40)
@pytest.mark.parametrize(("column", "value"), UNFIT)
def test_a_value_that_its_type_cannot_hold_is_quarantined_with_its_reason(column: str, value: Any):
    found = curated(record(id=5), record(**{column: value}), record(id=6))
    assert found.good.column("id").to_pylist() == [5, 6]
    assert (found.bad_rows, found.reasons) == (1, {f"{column}: type": 1})
    (row,) = found.bad.to_pylist()
    assert json.loads(row["record"]) == record(**{column: value})
    assert (row["_esteira_position"], row["value"]) == (1, str(value))


@pytest.mark.fault(18)
@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_number_that_is_no_finite_double_is_quarantined(constant: str):
    text = json.dumps(record()).replace("0.5", constant).encode()
    found = curate_records([*raw(record(id=5)), msgspec.Raw(text)], dataset())
    assert found.good.column("id").to_pylist() == [5]
    assert found.reasons == {"ratio: type": 1}


@pytest.mark.fault(18)
def test_a_record_with_a_key_twice_is_quarantined():
    twice = msgspec.Raw(b'{"id": 9, ' + json.dumps(record()).encode()[1:])
    found = curate_records([*raw(record(id=5)), twice, *raw(record(id=6))], dataset())
    assert found.good.column("id").to_pylist() == [5, 6]
    assert found.reasons == {"id: duplicate key": 1}


@pytest.mark.fault(18)
@pytest.mark.parametrize("text", [b"[1]", b"7", b"{"])
def test_a_record_that_is_no_object_is_refused(text: bytes):
    with pytest.raises(PayloadError, match="not a JSON object"):
        curate_records([*raw(record()), msgspec.Raw(text)], dataset())


@pytest.mark.fault(37)
@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_row_that_breaks_a_rule_leaves_alone(position: int):
    records = [record(id=number) for number in range(3)]
    records[position] |= {"small": 101}
    found = curated(*records)
    assert found.good.column("id").to_pylist() == [number for number in range(3) if number != position]
    assert found.reasons == {"small: less_than_or_equal_to(100)": 1}


@pytest.mark.fault(41)
def test_a_null_key_is_quarantined():
    assert curated(record(id=None)).reasons == {"id: not_nullable": 1}


@pytest.mark.fault(39)
def test_of_equal_rows_only_the_bad_one_leaves():
    same = record(id=1)
    found = curated(same, same, record(id=1, small=-1), same)
    assert found.good.column("_esteira_position").to_pylist() == [0, 1, 3]
    assert found.bad.column("_esteira_position").to_pylist() == [2]


@pytest.mark.fault(39)
@pytest.mark.parametrize(
    "transform",
    [
        lambda frame: frame.iloc[:-1],
        lambda frame: pd.concat([frame, frame]),
        lambda frame: frame.set_index("id", drop=False),
        lambda frame: frame.iloc[::-1],
        lambda frame: frame.set_axis([0] * len(frame)),
    ],
    ids=["fewer", "twice", "another index", "another order", "one index for all"],
)
def test_a_transform_that_changes_the_rows_is_refused(transform: Any):
    with pytest.raises(ConfigError, match="must be row-wise and keep the index"):
        curated(record(id=5), record(id=6), transform=transform)


def test_a_transform_that_loses_a_column_is_refused():
    with pytest.raises(ConfigError, match="does not return column text"):
        curated(record(), transform=lambda frame: frame.drop(columns="text"))


def test_a_transform_that_changes_a_type_is_refused():
    with pytest.raises(ConfigError, match="Column 'id' does not have the schema's dtype after the transform"):
        curated(record(), transform=lambda frame: frame.assign(id=frame["id"].astype("Float64")))


def test_a_derived_column_is_made_from_an_input_and_the_input_is_not_kept():
    class Made(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(description="Key")
        length: pd.Int64Dtype = pandera.Field(description="Length of the name")

    found = curated(
        {"id": 1, "name": "abc"},
        schema=Made, derived=("length",), source=source(inputs=("name",)),
        transform=lambda frame: frame.assign(length=frame["name"].str.len()),
    )  # fmt: skip
    assert found.good.to_pylist() == [{"id": 1, "length": 3, "_esteira_position": 0}]
    assert found.new_columns == ()


def test_a_renamed_column_is_read_under_the_portals_name_and_blamed_under_ours():
    class Renamed(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(description="Key")

    found = curated({"ID": 1}, {"ID": "x"}, schema=Renamed, source=source(rename={"ID": "id"}))
    assert (found.good.column("id").to_pylist(), found.reasons) == ([1], {"id: type": 1})


def test_a_rule_over_several_columns_blames_the_row_once():
    class Ordered(pandera.DataFrameModel):
        low: pd.Int64Dtype = pandera.Field(description="Low")
        high: pd.Int64Dtype = pandera.Field(description="High")

        @pandera.dataframe_check
        def low_is_below_high(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805 - pandera makes it a class method
            return frame["low"] < frame["high"]

    found = curated({"low": 1, "high": 2}, {"low": 3, "high": 2}, schema=Ordered, write=Replace())
    assert (found.good.num_rows, found.reasons) == (1, {"*: low_is_below_high": 1})


def test_a_row_with_two_reasons_counts_once():
    found = curated(record(small=-1, id=None), record(id=2))
    assert (found.bad_rows, found.bad.num_rows, found.good.num_rows) == (1, 2, 1)


def test_positions_are_those_of_the_batch():
    found = curate_records(raw(record(), record(small=-1)), dataset(), first_row=100)
    assert found.good.column("_esteira_position").to_pylist() == [100]
    assert found.bad.column("_esteira_position").to_pylist() == [101]


@pytest.mark.fault(42)
@pytest.mark.parametrize("broken", [{"small": -1}, {"id": "x"}])
def test_all_rows_may_be_bad(broken: dict[str, Any]):
    found = curated(record(**broken), record(**broken))
    assert (found.good.num_rows, found.bad_rows) == (0, 2)
    assert found.good.column_names == [*dataset().column_names, "_esteira_position"]


@pytest.mark.fault(42)
def test_no_rows_are_no_rows_of_the_same_columns():
    found = curated()
    assert (found.good.num_rows, found.bad_rows, found.new_columns) == (0, 0, ())
    assert found.good.schema == curated(record()).good.schema


def test_bad_values_fail_stops_at_the_first_bad_row():
    with pytest.raises(DataQualityError, match=r"Row 101: small = '-1' breaks greater_than_or_equal_to\(0\)"):
        curate_records(raw(record(), record(small=-1)), dataset(bad_values="fail"), first_row=100)


@pytest.mark.fault(20)
@pytest.mark.parametrize("policy", ["warn", "ignore"])
@pytest.mark.parametrize("neighbours", [(), (BAD,)], ids=["all at once", "one by one"])
def test_a_new_column_is_named_and_not_kept(policy: str, neighbours: Any):
    found = curated(record(), record(brand_new={"a": [1]}), *neighbours, new_columns=policy)
    assert found.new_columns == ("brand_new",)
    assert (found.good.num_rows, "brand_new" in found.good.column_names) == (2, False)


@pytest.mark.fault(20)
def test_a_new_column_fails_where_the_contract_says_so():
    with pytest.raises(ContractError, match=r"delivers brand_new, which the contract does not know"):
        curated(record(brand_new=1), new_columns="fail")


@pytest.mark.fault(20)
@pytest.mark.parametrize("neighbours", [(), ({"id": "x"},)], ids=["all at once", "one by one"])
def test_removed_columns_are_named(neighbours: Any):
    less = {name: value for name, value in record().items() if name not in {"text", "day"}}
    assert curated(less, *neighbours).absent == ("text", "day")


def test_a_column_may_be_absent_from_some_records():
    less = {name: value for name, value in record(id=2).items() if name != "text"}
    assert curated(record(), less).good.column("text").to_pylist() == ["a", None]


def test_a_record_longer_than_a_block_of_the_reader_is_read():
    long = "x" * (5 << 20)
    found = curated(record(), record(note=long))
    assert (found.good.num_rows, found.new_columns) == (2, ("note",))


numbers = st.one_of(
    st.none(),
    st.integers(-20, 120),
    st.text(max_size=3),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
rows = st.fixed_dictionaries({"id": numbers, "small": numbers, "text": st.none() | st.text(max_size=3) | st.integers()})


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, max_size=12))
def test_good_and_bad_are_all_rows_and_no_good_row_leaves(drawn: list[dict[str, Any]]):
    records = [record(**row) for row in drawn]
    decodable = [json.dumps(row) for row in records]
    found = curate_records([msgspec.Raw(text.encode()) for text in decodable], dataset())
    good = found.good.column("_esteira_position").to_pylist()
    bad = sorted(set(found.bad.column("_esteira_position").to_pylist()))
    assert sorted([*good, *bad]) == list(range(len(records)))
    assert len(bad) == found.bad_rows
    assert good == [position for position, text in enumerate(decodable) if _is_good(json.loads(text))]
    reasons = Counter(f"{row['column']}: {row['rule']}" for row in found.bad.to_pylist())
    assert found.reasons == reasons


def _is_good(row: dict[str, Any]) -> bool:
    """The contract again, in plain Python."""
    return (
        _is_whole(row["id"])
        and (row["small"] is None or (_is_whole(row["small"]) and 0 <= Decimal(str(row["small"])) <= 100))
        and (row["text"] is None or isinstance(row["text"], str))
    )


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return value.isascii() and value.lstrip("+-").isdigit() and len(value.lstrip("+-")) >= len(value) - 1
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value) and abs(value) < 2**63


@pytest.mark.parametrize(
    ("name", "good", "reasons"),
    [
        ("airlines", 16, {}),
        ("airports", 20, {}),
        ("flights", 20, {}),
        ("planes", 20, {}),
        ("weather", 19, {"wind_speed: less_than_or_equal_to(250)": 1}),
    ],
)
def test_a_recorded_page_passes_its_contract_with_exact_counts(name: str, good: int, reasons: dict[str, int]):
    contract = load_catalogue(ROOT / "datasets")[name]
    body = (ROOT / "tests/fixtures" / name / "page.json").read_bytes()
    records = records_of(body, contract.source)
    found = curate_records(records, contract)
    assert (found.good.num_rows, found.reasons, found.new_columns) == (good, reasons, ())
    assert found.good.num_rows + found.bad_rows == len(records) == json.loads(body)["filtered_table_rows_count"]


@pytest.mark.fault(37)
def test_the_wind_of_1048_miles_an_hour_is_what_leaves():
    contract = load_catalogue(ROOT / "datasets")["weather"]
    records = records_of((ROOT / "tests/fixtures/weather/page.json").read_bytes(), contract.source)
    (row,) = curate_records(records, contract).bad.to_pylist()
    assert (json.loads(row["record"])["id"], row["column"], row["value"]) == (1010, "wind_speed", "1048.36058")


def test_the_types_of_the_contract_are_the_types_of_the_file():
    assert Timestamp.__metadata__ == ("us", "UTC")
    good = curated(record()).good.schema
    assert [good.field(column.name).type for column in dataset().columns] == [c.arrow for c in dataset().columns]
