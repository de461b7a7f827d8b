"""Column profiles: exact while a batch is small, within a stated error when it is not, and the same however the batch is cut."""

import math
import pickle
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esteira.contract import Column
from esteira.contract.columns import POSITION_COLUMN
from esteira.profile import ColumnProfile, Profiler, many
from esteira.profile.hashes import hashes

WORDS = ["", "a", "São Paulo", "人", "longer than eight bytes", "x" * 300, "7", "é" * 8]
VALUES: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "small": (pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "few": (pa.int32(), st.integers(-3, 3)),
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "single": (pa.float32(), st.floats(width=32)),
    "double": (pa.float64(), st.floats()),
    "amount": (pa.decimal128(38, 4), st.decimals(-(10**33), 10**33, places=4)),
    "text": (pa.string(), st.one_of(st.sampled_from(WORDS), st.text(max_size=20))),
    "flag": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates()),
    "moment": (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(UTC))),
    "local": (pa.timestamp("us"), st.datetimes()),
    "nested": (pa.binary(), st.sampled_from([b"{}", b"[1]"])),
}


def column(name: str, arrow: pa.DataType, *, is_pii: bool = False) -> Column:
    return Column(name, arrow, None, is_nullable=True, description="", is_pii=is_pii)


def profile(values: pa.Array, cuts: tuple[int, ...] = (), *, is_pii: bool = False, **sizes: int) -> ColumnProfile:
    """Of one column, taken in the chunks that the cuts make."""
    profiler = Profiler([column("c", values.type, is_pii=is_pii)], rows_at_once=1, **sizes)
    table = pa.table({"c": values, POSITION_COLUMN: pa.array(range(len(values)), pa.int64())})
    edges = [0, *sorted(cut % (len(values) + 1) for cut in cuts), len(values)]
    for start, stop in pairwise(edges):
        profiler.add(table.slice(start, stop - start))
    (made,) = profiler.profiles()
    return made


@st.composite
def columns(draw: Any) -> pa.Array:
    kind, values = draw(st.sampled_from(sorted(VALUES.items())).map(lambda item: item[1]))
    return pa.array(draw(st.lists(st.none() | values, max_size=60)), kind)


CUTS = st.lists(st.integers(0, 60), max_size=5).map(tuple)


@given(values=columns(), cuts=CUTS, other=CUTS, size=st.sampled_from([4, 16, 1000]))
@settings(max_examples=400, deadline=None)
def test_a_batch_has_one_profile_however_it_is_cut(values: pa.Array, cuts: Any, other: Any, size: int):
    sizes = {"distinct_exact": size, "sample_rows": size}
    assert profile(values, cuts, **sizes) == profile(values, other, **sizes)


def merged(values: pa.Array, cuts: tuple[int, ...], *, is_pii: bool = False, **sizes: int) -> ColumnProfile:
    """Of one column whose pieces were profiled by others, and put together."""
    whole: Profiler | None = None
    table = pa.table({"c": values, POSITION_COLUMN: pa.array(range(len(values)), pa.int64())})
    for start, stop in pairwise([0, *sorted(cut % (len(values) + 1) for cut in cuts), len(values)]):
        each = Profiler([column("c", values.type, is_pii=is_pii)], rows_at_once=1, **sizes)
        for at in range(start, stop, 7):
            each.add(table.slice(at, min(7, stop - at)))
        each = pickle.loads(pickle.dumps(each))
        if whole is None:
            whole = each
        else:
            whole.merge(each)
    assert whole is not None
    (made,) = whole.profiles()
    return made


@given(values=columns(), cuts=CUTS, size=st.sampled_from([4, 16, 1000]), is_pii=st.booleans())
@settings(max_examples=400, deadline=None)
def test_a_profile_that_others_made_piece_by_piece_is_that_of_the_whole(
    values: pa.Array, cuts: Any, size: int, *, is_pii: bool
):
    sizes = {"distinct_exact": size, "sample_rows": size, "is_pii": is_pii}
    assert merged(values, cuts, **sizes) == profile(values, **sizes)


@given(values=columns(), cuts=CUTS)
@settings(max_examples=400, deadline=None)
def test_the_profile_of_a_small_batch_is_exact(values: pa.Array, cuts: Any):
    made = profile(values, cuts)
    known = [value for value in values.to_pylist() if value is not None]
    assert (made.rows, made.nulls) == (len(values), len(values) - len(known))
    if pa.types.is_binary(values.type):
        assert made == ColumnProfile("c", made.rows, made.nulls)
        return
    series = pd.Series(known, dtype=object)
    assert made.distinct == series.nunique(dropna=False)
    finite = [value for value in known if not isinstance(value, float) or math.isfinite(value)]
    said = [text(value, values.type) for value in (min(finite), max(finite))] if finite else [None, None]
    assert [made.minimum, made.maximum] == said
    numbers = [number for value in finite if (number := number_of(value)) is not None]
    assert (made.mean is None) == (not numbers)
    if numbers:
        assert made.mean == float(sum(numbers) / len(numbers))
        expected = sorted(numbers)
        ranks = [max(math.ceil(step * len(expected) / 10) - 1, 0) for step in range(11)]
        assert made.quantiles == pytest.approx([float(expected[rank]) for rank in ranks], rel=1e-15)
    frequent = series.map(lambda value: text(value, values.type)).value_counts()
    top = dict(made.top_values)
    if len({text(value, values.type) for value in known}) == made.distinct:  # else two long texts look the same
        assert sorted(top.values(), reverse=True) == sorted(frequent, reverse=True)[:10]
        assert all(frequent[value] == rows for value, rows in made.top_values)


def text(value: Any, kind: pa.DataType) -> str:
    """A value as a profile shows it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="auto").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "0.0" if value == 0 else str(np.float32(value)) if pa.types.is_float32(kind) else str(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)[:200].replace("\0", "\ufffd")


def number_of(value: Any) -> Fraction | None:
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return Fraction((moment - datetime(1970, 1, 1, tzinfo=UTC)) // resolution(), 1_000_000)
    if isinstance(value, date):
        return Fraction((value - date(1970, 1, 1)).days * 86_400)
    if isinstance(value, bool | str):
        return None
    return Fraction(value)


def resolution() -> Any:
    return pd.Timedelta(1, "us").to_pytimedelta()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([0, 1, -1, 2**63 - 1]), 0xBD9423F7C77923E9),
        (pa.array([0.0, 1.5, math.inf, math.nan]), 0xD74D3C7F84636BFA),
        (pa.array(["", "a", "São Paulo", "x" * 70_000]), 0x26AC9F30C103F09D),
        (pa.array([Decimal("1.50"), Decimal("-7.00")], pa.decimal128(38, 2)), 0xD45A3356DC563662),
        (pa.array([True, False]), 0x732A85D5F21F916E),
    ],
    ids=["whole", "float", "text", "decimal", "flag"],
)
def test_a_hash_is_the_same_in_every_version(values: pa.Array, expected: int):
    assert int(np.bitwise_xor.reduce(hashes(values))) == expected


def test_the_hash_of_a_text_does_not_depend_on_what_stands_around_it():
    texts = [*WORDS, *(f"text {number}" for number in range(40_000)), "x" * 65_535]
    whole = hashes(pa.array(texts))
    assert (hashes(pa.array(["before", *texts]).slice(1)) == whole).all()
    assert [int(hashes(pa.array([word]))[0]) for word in WORDS] == [int(each) for each in whole[: len(WORDS)]]
    assert len(np.unique(whole)) == len(set(texts))


@pytest.mark.parametrize("kind", [pa.int16(), pa.int32(), pa.float64(), pa.date32()])
def test_equal_numbers_have_equal_hashes_whatever_their_width(kind: pa.DataType):
    wide = pa.float64() if pa.types.is_floating(kind) else pa.int64()
    numbers = pa.array([-7, 0, 12], pa.int32())
    assert (hashes(numbers.cast(kind)) == hashes(numbers.cast(wide))).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_large_batch_is_estimated_within_the_stated_errors(seed: int):
    draw = np.random.default_rng(seed)
    numbers = draw.lognormal(10, 3, 200_000)
    found = profile(pa.array(numbers), tuple(draw.integers(0, 200_000, 7)))
    assert found.distinct == pytest.approx(200_000, rel=4 * 0.016)
    ranks = np.searchsorted(np.sort(numbers), found.quantiles, side="right") / len(numbers)
    assert np.abs(ranks - np.linspace(0, 1, 11)).max() < math.sqrt(math.log(2 / 1e-6) / 2 / 4096)
    assert (found.quantiles[0], found.quantiles[-1]) == (numbers.min(), numbers.max())
    assert found.mean == pytest.approx(math.fsum(numbers) / len(numbers), rel=1e-15)


def test_a_column_with_few_values_is_exact_however_many_rows_there_are():
    draw = np.random.default_rng(1)
    numbers = draw.geometric(0.01, 300_000)
    found = profile(pa.array(numbers), tuple(range(0, 300_000, 41_000)))
    values, rows = np.unique(numbers, return_counts=True)
    assert found.distinct == len(values)
    assert list(found.quantiles) == list(np.quantile(numbers, np.linspace(0, 1, 11), method="inverted_cdf"))
    frequent = sorted(zip(-rows, values, strict=True))[:10]
    assert found.top_values == tuple((str(value), -count) for count, value in frequent)


def test_frequent_values_among_many_are_estimated_and_rare_ones_not_told():
    draw = np.random.default_rng(2)
    texts = np.where(draw.random(100_000) < 0.2, "often", np.arange(100_000).astype(str))
    ((value, rows),) = profile(pa.array(texts)).top_values
    assert value == "often"
    assert rows == pytest.approx(20_000, rel=5 * math.sqrt(0.8 / 0.2 / 4096))


def test_a_mean_does_not_overflow():
    largest, huge = 2**63 - 1, 1.7e308
    assert profile(pa.array([largest] * 100)).mean == float(largest)
    assert profile(pa.array([huge, huge, huge])).mean == huge
    assert profile(pa.array([1e308, 1.0, -1e308])).mean == pytest.approx(1 / 3)


def test_of_a_personal_column_only_counts_are_known():
    made = profile(pa.array([1, 1, 2, None]), is_pii=True)
    assert made == ColumnProfile("c", rows=4, nulls=1, distinct=2)
    assert profile(pa.array(["Ana", "Ana"]), is_pii=True) == ColumnProfile("c", rows=2, nulls=0, distinct=1)


def test_what_is_no_finite_number_is_counted_and_part_of_no_computed_number():
    made = profile(pa.array([math.nan, math.inf, 1.0, 3.0]))
    assert (made.distinct, made.minimum, made.maximum, made.mean) == (4, "1.0", "3.0", 2.0)
    assert made.quantiles[0] == 1.0
    assert dict(made.top_values) == {"1.0": 1, "3.0": 1, "inf": 1, "nan": 1}
    assert profile(pa.array([math.nan])) == ColumnProfile("c", 1, 0, 1, top_values=(("nan", 1),))


def test_a_batch_without_rows_has_a_profile_of_zeros():
    assert profile(pa.array([], pa.int64())) == ColumnProfile("c", 0, 0, 0)


NAMED = sorted(VALUES)


def together(tables: list[pa.Table], columns: list[Column], **sizes: int) -> dict[str, ColumnProfile]:
    profiler = Profiler(columns, rows_at_once=1, **sizes)
    for table in tables:
        profiler.add(table)
    return {each.column: each for each in profiler.profiles()}


@given(drawn=st.lists(st.sampled_from(NAMED), min_size=2, max_size=8), cuts=CUTS, data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_column_has_the_same_profile_whatever_stands_beside_it(drawn: list[str], cuts: Any, data: Any):
    """Columns with many values are computed together: nulls, nothing at all and what is not finite stay with their own."""
    rows = data.draw(st.integers(0, 40))
    arrays = [pa.array(data.draw(st.lists(st.none() | VALUES[kind][1], min_size=rows, max_size=rows)), VALUES[kind][0])
              for kind in drawn]  # fmt: skip
    made = pa.table(
        {f"c{at}": each for at, each in enumerate(arrays)} | {POSITION_COLUMN: pa.array(range(rows), pa.int64())}
    )
    edges = [0, *sorted(cut % (rows + 1) for cut in cuts), rows]
    tables = [made.slice(start, stop - start) for start, stop in pairwise(edges)]
    columns = [column(f"c{at}", each.type, is_pii=at % 3 == 2) for at, each in enumerate(arrays)]
    sizes = {"distinct_exact": 4, "sample_rows": 8}
    alone = {each.name: together(tables, [each], **sizes)[each.name] for each in columns}
    assert together(tables, columns, **sizes) == alone


def wide_table(columns: int, rows: int, first: int = 0) -> pa.Table:
    """Whole numbers, doubles, texts and flags in turn, one value of ten missing; drawn by the number of the first row."""
    draw = np.random.default_rng(first)
    kinds = (
        lambda: draw.integers(0, 10**6, rows),
        lambda: draw.random(rows),
        lambda: np.array([f"text {each}" for each in draw.integers(0, 500, rows)], object),
        lambda: draw.random(rows) < 0.5,
    )
    made = {f"c{at}": pa.array(kinds[at % 4](), mask=draw.random(rows) < 0.1) for at in range(columns)}
    return pa.table(made | {POSITION_COLUMN: pa.array(range(first, first + rows), pa.int64())})


def wide_columns(table: pa.Table) -> list[Column]:
    return [column(field.name, field.type) for field in table.schema if field.name != POSITION_COLUMN]


def test_a_wide_table_has_sketches_of_a_quarter_of_the_size_and_says_as_exactly_what_it_can():
    table = wide_table(101, 6_000)
    found = together([table.slice(start, 1_700) for start in range(0, 6_000, 1_700)], wide_columns(table))
    narrow = together([table], wide_columns(table)[:4], distinct_exact=1024, sample_rows=1024)
    assert {name: found[name] for name in narrow} == narrow
    known = {name: table.column(name).drop_null() for name in ("c0", "c1", "c2")}
    assert found["c2"].distinct == len(known["c2"].unique())
    assert found["c0"].distinct == pytest.approx(len(known["c0"].unique()), rel=4 * 0.032)
    for name in ("c0", "c1"):
        values = np.sort(known[name].to_numpy())
        ranks = np.searchsorted(values, found[name].quantiles, side="right") / len(values)
        assert np.abs(ranks - np.linspace(0, 1, 11)).max() < math.sqrt(math.log(2 / 1e-6) / 2 / 1024)
        assert found[name].mean == pytest.approx(math.fsum(values) / len(values), rel=1e-15)


def test_columns_with_many_values_are_computed_many_at_a_time(monkeypatch: pytest.MonkeyPatch):
    """What a wide chunk costs is calls: 60 columns of a type are hashed and added up in two."""
    first, second = wide_table(240, 2_200), wide_table(240, 1_100, first=2_200)
    profiler = Profiler(wide_columns(first), distinct_exact=4 * 512, rows_at_once=1)
    profiler.add(first)
    hashed: list[int] = []

    def counted(values: pa.Array) -> Any:
        hashed.append(len(values))
        return hashes(values)

    monkeypatch.setattr(many, "hashes", counted)
    profiler.add(second)
    assert len(hashed) == 2 * -(-60 // (many.VALUES_AT_ONCE // 1_100))
    assert sum(hashed) == sum(len(second.column(at)) - second.column(at).null_count for at in range(240) if at % 4 < 2)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(1, 60))
def test_rows_that_wait_for_others_are_seen_all_the_same(sizes: list[int], rows_at_once: int):
    table = wide_table(8, sum(sizes))
    waiting, whole = Profiler(wide_columns(table), rows_at_once=rows_at_once), Profiler(wide_columns(table))
    start = 0
    for size in sizes:
        waiting.add(table.slice(start, size))
        start += size
    whole.add(table)
    assert waiting.profiles() == whole.profiles()


def test_rows_that_wait_may_be_of_parts_whose_columns_stand_otherwise():
    first, second = wide_table(8, 10), wide_table(8, 10, first=10)
    turned = second.select(second.column_names[::-1])
    profiles = []
    for other in (second, turned):
        profiler = Profiler(wide_columns(first), rows_at_once=100)
        profiler.add(first)
        profiler.add(other)
        profiles.append(profiler.profiles())
    assert profiles[0] == profiles[1]


def test_no_value_of_rows_that_waited_is_left_once_a_profile_is_settled():
    profiler = Profiler([column("c", pa.string(), is_pii=True)], rows_at_once=2)
    profiler.add(pa.table({"c": ["Ana Secret"], POSITION_COLUMN: pa.array([0], pa.int64())}))
    assert b"Ana Secret" in pickle.dumps(profiler)
    profiler.settle()
    assert b"Ana Secret" not in pickle.dumps(profiler)


def test_the_profile_of_500_columns_is_below_30_megabytes_while_it_is_made():
    tables = [wide_table(500, 2_000, first) for first in range(0, 10_000, 2_000)]
    profiler, before = Profiler(wide_columns(tables[0])), pa.total_allocated_bytes()
    tracemalloc.start()
    for table in tables:
        profiler.add(table)
    profiler.profiles()
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert python + pa.total_allocated_bytes() - before < 30 * 10**6
