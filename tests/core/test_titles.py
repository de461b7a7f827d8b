"""Business names: what they are without a word in the contract, and which of them are refused."""

from typing import Any

import pandas as pd
import pandera.pandas as pandera
import pytest

from esteira.catalogue import load_catalogue
from esteira.contract import Group, Scd2
from esteira.contract.titles import LANGUAGES, view_name
from esteira.errors import ConfigError
from tests.conventions.sources import ROOT
from tests.core.small import Key, dataset


def titled(**titles: Any) -> Any:
    """A contract whose columns have these titles."""
    columns = {"id": pandera.Column(pd.Int64Dtype())} | {
        name: pandera.Column(pd.StringDtype(), nullable=True, metadata={"title": title} if title else {})
        for name, title in titles.items()
    }

    class Model(Key):
        @classmethod
        def to_schema(cls) -> pandera.DataFrameSchema:
            return pandera.DataFrameSchema(columns)

    return dataset(schema=Model)


def test_a_column_without_a_title_is_called_by_its_name_in_words():
    (_, column) = titled(dep_delay=None).columns
    assert column.titles == {"en": "dep delay", "pt": "dep delay"}


def test_a_column_has_the_titles_of_the_contract_and_its_name_where_there_is_none():
    (_, column) = titled(dep_delay={"pt": "atraso d'água %"}).columns
    assert column.titles == {"en": "dep delay", "pt": "atraso d'água %"}


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    "title",
    [
        'x"; drop table y', "", " a", "a\n", "a\x00b", "a\x1b[0m", "a\u202eb", "e\u0301", "_esteira_batch", "é" * 64, 7, None,
        "a\ud800",
    ],
)  # fmt: skip
def test_a_title_that_is_no_identifier_is_refused(title: Any):
    with pytest.raises(ConfigError, match=r"Column 'it': title .* \(pt\) "):
        titled(it={"pt": title})
    with pytest.raises(ConfigError, match=r"Dataset: title .* \(en\) "):
        dataset(title={"en": title})


@pytest.mark.parametrize("given", ["Delay", {"de": "Verspätung"}, ["Delay"], None])
def test_titles_that_are_of_no_language_are_refused(given: Any):
    with pytest.raises(ConfigError, match="is no title by language"):
        dataset(title=given)


@pytest.mark.parametrize("second", ["Delay", "DELAY", "delay"])
def test_two_columns_of_one_title_are_refused_whatever_their_capitals(second: str):
    with pytest.raises(ConfigError, match="Columns 'one' and 'two' have one title in en"):
        titled(one={"en": "Delay"}, two={"en": second, "pt": "outro"})
    assert titled(one={"en": "Delay", "pt": "a"}, two={"en": "delay 2", "pt": "b"}).columns


def test_a_title_that_is_another_columns_name_is_refused():
    with pytest.raises(ConfigError, match="Columns 'delay' and 'two' have one title in en: 'Delay'"):
        titled(delay=None, two={"en": "Delay", "pt": "b"})


def test_a_title_of_a_column_that_the_write_mode_adds_is_taken():
    with pytest.raises(ConfigError, match="have one title in pt: 'válido desde'"):
        dataset(write=Scd2(key="id"), schema=titled(since={"pt": "Válido desde"}).schema)


def test_a_dataset_is_called_by_its_name_or_its_titles():
    assert dataset().titles == dict.fromkeys(LANGUAGES, dataset().name)
    named = dataset(title={"en": "New York flights", "pt": "Vôos - Nova York"})
    assert named.views == {"en": "new_york_flights", "pt": "voos_nova_york"}


@pytest.mark.parametrize("title", ["2024", "!!", "漢字"])
def test_a_title_of_a_dataset_that_makes_no_views_name_is_refused(title: str):
    with pytest.raises(ConfigError, match="makes no name of a view"):
        dataset(title={"pt": title})


def test_accents_and_signs_leave_the_name_of_a_view():
    assert view_name("Companhias aéreas (EUA)") == "companhias_aereas_eua"


def test_every_column_of_the_demo_has_a_title_in_both_languages():
    catalogue = load_catalogue(ROOT / "datasets")
    silent = [
        f"{name}.{each.name}" for name, found in catalogue.items() for each in found.columns if len(each.title) < 2
    ]
    assert not silent
    assert {name: found.views["pt"] for name, found in catalogue.items()} == {
        "airlines": "companhias_aereas", "airports": "aeroportos", "planes": "aeronaves", "flights": "voos", "weather": "clima",
    }  # fmt: skip


@pytest.mark.fault(65)
@pytest.mark.parametrize("name", ["pt", "data", "data_star", "star_pt", "Star", 'a"b', "s" * 41])
def test_a_group_whose_schema_would_be_anothers_is_refused(name: str):
    with pytest.raises(ConfigError, match="Group name"):
        Group(name, of=("a", "b"))


@pytest.mark.parametrize("of", ["ab", (), ("a",), ("a", "a")])
def test_a_group_of_less_than_two_datasets_is_refused(of: Any):
    with pytest.raises(ConfigError, match="does not name two datasets"):
        Group("star", of=of)
