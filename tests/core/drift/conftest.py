"""A repository with one contract, and a run of one of its batches."""

from pathlib import Path

import pytest

from esteira.catalogue import find_dataset, load_catalogue
from esteira.contract import Dataset
from esteira.curate import curate
from esteira.extraction.extract import extract
from esteira.lake import Lake, Seal
from tests.core.drift.drifting import CONTRACT, Loaded, Ran, Rows, batch_of
from tests.core.test_extract import Opened
from tests.extract.hostile import hostile, page


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one contract."""
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "rows.py").write_text(CONTRACT)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Loaded:
    """The contract as its file says it now, some of its text replaced first."""

    def loaded(*changes: tuple[str, str]) -> Dataset:
        path = folder / "datasets" / "rows.py"
        for old, new in changes:
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new))
        load_catalogue.cache_clear()
        return find_dataset(folder / "datasets", "rows")

    return loaded


@pytest.fixture
def run(lake: Lake, open_portal: Opened) -> Ran:
    """Bring the batch of a day of January 2013 and curate it."""

    def ran(contract: Dataset, day: int, records: Rows, generation: int = 1) -> Seal:
        with hostile(lambda _: page({"rows": records})) as up:
            raw = extract(contract, batch_of(contract, day), portal=open_portal(up.url), lake=lake)
        return curate(contract, raw, lake=lake, generation=generation)

    return ran
