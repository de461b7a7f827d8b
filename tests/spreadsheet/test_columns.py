"""A column is converted as a whole, by the bytes of all its texts: what a text becomes must not depend on its neighbours."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esteira.contract import SpreadsheetSource
from esteira.spreadsheet import text
from esteira.spreadsheet.cells import Cells
from esteira.spreadsheet.convert import Column
from tests.spreadsheet.offices import HEADER, contract, read, refused, rows_of

EASY = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
TYPES = (pa.int16(), pa.int64(), pa.float64(), pa.decimal128(12, 2), pa.string(), pa.bool_(), pa.date32(),
         pa.timestamp("us"), pa.timestamp("us", "UTC"))  # fmt: skip
NUMBERS = st.builds(
    lambda number, form, signs: f"{number:{form}}".translate(str.maketrans(",.", signs)),
    st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9),
    st.sampled_from([",.2f", ".2f", ",.0f", ".0f", ".5f"]),
    st.sampled_from([",.", ".,"]),
)
ODD = st.sampled_from(
    ["-", "...", "  ", " 7\u00a0", "R$ 5", "(1.234,50)", "12,5%", "1e5", "abc", "1.23,4", "1,2,3", "5-", "+3", "0x1F", "1/2", "\x1c5",
     "9" * 400, "café ", "1 234", "12.345.67", "--1", ",8", ".8", "5,", "5.", "1.234,", "- 5", "inf", "nan", "Sim", "true"]
)  # fmt: skip
DAYS = st.sampled_from(
    ["19/05/2017", "2017-05-19", "05/19/2017", "19/05/2017 10:00:00", "2017-05-19 10:00:00", "2017-05-19T10:00:00", "2017-05-19 10:00",
     "19-mai-17", "31/02/2017", "24:00", "19/05/2017 24:00", "2017-05-19T10:00:00+03:00", "1/2/2017", "2017-05-19 10+05:00",
     "2017-05-19 100000.0", "2017-13-01"]
)  # fmt: skip
FROM_LETTERS = st.text("0123456789.,-", min_size=1, max_size=9)


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["pt-BR", "en-US", "iso"])
@EASY
@given(
    texts=st.lists(st.none() | NUMBERS | FROM_LETTERS | DAYS | ODD, min_size=1, max_size=6)
    | st.lists(NUMBERS | FROM_LETTERS, min_size=1, max_size=6)
    | st.lists(DAYS, min_size=1, max_size=3),
    arrow=st.sampled_from(TYPES),
    blanks=st.sampled_from(["strip", "keep"]),
    nulls=st.sampled_from([(), ("-", "...")]),
    skipped=st.integers(0, 2),
)
def test_a_text_becomes_the_same_alone_and_among_others(
    locale: str, texts: list[str | None], arrow: pa.DataType, blanks: Any, nulls: tuple[str, ...], skipped: int
) -> None:
    column = Column("code", arrow, SpreadsheetSource(locale=locale, blanks=blanks, nulls=nulls, codes={"code": 3}))

    def converted(*given: str | None) -> list[tuple[Any, bool]]:
        made = column.convert(Cells(len(given), pa.array(["0"] * skipped + [*given], pa.string())[skipped:]))
        made.values.validate(full=True)
        return list(zip(made.values.to_pylist(), made.refused.tolist(), strict=True))

    assert converted(*texts) == [one for text in texts for one in converted(text)]


@pytest.mark.parametrize("texts", [["5,", "1.234,", "7"], ["5,", "R$ 7"], ["5,"]])
def test_a_decimal_sign_with_nothing_behind_it_is_no_harm_whatever_stands_around(texts: list[str]) -> None:
    made = Column("amount", pa.float64(), SpreadsheetSource()).convert(Cells(len(texts), pa.array(texts)))
    assert made.values.to_pylist() == [float(text.strip("R$ ,").replace(".", "")) for text in texts]


def test_many_grouped_numbers_are_read_to_the_last() -> None:
    numbers = [number * 997 - 5_000_000 for number in range(10_000)]
    texts = pa.array([f"{number:,},25".replace(",", ".", f"{number:,}".count(",")) for number in numbers])
    made = Column("amount", pa.float64(), SpreadsheetSource()).convert(Cells(len(texts), texts))
    assert made.values.to_pylist() == [number + (0.25 if number >= 0 else -0.25) for number in numbers]


@pytest.mark.parametrize("size", [64, 100, 1000])
def test_where_blocks_end_changes_neither_rows_nor_refusals_nor_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    lines = [
        "001;19/05/2017;1.234,56", "002;20/05/2017;x", ";;", "003;21/05/2017", '"00\n4";22/05/2017;(7,5)', " ; ; ", "005;31/02/2017;8,",
        "006;23/05/2017;12,5%", "007;24/05/2017;1;2", "008;25/05/2017;-3", "total;;", "009;26/05/2017;1",
    ]  # fmt: skip
    path = tmp_path / "a.csv"
    path.write_text(";".join(HEADER) + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    expected = read(path, contract(footer=("Total*",)))
    monkeypatch.setattr(text, "BLOCK_BYTES", size)
    found = read(path, contract(footer=("Total*",)))
    assert rows_of(found) == rows_of(expected)
    assert sorted(refused(found)) == sorted(refused(expected))
    assert [place for place, *_ in refused(expected)] == ["5", "10", "B8", "C3"]
