"""The top level is the map: each room and file of it is prescribed."""

from tests.conftest import LONG
from tests.conventions.sources import PRODUCTION, ROOMS, ROOT, modules, report, repository_files

PRESCRIBED = {"flows", "tasks", "blocks", "deployments", "tests", "prefect.yaml", "Dockerfile", "pyproject.toml"}
OTHER_ROOMS = {"esteira", "datasets", "cli", "infra", "local", "docs", "bench"}
OTHER_FILES = {
    ".ci", ".pre-commit-config.yaml", ".dockerignore", ".gitignore", ".gitattributes", ".python-version", "CHANGELOG.md", "LICENSE", "Makefile", "README.md",
    "README.pt.md", "CONTRIBUTING.md", "SECURITY.md", "mkdocs.yml", "requirements.lock", "requirements-dev.lock",
}  # fmt: skip
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def top_level() -> set[str]:
    return {path.relative_to(ROOT).parts[0] for path in repository_files()}


def test_every_prescribed_room_and_file_is_there() -> None:
    missing = (PRESCRIBED | OTHER_ROOMS) - top_level()
    report([f"{name} is missing" for name in missing], "put it back; docs/concepts.md says what each room holds.")


def test_nothing_else_stands_at_the_top() -> None:
    surplus = top_level() - PRESCRIBED - OTHER_ROOMS - OTHER_FILES
    report([f"{name} is not on the map" for name in surplus], "move it into the room that owns it (docs/concepts.md).")


def test_every_module_says_what_it_holds() -> None:
    broken = [m.name for room in ROOMS for m in modules(room) if m.path.stem in FORBIDDEN_NAMES]
    report(broken, "name the module by the noun it owns; 'utils' and 'helpers' own nothing.")


def test_every_module_opens_with_a_docstring() -> None:
    broken = [m.name for room in ROOMS for m in modules(room) if not _docstring(m.tree.body)]
    report(broken, "open the module with a docstring: what it owns and what it does not.")


def test_no_module_is_longer_than_350_lines() -> None:
    counted = [(m.name, m.text.count("\n")) for room in ROOMS for m in modules(room)]
    report(
        [f"{name}: {lines} lines" for name, lines in counted if lines > 350],
        "split it by what it owns; 250 lines is the aim.",
    )


def test_no_function_takes_more_than_7_parameters() -> None:
    broken = []
    for module in (m for room in ROOMS for m in modules(room)):
        for function in module.functions():
            arguments = function.args
            names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
            count = len([name for name in names if name not in {"self", "cls"}])
            if count > 7:
                broken.append(f"{module.name}:{function.lineno}: {function.name} takes {count}")
    report(broken, "put what belongs together into one frozen dataclass and pass that.")


def test_the_type_marker_is_shipped() -> None:
    assert (ROOT / "esteira/py.typed").exists(), "Fix: keep esteira/py.typed, or users of the core lose its types."
    assert set(PRODUCTION) < set(ROOMS)


def _docstring(body: list) -> bool:
    value = getattr(body[0], "value", None) if body else None
    return isinstance(getattr(value, "value", None), str)


def test_a_file_that_is_named_as_long_is_there() -> None:
    missing = [name for name in LONG if not (ROOT / "tests" / f"{name}.py").is_file()]
    assert missing == [], "Correct LONG in tests/conftest.py."
