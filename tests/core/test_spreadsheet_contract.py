"""A source of files: wrong combinations are refused when the contract is constructed, and its hash says where files come from alone."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest

from esteira.contract import (
    ApiSource,
    Append,
    Dataset,
    Date,
    Download,
    HeaderRows,
    Inbox,
    Limits,
    Lineage,
    Listing,
    Locale,
    Melt,
    SpreadsheetSource,
)
from esteira.errors import ConfigError


class Sale(pa.DataFrameModel):
    """Sales."""

    code: pd.StringDtype
    day: Date
    amount: pd.Float64Dtype


def dataset(**options: Any) -> Dataset:
    return Dataset(name="sales", source=SpreadsheetSource(**options), schema=Sale, write=Append())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"hidden": "maybe"}, "hidden"), ({"merged": "x"}, "merged"), ({"serials": "1905"}, "serials"), ({"midnight": "x"}, "midnight"),
        ({"blanks": "x"}, "blanks"), ({"format": "doc"}, "format"), ({"locale": "fr-FR"}, "locale"), ({"nulls": "-"}, "tuple of texts"),
        ({"footer": "Total"}, "tuple of texts"), ({"match": ""}, "matches no file"), ({"header": None}, "go together"), ({"columns": ("a",)}, "go together"),
        ({"columns": {"A": "code", "B": "code"}}, "more than one printed column"), ({"codes": {"code": 0}}, "at least one digit"), ({"codes": {"amount": 2}}, "'amount'"),
        ({"codes": {"x": 2}}, "names x"), ({"dates": {"code": "%d/%m/%Y"}}, "'code'"), ({"dates": {"day": "%d"}}, "no date's"), ({"encoding": "utf-9"}, "no encoding"),
        ({"delimiter": "||"}, "not one character"), ({"timezone": "Mars"}, "no time zone"), ({"lineage": Lineage(row="code")}, "'code'"), ({"lineage": Lineage(file="nope")}, "names nope"),
        ({"melt": Melt("(?P<year>.*)", "amount")}, "names year"), ({"columns": {"X": "nope"}}, "names nope"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_refused_when_the_contract_is_made(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        dataset(**options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: HeaderRows(rows=0), lambda: HeaderRows(skip=-1), lambda: HeaderRows(fill="left"), lambda: Melt("[", "v"), lambda: Melt("x", "v"), lambda: Melt("(?P<v>x)", "v"),
        lambda: Limits(rows=0), lambda: Locale(decimal=",", thousands=","), lambda: Locale(decimal="1"), lambda: Locale(delimiter=""), lambda: Locale(months=("jan",)),
        lambda: Locale(dates=("%b/%Y",)), lambda: Locale(dates=("%d/%d/%Y",)), lambda: Download("p", "x"),
    ],
)  # fmt: skip
def test_a_wrong_part_of_it_is_refused_too(make: Any) -> None:
    with pytest.raises(ConfigError):
        make()


def test_the_hash_says_where_files_come_from_and_not_how_they_are_read() -> None:
    plain = SpreadsheetSource().definition_hash
    assert (
        plain
        == SpreadsheetSource(
            match="x", sheet="Plan1", locale="en-US", limits=Limits(rows=5), columns={"a": "b"}
        ).definition_hash
    )
    portal = Download("portal", "/a.csv")
    others = {
        plain,
        SpreadsheetSource(origin=portal).definition_hash,
        SpreadsheetSource(origin=Download("portal", "/b.csv")).definition_hash,
    }
    listed = Listing(ApiSource("portal", "/files"), "url", "changed")
    assert len(others | {SpreadsheetSource(origin=listed).definition_hash}) == 4
    assert {str(Inbox()), str(portal), str(listed)} == {"inbox", "portal:/a.csv", "portal:/files"}


def test_those_who_ask_a_portal_are_told_that_there_is_none() -> None:
    with pytest.raises(ConfigError, match="come from files"):
        _ = dataset().api
