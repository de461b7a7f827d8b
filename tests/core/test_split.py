"""Good and bad are all rows, and no good row leaves: for random contracts, records, indexes with gaps, and cuts into chunks."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.contract import Dataset, Replace
from esteira.quality import Curated, curate_records
from tests.core.small import dataset

Good = Callable[[Any], bool]
CPF = "52998224725"
NUMBER_RULES: list[tuple[dict[str, Any], Good]] = [
    ({}, lambda _: True), ({"ge": 0}, lambda n: n >= 0), ({"gt": 1}, lambda n: n > 1), ({"le": 3}, lambda n: n <= 3), ({"lt": 2}, lambda n: n < 2),
    ({"in_range": (0, 2)}, lambda n: 0 <= n <= 2), ({"isin": [1, 3]}, lambda n: n in {1, 3}), ({"notin": [0, 2]}, lambda n: n not in {0, 2}),
    ({"ne": 1}, lambda n: n != 1), ({"ge": 0, "le": 2, "ne": 1}, lambda n: n in {0, 2}),
]  # fmt: skip
TEXT_RULES: list[tuple[dict[str, Any], Good]] = [
    ({}, lambda _: True), ({"isin": ["a", "SP"]}, lambda t: t in {"a", "SP"}), ({"str_matches": "^a"}, lambda t: t.startswith("a")),
    ({"str_length": {"max_value": 2}}, lambda t: len(t) <= 2), ({"uf": True}, lambda t: t == "SP"), ({"cpf": True}, lambda t: t == CPF),
    ({"metadata": {"max_bytes": 2}}, lambda t: len(t.encode()) <= 2), ({"str_startswith": "S", "str_length": 2}, lambda t: t == "SP"),
]  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A contract, and the same in plain Python."""

    contract: Dataset
    is_good: Good


@st.composite
def contracts(draw: st.DrawFn) -> Drawn:
    """Columns n (whole), f (double) and t (text) under random rules, nullable or not; maybe a rule over two of them, maybe a transform."""
    number, double, text = (draw(st.sampled_from(rules)) for rules in (NUMBER_RULES, NUMBER_RULES, TEXT_RULES))
    takes_null = {name: draw(st.booleans()) for name in "nft"}
    is_ordered, is_transformed = draw(st.booleans()), draw(st.booleans())
    fields = {
        name: pandera.Field(nullable=takes_null[name], description=name, **rules)
        for name, rules in (("n", number[0]), ("f", double[0]), ("t", text[0]))
    }
    kinds = {"n": pd.Int64Dtype, "f": pd.Float64Dtype, "t": pd.StringDtype}
    body = {"__annotations__": kinds, "__doc__": "Drawn.", "__module__": __name__, **fields}
    if is_ordered:
        body["in_order"] = pandera.dataframe_check(_in_order)
    made = dataset(
        schema=type("Row", (pandera.DataFrameModel,), body),
        write=Replace(),
        transform=_same if is_transformed else None,
    )

    def is_good(row: Any) -> bool:
        values = {"n": _whole(row["n"]), "f": _double(row["f"]), "t": row["t"] if row["t"] is None else _text(row["t"])}
        rules = {"n": number[1], "f": double[1], "t": text[1]}
        for name, value in values.items():
            if (
                value is _UNFIT
                or (value is None and not takes_null[name])
                or (value is not None and not rules[name](value))
            ):
                return False
        known = values["n"] is not None and values["f"] is not None
        return not (is_ordered and known) or values["n"] <= values["f"]

    return Drawn(made, is_good)


_UNFIT: Any = object()


def _in_order(cls: Any, frame: pd.DataFrame) -> pd.Series:
    return (frame["n"] <= frame["f"]).fillna(True).astype(bool)


def _same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(n=frame["n"])


def _whole(value: Any) -> Any:
    """A number, also as text; never rounded."""
    if value == CPF:
        return int(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (
        value if value is None else int(value) if is_number and value == int(value) and abs(value) < 2**63 else _UNFIT
    )


def _double(value: Any) -> Any:
    if value == CPF:
        return float(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if value is None else float(value) if is_number else _UNFIT


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else _UNFIT


values = st.one_of(
    st.none(), st.integers(-1, 4), st.sampled_from([0.5, 2.0, 1e300, -0.0]), st.booleans(), st.sampled_from(["", "a", "ab", "SP", "ção", CPF, "x" * 9, []])
)  # fmt: skip
good_ones = st.fixed_dictionaries(
    {"n": st.integers(0, 3), "f": st.integers(0, 3), "t": st.sampled_from(["a", "SP", CPF])}
)
records = st.lists(st.one_of(good_ones, st.fixed_dictionaries({"n": values, "f": values, "t": values})), max_size=10)


def curated(rows: list[dict[str, Any]], contract: Dataset, first: int = 0) -> Curated:
    return curate_records([msgspec.Raw(json.dumps(row).encode()) for row in rows], contract, first_row=first)


def positions(found: Curated) -> tuple[list[int], list[int]]:
    bad = sorted(set(found.bad.column("_esteira_position").to_pylist()))
    return found.good.column("_esteira_position").to_pylist(), bad


@pytest.mark.fault(37, 39, 40)
@settings(max_examples=60, deadline=None)
@given(contracts(), records, st.integers(0, 1 << 40))
def test_good_and_bad_are_all_rows_and_no_good_row_leaves(drawn: Drawn, rows: list[dict[str, Any]], first: int):
    found = curated(rows, drawn.contract, first)
    good, bad = positions(found)
    assert sorted([*good, *bad]) == list(range(first, first + len(rows)))
    assert (len(good), len(bad)) == (found.good.num_rows, found.bad_rows)
    assert [position - first for position in good] == [at for at, row in enumerate(rows) if drawn.is_good(row)]
    assert found.reasons == Counter(f"{row['column']}: {row['rule']}" for row in found.bad.to_pylist())
    kept = found.good.select(["n", "f", "t"]).to_pylist()
    assert all(_equal(row, rows[position - first]) for row, position in zip(kept, good, strict=True))


@pytest.mark.fault(37, 39)
@settings(max_examples=20, deadline=None)
@given(contracts(), records, st.integers(0, 10))
def test_a_row_is_judged_alike_alone_in_company_and_in_any_chunk(drawn: Drawn, rows: list[dict[str, Any]], cut: int):
    together, _ = positions(curated(rows, drawn.contract))
    alone = [at for at, row in enumerate(rows) if curated([row], drawn.contract).bad_rows == 0]
    left, right = (
        positions(curated(rows[:cut], drawn.contract))[0],
        positions(curated(rows[cut:], drawn.contract, cut))[0],
    )
    assert together == alone == [*left, *(right if cut < len(rows) else [])]


def _equal(kept: dict[str, Any], given: dict[str, Any]) -> bool:
    """What arrives is what was sent; 2.0 and "2" in a column of whole numbers are 2."""
    sent = {
        "n": _whole(given["n"]),
        "f": _double(given["f"]),
        "t": _text(given["t"]) if given["t"] is not None else None,
    }
    return kept == sent
