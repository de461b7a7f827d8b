"""Contracts by name from a folder of files."""

from pathlib import Path

import pytest

from esteira.catalogue import find_dataset, in_order, load_catalogue, load_groups, of_cadence
from esteira.contract import Quality, Reference
from esteira.errors import ConfigError
from tests.core.small import dataset

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
GOOD = """
import pandas as pd
import pandera.pandas as pa
from esteira.contract import ApiSource, Dataset, Replace

class Row(pa.DataFrameModel):
    id: pd.Int64Dtype = pa.Field(description="Key")

DATASET = Dataset(name="good", source=ApiSource(portal="p", path="/x"), schema=Row, write=Replace(), cadence="weekly")
"""


def referring(name: str, to: str) -> object:
    return dataset(name=name, quality=Quality(references=(Reference("id", to=to),)))


def test_referenced_tables_come_first():
    names = list(load_catalogue(DATASETS))
    assert set(names) == {"airlines", "airports", "flights", "planes", "weather"}
    assert all(names.index(parent) < names.index("flights") for parent in ("airlines", "airports", "planes"))


def test_an_order_does_not_depend_on_the_alphabet():
    assert list(in_order([referring("a", "z.id"), dataset(name="z")])) == ["z", "a"]


def test_a_dataset_may_refer_to_itself():
    assert list(in_order([referring("a", "a.id")])) == ["a"]


def test_a_circle_of_references_is_refused_and_shown():
    with pytest.raises(ConfigError, match="circle: a → b → c → a"):
        in_order([referring("a", "b.id"), referring("b", "c.id"), referring("c", "a.id")])


@pytest.mark.parametrize("to", ["nowhere.id", "b.nope"])
def test_a_reference_to_nothing_is_refused(to: str):
    with pytest.raises(ConfigError, match=f"to='{to}'.* names no column of a contract") as caught:
        in_order([referring("a", to), dataset(name="b")])
    assert caught.value.dataset == "a"


def test_an_unknown_name_lists_the_names_that_there_are():
    with pytest.raises(ConfigError, match=r"no dataset 'flight'; .* has airlines, airports, flights, planes, weather"):
        find_dataset(DATASETS, "flight")


def test_a_known_name_is_found():
    assert find_dataset(DATASETS, "planes").name == "planes"


def test_datasets_are_chosen_by_cadence(tmp_path: Path):
    (tmp_path / "good.py").write_text(GOOD)
    catalogue = load_catalogue(tmp_path)
    assert [found.name for found in of_cadence(catalogue, "weekly")] == ["good"]
    assert of_cadence(catalogue, "daily") == []


@pytest.mark.parametrize(
    "text", ["raise ValueError('broken inside')", "def (", "DATASET = 1", "", GOOD.replace("good", "other")]
)
def test_a_broken_file_names_itself(tmp_path: Path, text: str):
    (tmp_path / "good.py").write_text(text)
    with pytest.raises(ConfigError, match=r"good\.py") as caught:
        load_catalogue(tmp_path)
    assert caught.value.dataset == "good"


def test_a_column_that_hides_an_import_from_those_after_it_is_explained(tmp_path: Path):
    fields = '    pa: pd.StringDtype = pa.Field(description="x")\n    b: pd.StringDtype = pa.Field(description="x")\n'
    (tmp_path / "good.py").write_text(
        f"import pandas as pd\nimport pandera.pandas as pa\nclass Row(pa.DataFrameModel):\n{fields}"
    )
    with pytest.raises(ConfigError, match="no attribute 'Field'") as caught:
        load_catalogue(tmp_path)
    assert "import that under another name" in caught.value.hint


def test_a_refusal_of_a_constructor_inside_a_file_names_the_file(tmp_path: Path):
    (tmp_path / "good.py").write_text(GOOD.replace('"/x"', '"x"'))
    with pytest.raises(ConfigError, match="starts with a slash") as caught:
        load_catalogue(tmp_path)
    assert caught.value.paragraph().startswith("ConfigError [good]: ")


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_a_folder_without_contracts_is_refused(tmp_path: Path, folder: str):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/_private.py").write_text("raise SystemExit")
    with pytest.raises(ConfigError, match=f"{folder} holds no contract file"):
        load_catalogue(tmp_path / folder)


GROUP = 'from esteira.contract import Group\n\nGROUP = Group("{name}", of={of})\n'


def grouped(folder: Path, of: tuple[str, ...], name: str = "star") -> Path:
    """A folder with two contracts and a group in `groups/star.py`."""
    for each in ("good", "better"):
        (folder / f"{each}.py").write_text(GOOD.replace("good", each))
    (folder / "groups").mkdir()
    (folder / "groups" / "star.py").write_text(GROUP.format(name=name, of=of))
    return folder


def test_groups_are_found_beside_the_contracts_and_are_none_of_them(tmp_path: Path):
    folder = grouped(tmp_path, ("good", "better"))
    assert [group.of for group in load_groups(folder)] == [("good", "better")]
    assert set(load_catalogue(folder)) == {"good", "better"}
    assert [group.name for group in load_groups(DATASETS)] == ["flights_star"]


def test_a_folder_without_groups_has_none(tmp_path: Path):
    assert load_groups(tmp_path) == ()


def test_a_group_that_names_what_is_no_contract_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="Group star names best, of which there is no contract"):
        load_groups(grouped(tmp_path, ("good", "best")))


def test_a_file_of_a_group_that_is_called_otherwise_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="does not define GROUP = Group"):
        load_groups(grouped(tmp_path, ("good", "better"), name="moon"))


@pytest.mark.parametrize(("title", "owner"), [("freshness", "Esteira"), ("Dictionary", "Esteira"), ("A", "a")])
def test_a_view_that_would_have_anothers_name_is_refused(title: str, owner: str):
    with pytest.raises(ConfigError, match=f"Its view in pt would be '.*', which is the name of one of {owner}"):
        in_order([dataset(name="a"), dataset(name="b", title={"pt": title})])
