"""What Arrow shows of a column's rules is what pandera would have found: for random columns, rules and values, and for pandera's oddities."""

from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from esteira.contract import Quality
from esteira.quality import validate
from esteira.quality.made import frame_of
from esteira.quality.proof import Provable, has_dtypes, provable
from tests.core.small import dataset

NUMBERS = st.integers(-3, 3)
CHECKS: dict[Any, Any] = {
    pd.Int16Dtype: st.one_of(
        st.builds(pandera.Check.ge, NUMBERS), st.builds(pandera.Check.gt, st.floats(-3, 3)), st.builds(pandera.Check.le, NUMBERS),
        st.builds(pandera.Check.lt, NUMBERS), st.builds(pandera.Check.in_range, st.just(-1), st.just(2), st.booleans(), st.booleans()),
        st.builds(pandera.Check.isin, st.lists(NUMBERS, min_size=1)), st.just(pandera.Check(lambda s: s % 2 == 0, name="isin")),
        st.just(pandera.Check(lambda v: v < 3, element_wise=True)),
    ),
    pd.Float64Dtype: st.one_of(st.builds(pandera.Check.ge, st.floats(-2, 2)), st.builds(pandera.Check.lt, NUMBERS)),
    pd.Float32Dtype: st.builds(pandera.Check.ge, st.sampled_from([0.1, -0.1])),
    pd.StringDtype: st.one_of(
        st.builds(pandera.Check.isin, st.lists(st.sampled_from("abcé"), min_size=1)),
        st.sampled_from([pandera.Check.str_matches(pattern) for pattern in ("[ab]", "^[ab]$", "é", r"\w", "a*$")]),
        st.just(pandera.Check.str_length(1, 2)), st.just(pandera.Check.ge("b")),
    ),
}  # fmt: skip
VALUES: dict[Any, Any] = {
    pd.Int16Dtype: NUMBERS,
    pd.Float64Dtype: st.sampled_from([-2.0, -0.5, 0.0, 0.1, 2.0, float("inf")]),
    pd.Float32Dtype: st.sampled_from([-0.1, 0.1, 0.5]),
    pd.StringDtype: st.sampled_from(["a", "b", "c", "é", "ab", "", "a\n"]),
}
ARROW = {
    pd.Int16Dtype: pa.int16(),
    pd.Float64Dtype: pa.float64(),
    pd.Float32Dtype: pa.float32(),
    pd.StringDtype: pa.string(),
}


@st.composite
def columns(draw: Any) -> tuple[Any, pandera.Column, list[Any]]:
    kind = draw(st.sampled_from(list(CHECKS)))
    checks = draw(st.lists(CHECKS[kind], max_size=2))
    column = pandera.Column(
        kind(), checks, nullable=draw(st.booleans()), unique=draw(st.sampled_from([False] * 9 + [True]))
    )
    return kind, column, draw(st.lists(st.one_of(VALUES[kind], st.none()), min_size=4, max_size=4))


def failures(schema: Any, frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    if schema is None:
        return []
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as exc:
        return [tuple(map(str, case)) for case in exc.failure_cases.itertuples(index=False)]
    return []


@given(st.lists(columns(), min_size=1, max_size=3))
def test_what_is_left_to_pandera_fails_as_the_whole_would(drawn: list[Any]):
    class Model(pandera.DataFrameModel):
        @classmethod
        def to_schema(cls) -> Any:
            return pandera.DataFrameSchema({f"c{number}": column for number, (_, column, _) in enumerate(drawn)})

    table = pa.table({f"c{number}": pa.array(values, ARROW[kind]) for number, (kind, _, values) in enumerate(drawn)})
    frame = frame_of(table)
    assert has_dtypes(Model, table.schema)
    assert failures(provable(Model).left(table), frame) == failures(Model.to_schema(), frame)


class Plain(pandera.DataFrameModel):
    number: pd.Int64Dtype = pandera.Field(ge=0, nullable=True)
    letter: pd.StringDtype = pandera.Field(isin=["a", "b"])


class Strict(Plain):
    class Config:
        strict = True


class Crossed(Plain):
    @pandera.dataframe_check
    def is_small(cls, frame: Any) -> Any:  # noqa: N805 - pandera hands the class
        return frame["number"] < 3


GOOD = pa.table({"number": pa.array([1, None], pa.int64()), "letter": ["a", "b"]})


def left(model: Any, table: pa.Table = GOOD) -> Any:
    schema = provable(model).left(table)
    return schema if schema is None else set(schema.columns)


def test_pandera_sees_only_what_may_be_bad():
    assert left(Plain) is None
    assert left(Plain, GOOD.set_column(0, "number", pa.array([1, -1], pa.int64()))) == {"number"}
    assert left(Plain, GOOD.set_column(1, "letter", pa.array(["a", None], pa.string()))) == {"letter"}


def test_a_rule_of_the_whole_frame_goes_to_pandera_in_any_case():
    assert left(Strict) == {"number", "letter"}
    assert left(Crossed) == set()
    frame = GOOD.to_pandas().assign(number=pd.array([1, 5], dtype="Int64"))
    assert failures(provable(Crossed).left(GOOD), frame) == failures(Crossed.to_schema(), frame) != []


def test_other_dtypes_than_the_schemas_are_shown_to_be_nothing():
    assert has_dtypes(Plain, pa.schema({"number": pa.int64(), "letter": pa.string()}))
    assert not has_dtypes(Plain, pa.schema({"number": pa.int32(), "letter": pa.string()}))


@pytest.mark.parametrize("is_transformed", [False, True])
def test_a_transform_leaves_all_of_it_to_pandera(monkeypatch: pytest.MonkeyPatch, *, is_transformed: bool):
    asked: list[str] = []
    seen = Provable.left
    monkeypatch.setattr(Provable, "left", lambda self, table: asked.append("left") or seen(self, table))
    record = msgspec.json.encode({"id": 1})

    class Only(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(ge=0)

    contract = dataset(schema=Only, transform=(lambda frame: frame) if is_transformed else None, quality=Quality())
    assert validate.curate_records([msgspec.Raw(record)], contract).good.num_rows == 1
    assert asked == ([] if is_transformed else ["left"])
