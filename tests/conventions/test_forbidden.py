"""What must never be in the load path, in a parameter, or in the repository."""

import ast
import re

import pytest

from tests.conventions.sources import PRODUCTION, ROOT, modules, report, repository_files

NEVER_IN_SQL = {
    r"\bTRUNCATE\b": "TRUNCATE commits on Redshift: write DELETE inside the transaction.",
    r"\bAPPEND\s+FROM\b": "ALTER TABLE APPEND moves rows outside the transaction: INSERT ... SELECT from the staging table.",
    r"\bACCESS_KEY_ID\b": "session keys would stand in the SQL text: COPY under IAM_ROLE.",
    r"\bSESSION_TOKEN\b": "session keys would stand in the SQL text: COPY under IAM_ROLE.",
    r"\bWITH\s+CREDENTIALS\b": "session keys would stand in the SQL text: COPY under IAM_ROLE.",
}
NEVER_CALLED = {
    "to_sql": "it writes row by row and commits by itself: load through a sealed manifest.",
    "copy_from_files": "it may create a permanent table and hides errors: COPY on our own cursor.",
}
SECRET_NAME = re.compile(r"secret|token|passw|credential|api_?key", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.~}-])/(?:work|root|home/(?!esteira\b)\w+|Users/\w+)/")


@pytest.mark.fault(49)
@pytest.mark.parametrize("pattern", NEVER_IN_SQL)
def test_no_statement_that_breaks_the_transaction(pattern: str) -> None:
    texts = [(m.name, line, text) for room in PRODUCTION for m in modules(room) for line, text in m.strings()]
    assert len(texts) > 100, "Hardly any string was found: this rule looked at nothing."
    report([f"{file}:{line}" for file, line, text in texts if re.search(pattern, text)], NEVER_IN_SQL[pattern])


@pytest.mark.fault(49)
@pytest.mark.parametrize("name", NEVER_CALLED)
def test_no_call_that_loads_behind_our_back(name: str) -> None:
    calls = [
        (module.name, node)
        for room in PRODUCTION
        for module in modules(room)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    assert calls, "No call was found: this rule looked at nothing."
    report([f"{file}:{node.lineno}" for file, node in calls if node.func.attr == name], NEVER_CALLED[name])


def test_awswrangler_does_not_copy_into_redshift() -> None:
    broken = [
        f"{module.name}:{node.lineno}"
        for module in modules("esteira")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith("redshift.copy")
    ]
    report(broken, "awswrangler's copy() deletes its stage and commits by itself: COPY on our own cursor.")


@pytest.mark.parametrize(("room", "decorator"), [("flows", "flow"), ("tasks", "task")])
def test_no_secret_is_a_parameter(room: str, decorator: str) -> None:
    decorated = [
        (module.name, function)
        for module in modules(room)
        for function in module.functions()
        if any(_name(item) == decorator for item in function.decorator_list)
    ]
    assert decorated, f"{room}/ has no function under @{decorator}: this rule looked at nothing."
    broken = [
        f"{file}:{function.lineno}: {function.name}({argument.arg})"
        for file, function in decorated
        for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        if SECRET_NAME.search(argument.arg)
    ]
    report(broken, "parameters are stored and shown: pass the name of a block; the step reads the secret itself.")


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    broken = []
    for path in repository_files():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue  # a binary fixture
        broken += [
            f"{path.relative_to(ROOT)}:{n}: {found.group()}"
            for n, line in enumerate(lines, 1)
            if (found := MACHINE_PATH.search(line))
        ]
    report(broken, "use a path relative to the repository, or take it from the environment.")


def _name(decorator: ast.expr) -> str:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(target).split(".")[-1]
