"""`esteira new`: a contract that the project's tools accept and that reads its own fixture, without anything personal in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from cli.main import esteira
from esteira.catalogue import load_catalogue
from esteira.quality import curate_records
from esteira.recognise.draft import Paging, Place, make_draft
from esteira.recognise.fixture import Shapes, scrubbed
from esteira.recognise.paging import Candidate
from esteira.recognise.records import find_records
from esteira.recognise.text import contract_text
from tests.authoring import shapes
from tests.conventions.sources import ROOT

NAMES = ["transparencia", "ckan", "socrata", "django", "numbered", "silent_from_zero", "link_header", "datasette", "cursor", "counted_header", "arrays", "described", "header_first", "one", "whole"]  # fmt: skip


class Project:
    """A company's own folder of contracts."""

    def __init__(self, folder: Path, portal: str) -> None:
        self.folder, self.portal = folder, portal
        (folder / "datasets").mkdir()

    def run(self, command: str, name: str, *arguments: str) -> Result:
        return CliRunner().invoke(esteira, [command, name, *arguments, "--datasets", str(self.folder / "datasets")])

    def new(self, name: str, query: str = "") -> Result:
        return self.run("new", name, "--url", f"{self.portal}/{name}{query}", "--owner", "bi-team")

    def contract(self, name: str) -> str:
        return (self.folder / "datasets" / f"{name}.py").read_text()

    def pages(self, name: str) -> list[str]:
        found = sorted((self.folder / "tests/fixtures" / name).iterdir(), key=lambda path: (len(path.name), path.name))
        return [path.read_text() for path in found]


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory, portal: str) -> tuple[Project, dict[str, Result]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESTEIRA_LAKE_BUCKET", "none")  # no stack is asked for its variables
        patch.setenv("ESTEIRA_DATASETS", "")
        project = Project(tmp_path_factory.mktemp("project"), portal)
        return project, {name: project.new(name) for name in NAMES}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTEIRA_LAKE_BUCKET", "none")
    monkeypatch.setenv("ESTEIRA_DATASETS", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_draft_reads_its_own_fixture(drafted: tuple[Project, dict[str, Result]], name: str) -> None:
    project, results = drafted
    assert results[name].exit_code == 0, results[name].output
    done = project.run("test", name, "--json")
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)[0]
    assert facts["fits"]
    assert facts["quarantined"] == 0
    assert facts["pages"] == (1 if name in {"whole", "described", "one"} else 2)


def test_the_drafts_pass_the_linter_the_formatter_and_the_type_checker(
    drafted: tuple[Project, dict[str, Result]],
) -> None:
    folder = drafted[0].folder / "datasets"
    for tool in (
        ("ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "INP001", str(folder)),
        ("ruff", "format", "--check", "--config", str(ROOT / "pyproject.toml"), str(folder)),
        ("mypy", "--config-file", str(ROOT / "pyproject.toml"), "--allow-subclassing-any", str(folder)),
    ):
        done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}"


def test_nothing_personal_is_left_in_the_fixtures(drafted: tuple[Project, dict[str, Result]]) -> None:
    project, _ = drafted
    personal = {str(row[name]) for row in shapes.ROWS for name in ("nome", "email", "cpf")}
    for name in NAMES:
        text = "".join(project.pages(name))
        assert not [value for value in personal if value in text]
        assert "127.0.0.1" not in text


def test_shapes_types_and_shared_words_are_kept(drafted: tuple[Project, dict[str, Result]]) -> None:
    row = json.loads(drafted[0].pages("transparencia")[0])[0]
    assert re.fullmatch(r"[A-Z][a-z]{5} [A-Z][a-z]{3} [A-Z][a-z]{4}", row["nome"])
    assert re.fullmatch(r"\w+@\w{4}\.\w{7}\.\w{3}", row["email"])
    assert re.fullmatch(r"\d{3}\.\d{3}\.\d{3}-\d\d", row["cpf"])
    assert (row["id"], row["uf"], row["valor"], row["updated_at"]) == (1, "SP", 11.5, "2024-02-02T10:00:00-02:00")
    assert re.fullmatch(r"[a-z]", row["tags"][0])


def test_the_contract_says_what_was_recognised(drafted: tuple[Project, dict[str, Result]]) -> None:
    text = drafted[0].contract("ckan")
    for line in (
        '    id: pd.Int64Dtype = pa.Field(description="Portal\'s id")',
        '    nome: pd.StringDtype = pa.Field(nullable=True, description="Portal\'s nome", metadata={"pii": True})',
        '    valor: Annotated[pd.ArrowDtype, decimal128(18, 2)] = pa.Field(nullable=True, description="Portal\'s valor")',
        '        nullable=True, description="Portal\'s distance_km", metadata={"unit": "kilometre"}',
        '    dia: Date = pa.Field(nullable=True, description="Portal\'s dia")',
        '    updated_at: Timestamp = pa.Field(nullable=True, description="Portal\'s updated_at")',
        '    tags: pd.StringDtype = pa.Field(nullable=True, description="Portal\'s tags", metadata={"type": "super"})',
        '        paginator=Offset(limit=20, total="result.total"), total="result.total",',
        '    quality=Quality(min_rows=1, unique=("id",)),',
    ):
        assert line in text, line


def test_the_terminal_says_what_was_guessed_why_and_what_is_not_known(
    drafted: tuple[Project, dict[str, Result]],
) -> None:
    out = " ".join(drafted[1]["numbered"].output.split())
    assert (
        'paginator: PageNumber(total_pages="totalPages") — the page repeats page, which counts pages; page 1 is the sample'
        in out
    )
    assert "total: totalElements — 50 here; it is compared with what arrives" in out
    assert "unit of distance_km: kilometre — its name ends in _km" in out
    assert "privacy of cpf: personal — its name says cpf" in out
    assert "updated_at may be a cursor (its name says when a row was changed)" in out
    assert "PortalBlock(base_url='http://127.0.0.1:" in out
    assert "Next: read the contract, `esteira preview numbered`" in out


def test_a_whole_table_tells_which_columns_are_never_null(drafted: tuple[Project, dict[str, Result]]) -> None:
    with_nulls = {
        column.name for column in load_catalogue(drafted[0].folder / "datasets")["whole"].columns if column.is_nullable
    }
    assert with_nulls == {"nota"}


def test_a_draft_is_the_same_each_time(tmp_path: Path, portal: str, drafted: tuple[Project, dict[str, Result]]) -> None:
    again = Project(tmp_path, portal)
    assert again.new("django").exit_code == 0
    assert again.contract("django") == drafted[0].contract("django")
    assert again.pages("django") == drafted[0].pages("django")


def test_neither_a_contract_nor_a_fixture_is_overwritten(tmp_path: Path, portal: str) -> None:
    project = Project(tmp_path, portal)
    (tmp_path / "datasets/django.py").write_text("mine")
    (tmp_path / "tests/fixtures/socrata").mkdir(parents=True)
    for name in ("django", "socrata"):
        done = project.new(name)
        assert done.exit_code == 78
        assert "overwrites nothing" in done.stderr
    assert project.contract("django") == "mine"
    assert not (tmp_path / "datasets/socrata.py").exists()


def test_a_name_that_no_table_can_have_is_refused_before_anything_is_asked(tmp_path: Path, portal: str) -> None:
    assert Project(tmp_path, portal).new("Flights").exit_code == 78


def test_a_portal_that_is_down_leaves_nothing_behind(tmp_path: Path) -> None:
    project = Project(tmp_path, "http://127.0.0.1:9")
    done = project.run("new", "django", "--url", "http://portal.invalid/x")
    assert done.exit_code == 78  # plain http
    assert list(tmp_path.rglob("*.py")) == []


@pytest.mark.parametrize("arguments", [(), ("--path", "/x"), ("--portal", "p"), ("--path", "/x", "--url", "https://a.example/x", "--portal", "p")])  # fmt: skip
def test_one_way_to_name_the_portal_is_needed(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert Project(tmp_path, "").run("new", "x", *arguments).exit_code == 2


def test_a_token_made_of_a_key_and_what_stands_beside_the_records_are_replaced_too() -> None:
    rows = [{"id": number, "cpf": 11144477700 + number} for number in range(3)]
    page = {
        "rows": rows, "next": "11144477702", "after": 11144477702, "by": "Maria", "included": [{"name": "João"}], "page": 1,
        "links": [{"rel": "next", "href": "https://portal.example/rows?after=11144477702"}],
    }  # fmt: skip
    records = find_records(page)
    paging = Paging(Candidate("SinglePage", {}, "", is_end=True), "", is_confirmed=True)
    draft = make_draft(Place("people", "portal", "/rows", {}, ""), records, records.rows, paging, None)
    (kept,) = scrubbed([page], draft)
    for value in ("111444777", "Maria", "João", "portal.example"):
        assert value not in kept.decode()
    made = json.loads(kept)
    assert (made["page"], made["links"]) == (1, [{"rel": "next", "href": None}])
    assert made["after"] == made["rows"][2]["cpf"]  # an equal value has an equal replacement


HOSTILE = [
    'a"b', "it's", "'); import os; os.abort()  #", 'x\n"""y', "ünï.code", "back\\slash", '"); import os; os.abort()  #', "{brace}", "class", " ", "a.b", "A.B", "\x1b[31mred", "id",
]  # fmt: skip


def test_names_that_a_portal_chose_cannot_break_the_contract_nor_run_in_it(tmp_path: Path) -> None:
    page = [dict.fromkeys(HOSTILE, 1)]
    records = find_records(page)
    paging = Paging(Candidate("SinglePage", {}, "", is_end=True), "", is_confirmed=True)
    draft = make_draft(
        Place("names", "portal", "/rows", {"q": 'it\'s "here"'}, "o"), records, records.rows, paging, None
    )
    (tmp_path / "names.py").write_text(contract_text(draft))
    dataset = load_catalogue(tmp_path)["names"]
    assert len(dataset.columns) == len(HOSTILE) - len(draft.nameless)
    assert draft.nameless == ('"); import os; os.abort()  #',)
    made = curate_records([msgspec.Raw(json.dumps(page[0]).encode())], dataset)
    assert (made.bad_rows, made.new_columns, made.absent) == (0, draft.nameless, ())
    assert set(made.good.to_pylist()[0].values()) <= {0, 1}


def test_columns_named_as_what_a_contract_is_written_with_hide_nothing_from_those_after_them(tmp_path: Path) -> None:
    names = ("pa", "pd", "timestamp", "decimal128", "to_schema", "from_json", "annotated", "date")
    page = [{"id": 1} | dict.fromkeys(names, "2024-01-01 10:00") | {"valor": 1.5}]
    records = find_records(page)
    paging = Paging(Candidate("SinglePage", {}, "", is_end=True), "", is_confirmed=True)
    draft = make_draft(Place("hidden", "portal", "/rows", {}, "o"), records, records.rows, paging, None)
    (tmp_path / "hidden.py").write_text(contract_text(draft))
    dataset = load_catalogue(tmp_path)["hidden"]
    assert "timestamp" in dataset.column_names  # a common name stays
    made = curate_records([msgspec.Raw(json.dumps(page[0]).encode())], dataset)
    assert (made.good.num_rows, made.new_columns, made.absent) == (1, (), ())


def test_replacements_are_consistent_distinct_and_say_nothing_of_the_value() -> None:
    first, second = Shapes(), Shapes()
    assert first.of("Maria") == first.of("Maria") != first.of("Mario")
    assert second.of("Josef") == first.of("Maria")  # the first value of this shape, whatever it is
    letters = Shapes()
    assert len({letters.of(chr(97 + number % 26) + str(number)) for number in range(200)}) == 200
