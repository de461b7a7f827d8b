"""`bad_values="null"`: a bad value becomes null and its row stays good, where the column may be null and does not say which row it is."""

import json
from typing import Annotated, Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.contract import Dataset, Quality, Replace, Scd2, Upsert
from esteira.curate import curate
from esteira.errors import ContractError
from esteira.lake import Lake
from esteira.quality import Curated, curate_records
from esteira.quality.forgiven import forgivable_columns
from tests.core.small import curated, dataset, keys, raw, record
from tests.core.test_extract import Opened, extracted


class Pair(pandera.DataFrameModel):
    """Rows with a rule over two columns."""

    id: pd.Int64Dtype = pandera.Field(ge=0, description="Key")
    low: pd.Int16Dtype = pandera.Field(nullable=True, ge=0, le=9, description="Low")
    high: pd.Float64Dtype = pandera.Field(nullable=True, le=9, description="High")
    name: pd.StringDtype = pandera.Field(
        nullable=True, str_matches="^[a-z]*$", description="N", metadata={"max_bytes": 3}
    )
    amount: Annotated[pd.ArrowDtype, pa.decimal128(4, 1)] = pandera.Field(nullable=True, description="Amount")

    @pandera.dataframe_check
    def ordered(cls, frame: pd.DataFrame) -> Any:  # noqa: N805 - pandera's form
        return ((frame["low"].isna()) | (frame["high"].isna()) | (frame["low"] <= frame["high"])).fillna(value=True)


def pairs(**changes: Any) -> Dataset:
    return dataset(**({"schema": Pair, "write": Replace(), "bad_values": "null"} | changes))


def judged(*records: dict[str, Any], **changes: Any) -> Curated:
    return curate_records(raw(*records), pairs(**changes))


def good(found: Curated) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name != "_esteira_position"} for row in found.good.to_pylist()
    ]


PLAIN = {"id": 1, "low": 1, "high": 2.0, "name": "a", "amount": 1}


@pytest.mark.fault(40)
@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("low", "x", "type"), ("low", 70_000, "type"), ("low", 12, "less_than_or_equal_to(9)"), ("high", 10.5, "less_than_or_equal_to(9)"),
        ("name", 7, "type"), ("name", "A", "str_matches('^[a-z]*$')"), ("name", "abcd", "max_bytes(3)"), ("amount", "1.25", "type"),
    ],
)  # fmt: skip
def test_a_bad_value_becomes_null_is_counted_and_its_neighbours_stay(column: str, value: Any, rule: str):
    found = judged(PLAIN, PLAIN | {"id": 2, column: value}, PLAIN | {"id": 3})
    rows = good(found)
    assert [(row["id"], row[column] is None) for row in rows] == [(1, False), (2, True), (3, False)]
    assert {name: value for name, value in rows[1].items() if name not in {"id", column}} == {
        name: value for name, value in rows[0].items() if name not in {"id", column}
    }
    assert (found.bad_rows, found.reasons, found.nulled) == (0, {}, {f"{column}: {rule}": 1})


@pytest.mark.parametrize("value", [-1, None, "x"])
def test_a_column_that_takes_no_nulls_still_quarantines_with_every_reason_of_the_row(value: Any):
    found = judged(PLAIN, PLAIN | {"id": value, "low": "x", "name": "A"})
    assert (found.good.num_rows, found.bad_rows, found.nulled) == (1, 1, {})
    assert {reason.split(":")[0] for reason in found.reasons} >= {"id", "low"}


def test_a_rule_over_columns_quarantines_and_is_asked_of_the_row_as_it_is_loaded():
    found = judged(PLAIN | {"low": 5}, PLAIN | {"low": 12})
    assert found.reasons == {"*: ordered": 1}
    assert (good(found)[0]["low"], found.nulled) == (None, {"low: less_than_or_equal_to(9)": 1})


def test_a_column_named_twice_has_no_one_bad_value():
    text = b'{"id": 1, "low": 1, "low": 2, "high": 2.0, "name": "a", "amount": 1}'
    found = curate_records([msgspec.Raw(text)], pairs())
    assert (found.bad_rows, found.reasons, found.nulled) == (1, {"low: duplicate key": 1}, {})


def test_columns_that_tell_rows_apart_or_which_is_newer_or_gone_are_never_made_null():
    mode = Upsert(key="id", newest_by="at", deleted_when="is_ok")
    assert forgivable_columns(dataset(write=mode, bad_values="null")) == {"text", "small", "ratio", "amount", "day"}
    unique = dataset(write=Scd2(key="id"), bad_values="null", quality=Quality(unique=("day", "text")))
    assert forgivable_columns(unique) == {"small", "ratio", "amount", "is_ok", "at"}
    assert forgivable_columns(dataset()) == frozenset()


def test_every_type_of_column_takes_the_null():
    bad = {"text": 1, "small": "x", "ratio": "x", "amount": "x", "is_ok": 7, "at": "x", "day": "x"}
    found = curated(
        record(), record(**bad), write=Replace(), bad_values="null", quality=Quality(max_quarantine_ratio=1)
    )
    assert found.good.num_rows == 2
    assert {name: value for name, value in found.good.to_pylist()[1].items() if name in bad} == dict.fromkeys(bad)
    assert found.good.to_pylist()[0]["amount"] is not None


def test_what_a_transform_makes_is_made_null_behind_it():
    found = judged(PLAIN, PLAIN | {"low": 4}, transform=lambda frame: frame.assign(low=frame["low"] * 3, high=9.0))
    assert [row["low"] for row in good(found)] == [3, None]


def test_the_seal_counts_what_became_null_and_the_ledger_warns(lake: Lake, open_portal: Opened):
    contract = pairs(source=keys().source)
    seal = extracted(contract, [PLAIN, PLAIN | {"low": "x"}, PLAIN | {"low": 10}], lake, open_portal)
    result = curate(contract, seal, lake=lake)
    assert (result.curated, result.quarantined) == (3, 0)
    assert result.seen
    assert result.seen.nulled == {"low: less_than_or_equal_to(9)": 1, "low: type": 1}
    assert result.warnings == ("Bad values that were made null: low: less_than_or_equal_to(9) (1), low: type (1).",)


VALUES = st.one_of(
    st.none(), st.integers(-3, 12), st.floats(-3, 12), st.sampled_from(["a", "ab", "abcd", "A", "7", "x"])
)
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(-1, 5)}, optional=dict.fromkeys(("low", "high", "name", "amount"), VALUES)
    ),
    max_size=12,
)


@given(records=RECORDS, is_transformed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_row_is_lost_every_good_row_keeps_every_rule_and_only_bad_values_are_null(
    records: list[dict[str, Any]], *, is_transformed: bool
):
    full = [{"low": None, "high": None, "name": None, "amount": None} | each for each in records]
    changes = {"transform": lambda frame: frame} if is_transformed else {}
    given_records = [msgspec.Raw(json.dumps(each).encode()) for each in full]
    forgiving = curate_records(given_records, pairs(**changes), first_row=5)
    strict = curate_records(given_records, pairs(bad_values="quarantine", **changes))
    assert forgiving.good.num_rows + forgiving.bad_rows == len(records)
    assert set(forgiving.good["_esteira_position"].to_pylist()) | set(
        forgiving.bad["_esteira_position"].to_pylist()
    ) == set(range(5, 5 + len(records)))
    assert forgiving.bad_rows <= strict.bad_rows
    strictly = {row["_esteira_position"] + 5: row for row in strict.good.to_pylist()}
    kept = {row["_esteira_position"]: row for row in forgiving.good.to_pylist()}
    assert strictly.keys() <= kept.keys()
    for position, row in strictly.items():
        assert {**row, "_esteira_position": position} == kept[position], "a good row is not touched"
    again = [msgspec.Raw(json.dumps({**row, "amount": str(row["amount"]) if row["amount"] is not None else None}).encode()) for row in good(forgiving)]  # fmt: skip
    assert curate_records(again, pairs(bad_values="quarantine")).bad_rows == 0
    nulled = sum(forgiving.nulled.values())
    cells = sum(full[at - 5][name] is not None and row[name] is None for at, row in kept.items() for name in ("low", "high", "name", "amount"))  # fmt: skip
    assert cells <= nulled <= cells * 3


@pytest.mark.fault(20)
def test_a_retyped_column_stops_the_batch_and_is_not_made_null_throughout(lake: Lake, open_portal: Opened):
    contract = pairs(source=keys().source)
    seal = extracted(contract, [PLAIN | {"id": number, "low": "x"} for number in range(12)], lake, open_portal)
    with pytest.raises(
        ContractError, match="Column low is int16 in the contract and holds text now: 12 of its 12 values"
    ):
        curate(contract, seal, lake=lake)
