"""Rules of a contract's author: across columns that may be null, and what pandera knows that is no rule of a row."""

from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.contract import Replace
from esteira.errors import ConfigError, DataQualityError
from esteira.quality import Curated
from tests.core.small import curated


class Span(pandera.DataFrameModel):
    """Two numbers, of which either may be missing."""

    low: pd.Int64Dtype = pandera.Field(nullable=True, description="Low")
    high: pd.Float64Dtype = pandera.Field(nullable=True, description="High")


class Ordered(Span):
    @pandera.dataframe_check
    def in_order(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805 - pandera hands the class
        return frame["low"] <= frame["high"]


class Compared(Span):
    @pandera.dataframe_check(ignore_na=False)
    def in_order(cls, frame: pd.DataFrame) -> pd.Series:  # noqa: N805 - the same
        return frame["low"] <= frame["high"]


class Asked(Span):
    @pandera.dataframe_check(element_wise=True)
    def in_order(cls, row: Any) -> Any:  # noqa: N805 - the same
        return row["low"] <= row["high"]


class Seen(Span):
    @pandera.check("low", ignore_na=False)
    def in_order(cls, numbers: pd.Series) -> pd.Series:  # noqa: N805 - the same
        return numbers <= 1


def split(schema: Any, *rows: tuple[Any, Any], **contract: Any) -> Curated:
    return curated(*({"low": low, "high": high} for low, high in rows), schema=schema, write=Replace(), **contract)


def good(found: Curated) -> list[int]:
    positions: list[int] = found.good.column("_esteira_position").to_pylist()
    return positions


ROWS = [(1, 2.0), (3, 2.0), (None, 2.0), (3, None), (None, None)]


@pytest.mark.fault(37, 40)
@pytest.mark.parametrize("is_transformed", [False, True])
@pytest.mark.parametrize(
    ("schema", "kept"), [(Ordered, [0, 2, 3, 4]), (Asked, [0, 2, 3, 4]), (Compared, [0]), (Seen, [0])]
)
def test_a_comparison_with_what_is_missing_breaks_nothing_unless_the_rule_says_so(
    schema: Any, kept: list[int], *, is_transformed: bool
):
    contract = {"transform": lambda frame: frame.assign(low=frame["low"])} if is_transformed else {}
    found = split(schema, *ROWS, **contract)
    assert good(found) == kept
    assert found.good.num_rows + found.bad_rows == len(ROWS)
    column = "low" if schema is Seen else "*"
    assert found.reasons == {f"{column}: in_order": len(ROWS) - len(kept)}


@pytest.mark.fault(37, 39)
@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([Ordered, Compared, Asked, Seen]),
    st.lists(st.tuples(*[st.none() | st.integers(0, 2) | st.just("x")] * 2), max_size=8),
    st.integers(0, 8),
)
def test_such_a_row_is_judged_alike_alone_in_company_and_in_any_chunk(
    schema: Any, rows: list[tuple[Any, Any]], cut: int
):
    together = split(schema, *rows)
    assert together.good.num_rows + together.bad_rows == len(rows)
    alone = [at for at, row in enumerate(rows) if split(schema, row).bad_rows == 0]
    left, right = good(split(schema, *rows[:cut])), good(split(schema, *rows[cut:]))
    assert good(together) == alone == [*left, *(cut + at for at in right)]


def without_answer(cls: Any, frame: pd.DataFrame) -> Any:
    raise ValueError("529.982.247-25")


def one_answer(cls: Any, frame: pd.DataFrame) -> Any:
    return bool((frame["low"] <= frame["high"]).all())


def with_rule(rule: Any) -> Any:
    return type("Ruled", (Span,), {"rule": pandera.dataframe_check(rule, name="rule"), "__module__": __name__})


@pytest.mark.parametrize(("rule", "said"), [(without_answer, "answers ValueError,"), (one_answer, "answers False,")])
def test_a_rule_that_judges_no_row_is_named_without_the_words_of_what_it_raised(rule: Any, said: str):
    with pytest.raises(ConfigError, match=f"Rule rule of .* {said}") as raised:
        split(with_rule(rule), (3, 2.0))
    assert "529" not in raised.value.message
    assert "on its index" in raised.value.hint


def model(config: dict[str, Any] | None = None, **given: Any) -> Any:
    """A schema with one column of whole numbers from 0 on, and what pandera is told beside."""
    body = {"__annotations__": {"low": pd.Int64Dtype}, "__module__": __name__, "low": pandera.Field(ge=0, **given)}
    return type("Odd", (pandera.DataFrameModel,), body | ({"Config": type("Config", (), config)} if config else {}))


class Parsed(pandera.DataFrameModel):
    low: pd.Int64Dtype = pandera.Field(ge=0)

    @pandera.parser("low")
    def positive(cls, numbers: pd.Series) -> pd.Series:  # noqa: N805 - the same
        return numbers.abs()


class Grouped(pandera.DataFrameModel):
    low: pd.Int64Dtype = pandera.Field()
    kind: pd.StringDtype = pandera.Field()

    @pandera.check("low", groupby="kind")
    def alike(cls, groups: dict[str, pd.Series]) -> bool:  # noqa: N805 - the same
        return all(len(group) > 1 for group in groups.values())


@pytest.mark.fault(37)
@pytest.mark.parametrize(
    ("schema", "what"),
    [
        (model(n_failure_cases=1), "n_failure_cases=1 of greater_than_or_equal_to"),
        (model(raise_warning=True), "raise_warning of greater_than_or_equal_to"),
        (model(unique=True), "unique=True"),
        (model(default=0), "default=0"),
        (model({"drop_invalid_rows": True}), "drop_invalid_rows"),
        (model({"unique": ["low"]}), "unique="),
        (model({"add_missing_columns": True}), "add_missing_columns"),
        (Parsed, "a parser"),
        (Grouped, "groupby of alike"),
    ],
)  # fmt: skip
def test_what_would_hide_a_bad_row_or_judges_rows_together_is_refused_when_the_contract_is_made(schema: Any, what: str):
    """pandera would go by the first three rows alone, warn, drop, look at other values than are kept, or depend on where a batch is cut."""
    with pytest.raises(ConfigError, match="is no rule of a row") as raised:
        curated(schema=schema, write=Replace())
    assert what in raised.value.message
    assert raised.value.hint


class Person(pandera.DataFrameModel):
    low: pd.Int64Dtype = pandera.Field(ge=0, description="Low")
    cpf: pd.StringDtype = pandera.Field(cpf=True, description="CPF", metadata={"pii": True})
    born: pd.Int64Dtype = pandera.Field(description="Year", metadata={"pii": True})


PERSON = {"low": 1, "cpf": "529.982.247-25", "born": 1980}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"low": -1}, "low = '-1' breaks greater_than_or_equal_to(0)"),
        ({"cpf": "529.982.247-99"}, "cpf = *** breaks cpf"),
        ({"born": "SECRET"}, "born = *** breaks type"),
    ],
)
def test_the_error_of_the_first_bad_row_is_about_that_row_and_shows_nothing_personal(
    changes: dict[str, Any], said: str
):
    """What its type cannot hold is found before what breaks a rule, wherever it stands."""
    rows = [PERSON, PERSON | changes, PERSON | {"born": "later"}]
    with pytest.raises(DataQualityError) as raised:
        curated(*rows, schema=Person, write=Replace(), bad_values="fail")
    assert raised.value.message == f"Row 1: {said} and bad_values is 'fail'."
