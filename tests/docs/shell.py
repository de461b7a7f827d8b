"""Whether a command line of a page would be taken: by click's own commands, by the Makefile, by the API that the aws command calls. Nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from functools import cache

import botocore.session
import click
from botocore import xform_name

from cli.main import esteira
from docs.hooks import pages as made
from tests.conventions.sources import ROOT
from tests.docs.blocks import Block

OTHERS = {
    "git",
    "patch",
    "pip",
    "prefect",
    "cd",
    "docker",
    "cat",
    "export",
    "unzip",
    "curl",
    "apt-get",
    "python",
    "python3",
}
"""Programs of other people, of which no model is at hand here."""
_PLACEHOLDER = re.compile(r"<([\w -]+)>")
_ASSIGNMENT = re.compile(r"([A-Z_][A-Z0-9_]*)=.*", re.DOTALL)
_AROUND = "[](…,."
"""Around a word of a sentence; a part in brackets may be left out."""
_SEPARATORS = {"&&", "||", "|", ";", "&"}


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a script; its comments, redirections and continuations are gone."""
    script = _PLACEHOLDER.sub(lambda found: found[1].replace(" ", "_").upper(), text.replace("\\\n", " "))
    for line in script.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        yield from _split(list(lexer))


def script(block: Block) -> str:
    """What a person types: all of a script, and of a session what is not the answer."""
    if block.language != "console":
        return block.text
    lines = block.text.replace("\\\n", " ").splitlines()
    return "\n".join(line.removeprefix("$ ") for line in lines if line.startswith("$ "))


def parted(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """The variables that a command sets for itself, and the command."""
    begin = next((number for number, word in enumerate(words) if not _ASSIGNMENT.fullmatch(word)), len(words))
    return {name: value for name, _, value in (word.partition("=") for word in words[:begin])}, words[begin:]


def wrong(words: list[str]) -> str | None:
    """Why a command would not be taken; None where it would."""
    assigned = [found[1] for word in words if (found := _ASSIGNMENT.fullmatch(word))]
    _, own = parted(words)
    unknown = [
        name
        for name in assigned
        if name.startswith("ESTEIRA_") and f"`{name}`" not in made.made("reference/settings.md")
    ]
    if unknown or not own:
        return f"{unknown[0]} is no variable of ours" if unknown else None
    program = own[0].removeprefix(".venv/bin/")
    judges = {"esteira": _wrong_esteira, "make": _wrong_make, "aws": _wrong_aws}
    if program in judges:
        return judges[program](own[1:])
    return None if program in OTHERS else f"nobody here knows the program {program}"


def wrong_mention(command: str) -> str | None:
    """The same of a command in a sentence, whose values may be left out: only its names are looked at."""
    words = re.sub(r"\$\([^)]*\)", "X", command).split()
    if words[0] == "make":
        return _wrong_make([word.rstrip(_AROUND) for word in words[1:]])
    found, context = _resolved(words[1:])
    if isinstance(found, str):
        return found
    known = {name for option in found.params for name in (*option.opts, *option.secondary_opts)} | {
        "--help",
        "-h",
        "--debug",
    }
    asked = [
        word.partition("=")[0].rstrip(_AROUND)
        for word in (each.lstrip(_AROUND) for each in words)
        if word.startswith("--")
    ]
    unknown = [name for name in asked if name not in known]
    return f"{context} has no option {unknown[0]}" if unknown else None


def _resolved(words: list[str]) -> tuple[click.Command | str, str]:
    """The command that these words name, and its name; or why there is none."""
    command: click.Command = esteira
    path = "esteira"
    for word in words:
        if not isinstance(command, click.Group):
            break
        if word.startswith("-"):
            continue
        if word in {"COMMAND", "…"}:
            break
        if word not in command.commands:
            return f"{path} has no command {word}", path
        command, path = command.commands[word], f"{path} {word}"
    return command, path


def _wrong_esteira(words: list[str]) -> str | None:
    try:
        context = esteira.make_context("esteira", list(words))
        command: click.Command = esteira
        while isinstance(command, click.Group):
            name, found, rest = command.resolve_command(context, [*context._protected_args, *context.args])
            assert found is not None
            assert name is not None
            command, context = found, found.make_context(name, rest, parent=context)
    except click.exceptions.Exit:
        return None  # --help, --version
    except click.UsageError as exc:
        return None if "does not exist" in exc.format_message() else exc.format_message()
    return None


def _wrong_make(words: Iterable[str]) -> str | None:
    targets, variables = _makefile()
    for word in words:
        name, assigns, _ = word.partition("=")
        if name not in (variables if assigns else targets):
            return f"the Makefile has no {'variable' if assigns else 'target'} {name}"
    return None


@cache
def _makefile() -> tuple[set[str], set[str]]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {each for names in re.findall(r"^([a-z][a-z -]*):(?!=)", text, re.MULTILINE) for each in names.split()}
    return targets | {".venv/.ready"}, set(re.findall(r"\$\((?:if )?([A-Z_]+)\b", text))


def _wrong_aws(words: list[str]) -> str | None:
    service, operation, *rest = [word for word in words if not word.startswith("--")][:2] + words
    if service in {"s3", "configure", "sso"}:
        return None  # commands of aws' own, which no API has
    model = botocore.session.get_session().get_service_model("s3" if service == "s3api" else service)
    names = {xform_name(each, "-"): each for each in model.operation_names}
    if operation not in names:
        return f"aws {service} has no {operation}"
    shape = model.operation_model(names[operation]).input_shape
    members = {xform_name(each, "-") for each in (shape.members if shape else ())} | {
        "query",
        "output",
        "profile",
        "region",
    }
    unknown = [word for word in rest if word.startswith("--") and word[2:].removeprefix("no-") not in members]
    return f"aws {service} {operation} has no option {unknown[0]}" if unknown else None


def _split(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    skips = False
    for word in words:
        if word in _SEPARATORS:
            yield from [command] if command else []
            command = []
        elif word in {"<", ">", ">>"}:
            skips = True
        elif skips:
            skips = False
        else:
            command.append(word)
    yield from [command] if command else []
