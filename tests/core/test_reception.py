"""Whose a dropped file is, and the letter to who dropped one that cannot be taken."""

import dataclasses
from datetime import UTC, datetime

import pytest

from esteira.contract import Download, Limits
from esteira.errors import (
    AuthError,
    ConfigError,
    ContractError,
    DataQualityError,
    EsteiraError,
    GivenUp,
    LakeUnavailable,
    LoadError,
    SealConflict,
    SpreadsheetError,
    WarehouseBusy,
)
from esteira.lake.inbox import Drop
from esteira.reception import Refusal, letter, refusal_of, route
from esteira.reception.letter import _WORDS
from tests.core.small import dataset as portal_dataset
from tests.core.test_file_batch import dataset

SALES = dataset(match=("vendas*.xlsx", "*.csv"), limits=Limits(size_bytes=1000))
CATALOGUE = {
    "sales": SALES,
    "rows": portal_dataset(),
    "fetched": dataclasses.replace(dataset(origin=Download("p", "/x.csv")), name="fetched"),
}


def drop(key: str, size_bytes: int = 10) -> Drop:
    return Drop(key, "3sL4kqtJlcpXroDTDmJ", size_bytes, datetime(2024, 3, 5, 10, 30, tzinfo=UTC))


@pytest.mark.parametrize("name", ["vendas março.xlsx", "VENDAS.XLSX", "x.csv", "2024/x.csv"])
def test_a_file_belongs_to_the_dataset_of_its_folder(name: str):
    assert route(drop(f"inbox/sales/{name}"), CATALOGUE) is SALES


@pytest.mark.parametrize(
    "key", ["inbox/vendas/x.csv", "inbox/x.csv", "inbox/rows/x.csv", "inbox/fetched/x.csv", "inbox/../x.csv"]
)
def test_a_folder_that_takes_no_files_is_refused(key: str):
    found = route(drop(key), CATALOGUE)
    assert isinstance(found, Refusal)
    assert found.kind == "unknown"


def test_a_folder_that_is_nearly_right_is_guessed():
    found = route(drop("inbox/slaes/x.csv"), CATALOGUE)
    assert isinstance(found, Refusal)
    assert "Did you mean inbox/sales/?" in found.detail


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("name", "size", "kind"),
    [
        ("compras.xlsx", 10, "name"),
        ("~$vendas.xlsx", 10, "name"),
        ("vendas.csv.exe", 10, "name"),
        ("x.csv", 0, "empty"),
        ("x.csv", 1001, "large"),
    ],
)
def test_a_file_is_refused_by_its_name_or_size_before_it_is_read(name: str, size: int, kind: str):
    found = route(drop(f"inbox/sales/{name}", size), CATALOGUE)
    assert isinstance(found, Refusal)
    assert found.kind == kind
    assert name in found.detail or str(1000) in found.detail.replace(",", "")


@pytest.mark.parametrize(
    ("error", "kind"),
    [(SpreadsheetError, "unreadable"), (ContractError, "columns"), (DataQualityError, "rows"), (GivenUp, "given_up")],
)
def test_an_error_of_the_file_goes_back_with_it(error: type[EsteiraError], kind: str):
    assert refusal_of(error("Plan1!C17 is wrong.")) == Refusal(kind, "Plan1!C17 is wrong.")  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [AuthError, ConfigError, LoadError, SealConflict, LakeUnavailable, WarehouseBusy])
def test_an_error_that_is_none_of_the_files_leaves_it_waiting(error: type[EsteiraError]):
    assert refusal_of(error("no")) is None


@pytest.mark.parametrize("kind", _WORDS)
def test_a_letter_says_in_both_languages_what_happened_and_what_to_do(kind: str):
    text = letter(drop("inbox/sales/vendas março.xlsx"), Refusal(kind, "Plan1!C17 = 'x'."), "bi-team")  # type: ignore[arg-type]
    for part in (
        "NÃO foi carregado",
        "O que fazer",
        "NOT loaded",
        "What to do",
        "vendas março.xlsx",
        "Plan1!C17",
        "bi-team",
        "2024-03-05 10:30",
    ):
        assert part in text
    assert "\n" not in text.replace("\r\n", "")


def test_a_letter_shows_no_control_characters_of_a_name():
    assert "\x1b" not in letter(drop("inbox/sales/\x1b[31m.csv"), Refusal("name", "\x1b[31m"))
