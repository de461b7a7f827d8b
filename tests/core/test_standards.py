"""Declared standards: which values keep them, and how a contract names them."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from esteira.catalogue import load_catalogue
from esteira.contract import columns_of
from esteira.errors import ConfigError
from esteira.standards import STANDARDS
from tests.core.small import curated

MUNICIPALITIES = (
    "3550308 3304557 5300108 3106200 4205407 4314902 2304400 2611606 2927408 1302603 1501402 5208707 5101837 1100015"
)
"""Fourteen of IBGE's, capitals mostly."""
EXCEPTIONS = "2201919 2201988 2202251 2611533 3117836 3152131 4305871 5203939 5203962"
"""NF-e, Nota Técnica 2008.004."""


def keeps(name: str, *values: Any, form: Any = True) -> list[bool]:
    return STANDARDS[name].find_good(pa.array(values), form).tolist()


def digit_11(characters: str) -> str:
    """Modulo 11 as the texts of the law tell it, from the right, weights from 2 to `top` and again from 2."""
    top = 12 if len(characters) < 12 else 9
    weights = [2 + place % (top - 1) for place in range(len(characters))]
    remainder = sum((ord(c) - 48) * w for c, w in zip(reversed(characters), weights, strict=True)) % 11
    return "0" if remainder < 2 else str(11 - remainder)


def nis_digit(digits: str) -> str:
    remainder = sum(int(d) * w for d, w in zip(digits, (3, 2, 9, 8, 7, 6, 5, 4, 3, 2), strict=True)) % 11
    return "0" if remainder < 2 else str(11 - remainder)


def ibge_digit(digits: str) -> str:
    products = [int(digit) * (1 + place % 2) for place, digit in enumerate(digits)]
    return str(-sum(product // 10 + product % 10 for product in products) % 10)


def twice(digit: Callable[[str], str]) -> Callable[[str], str]:
    return lambda base: base + digit(base) + digit(base + digit(base))


MADE: dict[str, tuple[str, int, Callable[[str], str]]] = {
    "cpf": ("0123456789", 9, twice(digit_11)),
    "cnpj": ("0123456789", 12, twice(digit_11)),
    "cnpj, letters": ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 12, twice(digit_11)),
    "nis": ("0123456789", 10, lambda base: base + nis_digit(base)),
    "ibge_municipality": ("0123456789", 4, lambda base: "35" + base + ibge_digit("35" + base)),
}


@pytest.mark.parametrize("name", MADE)
def test_a_number_is_good_exactly_with_its_own_check_digits(name: str):
    alphabet, length, complete = MADE[name]
    drawn = np.random.default_rng(7).choice(list(alphabet), (500, length))
    good = [complete("".join(row)) for row in drawn]
    standard = name.split(",", maxsplit=1)[0]
    assert keeps(standard, *good) == [True] * len(good)
    wrong = [number[:-1] + str((int(number[-1]) + step) % 10) for number in good for step in range(1, 10)]
    assert not any(keeps(standard, *wrong))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("cpf", ["52998224725", "529.982.247-25", "12345678909", "00000000191"], ["52998224724", "529.982.24725", "5299822472", "529982247255"]),
        ("cpf", ["11144477735"], [f"{digit}" * 11 for digit in range(10)] + ["111.111.111-11", "", " 52998224725", "52998224725\n", "\uff152998224725"]),
        ("cnpj", ["11222333000181", "11.222.333/0001-81"], ["11222333000182", "00000000000000", "11.222.333/000181", "1122233300018"]),
        ("cnpj", ["12ABC34501DE35", "12.ABC.345/01DE-35"], ["12ABC34501DE34", "12abc34501de35", "12ABC34501DE3A", "12ÁBC34501DE35"]),
        ("nis", ["12061840541", "120.61840.54-1"], ["12061840543", "00000000000", "1206184054"]),
        ("cep", ["01001-000", "70040010", "99999-999"], ["00999-999", "0100-1000", "1001000", "01001 000"]),
        ("uf", ["SP", "DF", "AC", "TO"], ["sp", "XX", "EX", "SPX", "S", ""]),
        ("ibge_uf", ["35", "53", "11", 35], ["34", "54", "00", "3", "355", 3, -35]),
        ("ibge_municipality", [*MUNICIPALITIES.split(), *EXCEPTIONS.split(), 3550308], ["355030", "35503080", "9999999", "3450308", "-355030"]),
        ("iso_date", ["2013-01-31", "2012-02-29", "2000-02-29", "0001-01-01", "9999-12-31"], ["2013-02-29", "1900-02-29", "2013-13-01", "2013-00-01"]),
        ("iso_date", ["2013-04-30"], ["2013-04-31", "2013-04-00", "0000-01-01", "31/01/2013", "20130131", "2013-1-1", "2013-01-31T00:00:00Z"]),
    ],
)  # fmt: skip
def test_known_values_are_told_apart(name: str, good: list[Any], bad: list[Any]):
    assert [value for value in good if keeps(name, value) != [True]] == []
    assert [value for value in bad if keeps(name, value) != [False]] == []


def test_a_municipality_under_the_rules_digit_is_bad_where_ibge_gave_another():
    assert not any(keeps("ibge_municipality", *(code[:6] + ibge_digit(code[:6]) for code in EXCEPTIONS.split())))


def test_there_are_27_units_by_letters_and_by_codes():
    letters = [chr(first) + chr(second) for first in range(65, 91) for second in range(65, 91)]
    assert (sum(keeps("uf", *letters)), sum(keeps("ibge_uf", *(f"{code:02}" for code in range(100))))) == (27, 27)


@pytest.mark.parametrize(
    ("form", "kept"), [(True, [True, True]), ("bare", [True, False]), ("punctuated", [False, True])]
)
def test_a_contract_may_ask_for_one_form(form: Any, kept: list[bool]):
    assert keeps("cpf", "52998224725", "529.982.247-25", form=form) == kept


@pytest.mark.parametrize("name", STANDARDS)
def test_nulls_pass_and_no_values_are_no_failures(name: str):
    nothing = pa.array([None, None], pa.string())
    assert STANDARDS[name].find_good(nothing, form=True).tolist() == [True, True]
    assert STANDARDS[name].find_good(nothing.slice(0, 0), form=True).tolist() == []


@pytest.mark.parametrize("name", STANDARDS)
def test_a_part_of_a_column_is_judged_like_the_whole(name: str):
    values = pa.array(["x", "52998224725", None, "SP", "11", "2013-01-01", "3550308", "11222333000181", "01001000"])
    whole = STANDARDS[name].find_good(values, form=True)
    assert STANDARDS[name].find_good(values.slice(3), form=True).tolist() == whole[3:].tolist()


@pytest.mark.parametrize("name", STANDARDS)
def test_each_standard_names_its_source_and_has_words_in_both_languages(name: str):
    assert len(STANDARDS[name].source) > 20
    assert set(STANDARDS[name].words) == {"en", "pt"}


class Person(pandera.DataFrameModel):
    """Persons, companies and places."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    cpf: pd.StringDtype = pandera.Field(cpf=True, nullable=True, description="CPF")
    cnpj: pd.StringDtype = pandera.Field(cnpj="bare", nullable=True, description="CNPJ")
    city: pd.Int32Dtype = pandera.Field(ibge_municipality=True, nullable=True, description="Municipality")


def person(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "cpf": "529.982.247-25", "cnpj": "12ABC34501DE35", "city": 3550308} | changes


def test_a_row_that_breaks_a_standard_is_quarantined_under_its_name():
    bad = [person(cpf="111.111.111-11"), person(cnpj="12.ABC.345/01DE-35"), person(city=3550309)]
    found = curated(person(), *bad, person(cpf=None, cnpj=None, city=None), schema=Person)
    assert found.good.column("_esteira_position").to_pylist() == [0, 4]
    assert found.reasons == {"city: ibge_municipality": 1, "cnpj: cnpj(bare)": 1, "cpf: cpf": 1}


def test_a_rule_on_an_index_with_gaps_blames_its_own_rows():
    records = [person(id="x"), person(cpf="1"), person(id="y"), person(), person(cpf="2")]
    assert curated(*records, schema=Person).good.column("_esteira_position").to_pylist() == [3]


def test_a_standard_on_a_column_of_numbers_is_refused():
    class Lossy(pandera.DataFrameModel):
        cpf: pd.Int64Dtype = pandera.Field(cpf=True)

    with pytest.raises(ConfigError, match="'cpf': cpf is no rule for BIGINT"):
        columns_of(Lossy)


@pytest.mark.parametrize("given", [False, "masked", 1.5])
def test_a_form_that_a_standard_does_not_have_is_refused(given: Any):
    with pytest.raises(ConfigError, match=r"cpf=.* is none of True, 'bare', 'punctuated'"):
        pandera.Field(cpf=given)


def test_a_contract_needs_no_import_but_that_of_the_contract(tmp_path: Any):
    (tmp_path / "people.py").write_text(
        "import pandas as pd\nimport pandera.pandas as pa\nfrom esteira.contract import ApiSource, Dataset, Upsert\n\n\n"
        "class Person(pa.DataFrameModel):\n    id: pd.Int64Dtype = pa.Field()\n    uf: pd.StringDtype = pa.Field(uf=True)\n\n\n"
        'DATASET = Dataset(name="people", source=ApiSource(portal="p", path="/"), schema=Person, write=Upsert(key="id"))\n'
    )
    assert load_catalogue(tmp_path)["people"].column_names == ("id", "uf")
    again = "import importlib, esteira.contract, esteira.standards as s, pandera.pandas as pa; importlib.reload(s); pa.Field(uf=True)"
    subprocess.run([sys.executable, "-c", again], check=True)
