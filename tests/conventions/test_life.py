"""A table is dropped or renamed by a person's explicit act alone, in one module that no load can reach."""

import re

from tests.conventions.sources import PRODUCTION, modules, report

OWNER = "esteira/warehouse/life.py"
ACTS = re.compile(r"\bDROP\s+TABLE\s+(?!IF EXISTS )|\bRENAME\s+TO\b")
"""Staging tables are dropped IF EXISTS."""
ALSO = {
    "esteira/warehouse/shape.py": "prints the statements for a person to run",
    "esteira/warehouse/ledger_tables.py": "renames a ledger on behalf of the owner",
}
MAY_IMPORT = {"esteira/renaming.py", "cli/life.py"}


def test_tables_are_dropped_and_renamed_in_one_module_alone() -> None:
    found = {
        module.name: line
        for room in PRODUCTION
        for module in modules(room)
        for line, text in module.strings()
        if ACTS.search(text)
    }
    assert OWNER in found, f"{OWNER} holds no such statement: this rule guards nothing."
    broken = [f"{name}:{line}" for name, line in found.items() if name not in {OWNER, *ALSO}]
    report(broken, f"readers lose a table that is dropped or renamed; only a person decides that, in {OWNER}.")


def test_nothing_that_loads_imports_it() -> None:
    broken = [
        f"{module.name}:{line} imports {name}"
        for room in PRODUCTION
        for module in modules(room)
        for line, name in module.imports()
        if (name + ".").startswith("esteira.warehouse.life.") and module.name not in MAY_IMPORT
    ]
    report(broken, "the load path never drops or renames: call it from the command line alone.")
