"""Adding a dataset touches one contract file and one fixture folder; neither is ever without the other."""

import importlib
import json

import jmespath
import pytest

from cli.file_fixture import recorded_files
from esteira.contract import Dataset, SpreadsheetSource
from tests.conventions.sources import ROOT

NAMES = sorted(path.stem for path in (ROOT / "datasets").glob("*.py") if not path.stem.startswith("_"))


def contract(name: str) -> Dataset:
    module = importlib.import_module(f"datasets.{name}")
    assert isinstance(getattr(module, "DATASET", None), Dataset), (
        f"Fix: datasets/{name}.py defines DATASET = Dataset(...)."
    )
    return module.DATASET


def test_there_are_contracts() -> None:
    assert NAMES, "datasets/ holds no contract: the rules below looked at nothing."


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_named_like_the_dataset(name: str) -> None:
    assert contract(name).name == name, f"Fix: name the dataset {name!r}, or rename datasets/{name}.py."


@pytest.mark.parametrize("name", NAMES)
def test_a_dataset_has_a_recorded_page_or_file(name: str) -> None:
    if isinstance(contract(name).source, SpreadsheetSource):
        assert recorded_files(contract(name), ROOT / "tests/fixtures" / name), f"Fix: save a small file for {name}."
        return
    path = ROOT / "tests/fixtures" / name / "page.json"
    assert path.exists(), f"Fix: save one page of the portal (20 records or so) as {path.relative_to(ROOT)}."
    page = json.loads(path.read_text(encoding="utf-8"))
    records = contract(name).source.records
    rows = jmespath.search(records, page) if records else page
    assert rows, f"Fix: {path.relative_to(ROOT)} has no records at {records!r}, where the contract looks for them."


@pytest.mark.parametrize("name", NAMES)
def test_every_column_is_described(name: str) -> None:
    silent = [column.name for column in contract(name).columns if not column.description]
    assert not silent, f"Fix: give {', '.join(silent)} of datasets/{name}.py a description: it is the dictionary."


@pytest.mark.parametrize("name", NAMES)
def test_every_contract_names_an_owner(name: str) -> None:
    assert contract(name).owner, f"Fix: datasets/{name}.py says who is asked when it fails (owner=...)."


def test_every_fixture_folder_has_a_dataset() -> None:
    folders = {path.name for path in (ROOT / "tests/fixtures").iterdir() if path.is_dir()}
    assert folders <= set(NAMES), (
        f"Fix: remove tests/fixtures/{', '.join(sorted(folders - set(NAMES)))}, or add the contract."
    )
