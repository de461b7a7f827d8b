"""Inside the core each outside world has one owner."""

import ast
import re

import pytest

from tests.conventions.sources import PRODUCTION, Module, modules, report

OWNERS = {
    "requests": {"http"},
    "urllib3": {"http"},
    "awswrangler": {"lake", "warehouse"},
    "awswrangler.s3": {"lake"},
    "awswrangler.redshift": {"warehouse"},
    "boto3": {"aws", "lake", "warehouse"},
    "botocore": {"aws", "lake", "observe", "refresh", "vault", "warehouse"},
    "redshift_connector": {"warehouse"},
    "pydantic_settings": {"settings"},
    "python_calamine": {"spreadsheet"},
    "xlrd": {"spreadsheet"},
    "defusedxml": {"spreadsheet"},
    "jinja2": {"report"},
}
USED = ["requests", "boto3", "awswrangler", "pydantic_settings", "jinja2"]
"""Those that the core must import somewhere; the others may be reached through them."""

SQL = re.compile(
    r"\b(?:SELECT\s.+\sFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\S+\s+SET|MERGE\s+INTO|(?:CREATE|DROP|ALTER)\s+(?:OR\s+REPLACE\s+)?"
    r"(?:TEMP(?:ORARY)?\s+)?(?:TABLE|VIEW|SCHEMA)|COPY\s+\S+.*\sFROM\s|COMMENT\s+ON|GRANT\s+\w+\s+ON)\b",
    re.DOTALL,
)
"""Upper case only: a sentence may say "select rows from"."""

ERROR_BASES = {
    "Exception",
    "BaseException",
    "RuntimeError",
    "ValueError",
    "OSError",
    "EsteiraError",
    "TransientError",
    "PermanentError",
}


def part_of_core(module: Module) -> str:
    return module.package[1] if len(module.package) > 1 else ""


@pytest.mark.parametrize("library", OWNERS)
def test_only_the_owner_imports_a_library(library: str) -> None:
    broken = [
        f"{module.name}:{line} imports {name}"
        for module in modules("esteira")
        for line, name in module.imports()
        if (name + ".").startswith(library + ".") and part_of_core(module) not in OWNERS[library]
    ]
    report(
        broken,
        f"{library} belongs to esteira/{', esteira/'.join(sorted(OWNERS[library]))}: ask that module for what you need.",
    )


@pytest.mark.parametrize("library", USED)
def test_the_owned_libraries_are_in_use(library: str) -> None:
    names = [name for module in modules("esteira") for _, name in module.imports()]
    assert any((name + ".").startswith(library + ".") for name in names), (
        f"Nobody imports {library}: the rule guards nothing."
    )


@pytest.mark.parametrize("room", ["flows", "tasks", "datasets", "deployments"])
def test_no_room_above_talks_to_an_outside_world_itself(room: str) -> None:
    worlds = {"requests", "urllib3", "httpx", "boto3", "botocore", "awswrangler", "redshift_connector"}
    broken = [
        f"{module.name}:{line} imports {name}"
        for module in modules(room)
        for line, name in module.imports()
        if name.split(".")[0] in worlds
    ]
    report(broken, "call the module of esteira/ that owns it.")


def test_sql_is_written_in_the_warehouse_alone() -> None:
    owned, broken = 0, []
    for module in (m for room in PRODUCTION for m in modules(room)):
        found = [(line, text) for line, text in module.strings() if SQL.search(text)]
        if module.package[:2] == ("esteira", "warehouse"):
            owned += len(found)
        else:
            broken += [f"{module.name}:{line}: {text.strip()[:60]!r}" for line, text in found]
    assert owned, "esteira/warehouse holds no SQL that this rule recognises: it guards nothing."
    report(broken, "move the statement into esteira/warehouse and call it from here.")


def test_batch_planning_reads_no_clock() -> None:
    planning = [module for module in modules("esteira") if part_of_core(module) == "batch"]
    assert planning, "esteira/batch is gone: this rule guards nothing."
    clocks = {"now", "utcnow", "today", "time", "time_ns", "monotonic"}
    broken = [
        f"{module.name}:{node.lineno}: .{node.func.attr}()"
        for module in planning
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in clocks
    ]
    report(broken, "take as_of as an argument; it is read once, in the flow or the command.")


def test_there_is_one_error_tree() -> None:
    broken = []
    for module in (m for room in PRODUCTION for m in modules(room)):
        if module.package in {("esteira", "errors"), ("esteira", "failpoints")}:  # a failpoint's error belongs to tests
            continue
        for node in ast.walk(module.tree):
            bases = (
                {ast.unparse(base).split(".")[-1] for base in node.bases} if isinstance(node, ast.ClassDef) else set()
            )
            if bases & ERROR_BASES and not node.name.startswith("_"):
                broken.append(f"{module.name}:{node.lineno}: class {node.name}")
    report(
        broken,
        "add the class to esteira/errors.py under what recovers it, with a section in docs/operations/runbook.md.",
    )
