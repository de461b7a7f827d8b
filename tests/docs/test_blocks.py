"""Every fenced block of every page, and every command in a sentence: a reader who copies it gets no error from us."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
import yaml

from docs.hooks import tables
from esteira import contract
from esteira.contract import Dataset
from esteira.warehouse.ledger_tables import SHAPE
from local.redshift.lexer import split
from tests.conventions.sources import report
from tests.docs import shell
from tests.docs.blocks import Block, blocks, inline

EXEMPT: dict[tuple[str, str], str] = {
    ("docs/operations/aws.md", 'CREATE USER "IAMR:esteira-dev-task" PASSWORD DISABLE;'): "makes users of IAM's, which only Redshift has",
}  # fmt: skip
"""Page and first line of a block that is not checked, and why. At most ten."""
MAX_EXEMPT = 10
SHOWN = {"text", "diff", "http", "mermaid"}
"""Languages of what is only shown."""
RUN_ELSEWHERE = "docs/portals/"
"""tests/portals runs these contracts against servers."""
_NUMBERS = itertools.count()


def of(*languages: str) -> list[Block]:
    """The blocks in a language, but for those that are exempt."""
    return [each for each in blocks() if each.language in languages and (each.page, each.begin) not in EXEMPT]


def test_there_are_at_most_ten_exemptions_each_with_a_reason_and_a_block() -> None:
    there = {(each.page, each.begin) for each in blocks()}
    assert len(EXEMPT) <= MAX_EXEMPT
    assert all(len(reason) > 20 for reason in EXEMPT.values())
    report(
        [f"{page}: {begin}" for page, begin in EXEMPT.keys() - there],
        "the block is gone: take the exemption out of tests/docs/test_blocks.py.",
    )


def test_every_block_names_a_language_that_is_checked_here() -> None:
    assert len(blocks()) > 90, "Hardly any block was found: these rules look at nothing."
    known = SHOWN | CHECKS.keys()
    broken = [f"{each.place}: {each.language or 'no language'}" for each in blocks() if each.language not in known]
    report(broken, f"write one of {', '.join(sorted(known))} behind the fence.")


def test_what_is_only_shown_holds_no_command() -> None:
    command = re.compile(r"^(?:\$ |(?:\.venv/bin/)?esteira [a-z]|make [a-z]|aws [a-z])", re.MULTILINE)
    report(
        [each.place for each in of(*SHOWN) if command.search(each.text)],
        "a command belongs into a block of sh or console, where it is checked.",
    )


@pytest.mark.parametrize("language", ["sh", "console", "python", "sql", "yaml", "json", "toml"])
def test_every_block_of_a_language_is_taken(language: str) -> None:
    found = [(each, why) for each in of(language) for why in CHECKS[language](each)]
    report(
        [f"{each.place}: {why}" for each, why in found],
        "correct the page, or what it shows; a block that cannot be checked goes into EXEMPT.",
    )


def test_every_command_in_a_sentence_is_one_that_there_is() -> None:
    found = sorted(set(inline()))
    assert len(found) > 50
    report(
        [f"{page}: `{command}`: {why}" for page, command in found if (why := shell.wrong_mention(command))],
        "correct the page.",
    )


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("esteira ingest flights --strat 2013-01-01", "No such option"), ("esteira stauts", "No such command"), ("esteira ingest --start soon", "not an ISO moment"),
        ("make tset", "no target tset"), ("make bench TURN=2", "no variable TURN"), ("aws sqs start-message-move-tasks", "has no"),
        ("aws ssm put-parameter --nmae x", "no option --nmae"), ("ESTEIRA_RUNER=dask esteira status", "ESTEIRA_RUNER"), ("estera status", "nobody here knows"),
    ],
)  # fmt: skip
def test_a_command_with_a_slip_is_found(command: str, why: str) -> None:
    (words,) = shell.commands(command)
    assert why in str(shell.wrong(words))


@pytest.mark.parametrize(
    ("command", "why"),
    [("esteira quarantine NAME --smaples 3", "--smaples"), ("esteira qarantine", "qarantine"), ("make tests", "tests")],
)
def test_a_slip_in_a_sentence_is_found(command: str, why: str) -> None:
    assert why in str(shell.wrong_mention(command))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "x = ("), ("python", "from esteira.contract import Upsrt"), ("python", "write=Upsert(keys='id')"), ("python", "from esteira.contract import Upsert\nDATASET = 1 / 0"), ("sql", "SELECT 'a"),
        ("sql", "SELECT b.rows FROM esteira.batch b"), ("yaml", "a: ["), ("json", "{,}"), ("toml", "a = "), ("sh", "if true"), ("console", "$ esteira stauts"),
    ],
)  # fmt: skip
def test_a_block_with_a_slip_is_found(language: str, text: str) -> None:
    assert list(CHECKS[language](Block("docs/x.md", 1, language, text)))


def _wrong_script(block: Block) -> Iterator[str]:
    text = shell.script(block)
    checked = subprocess.run(
        ["bash", "-n"], input=re.sub(r"<[\w -]+>", "X", text), capture_output=True, text=True, check=False
    )
    if checked.returncode:
        yield checked.stderr.strip()
        return
    yield from (f"{' '.join(words)[:80]}: {why}" for words in shell.commands(text) if (why := shell.wrong(words)))


def _wrong_python(block: Block) -> Iterator[str]:
    try:
        tree = ast.parse(_whole(block.text))
    except SyntaxError as exc:
        yield str(exc)
        return
    yield from _wrong_names(tree)
    is_module = all(
        re.search(begin, block.text, re.MULTILINE) for begin in (r"^(DATASET|GROUP|PORTAL) = ", r"^from esteira\.")
    )
    if is_module and not block.page.startswith(RUN_ELSEWHERE):
        yield from _wrong_contract(block)


def _whole(text: str) -> str:
    """Arguments that stand alone are those of a call."""
    is_arguments = re.match(r"\w+=[^\n]*,?(\s*#[^\n]*)?\n", text) and text.rstrip().endswith((",", ")"))
    try:
        ast.parse(text)
    except SyntaxError:
        return f"_({text})" if is_arguments else text
    return text


def _wrong_names(tree: ast.AST) -> Iterator[str]:
    """Imports of what is not there, and arguments that a class of the contract does not have."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                found = importlib.import_module(module)
                yield from (f"{module} has no {each.name}" for each in names if not hasattr(found, each.name))
            case ast.Call(func=ast.Name(id=name), keywords=keywords) if inspect.isclass(getattr(contract, name, None)):
                known = inspect.signature(getattr(contract, name)).parameters
                yield from (f"{name} takes no {each.arg}" for each in keywords if each.arg and each.arg not in known)


def _wrong_contract(block: Block) -> Iterator[str]:
    module = ModuleType(f"docs_page_{next(_NUMBERS)}")
    sys.modules[module.__name__] = module  # pandera looks up annotations in the module of the schema
    try:
        exec(compile(block.text, block.place, "exec"), vars(module))
    except Exception as exc:  # noqa: BLE001 - whatever a reader would get
        yield f"{type(exc).__name__}: {exc}"
    if not isinstance(vars(module).get("DATASET"), Dataset | None):
        yield "DATASET is no Dataset"


def _wrong_sql(block: Block) -> Iterator[str]:
    columns = {own.name: own.shape.keys() for own in tables.others()} | {"esteira.batch": {*SHAPE, "is_current"}}
    try:
        found = [each for each in split(block.text) if each.tokens]
    except Exception as exc:  # noqa: BLE001 - the lexer's own errors
        yield str(exc)
        return
    for each in found:
        if each.tokens[0].kind != "word":
            yield f"no statement begins with {each.tokens[0].text}"
        yield from (f"a {token.text} is never closed" for token in each.tokens if token.text in {"'", '"'})
        aliases = {alias: table for table, alias in re.findall(r"(esteira\.\w+) (\w)\b", each.text)}
        for alias, column in re.findall(r"\b(\w)\.(\w+)", each.text):
            if alias in aliases and column not in {*columns[aliases[alias]], "dataset"}:
                yield f"{aliases[alias]} has no column {column}"


def _wrong_value(read: Callable[[str], object]) -> Callable[[Block], Iterator[str]]:
    def check(block: Block) -> Iterator[str]:
        try:
            read(block.text)
        except (ValueError, yaml.YAMLError) as exc:
            yield str(exc)

    return check


CHECKS: dict[str, Callable[[Block], Iterator[str]]] = {
    "sh": _wrong_script, "console": _wrong_script, "python": _wrong_python, "sql": _wrong_sql,
    "yaml": _wrong_value(yaml.safe_load), "json": _wrong_value(json.loads), "toml": _wrong_value(tomllib.loads),
}  # fmt: skip
