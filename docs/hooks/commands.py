"""The command line, from click's own tree: every command with its help, arguments, options and the codes it may end with."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from cli.main import esteira
from docs.hooks.text import code, fenced, page, table
from esteira import errors

CODES = {
    0: "done, or nothing was to do",
    1: "a defect that is none of ours",
    2: "wrong usage: the command line itself",
    3: "a table or an account needs a person (`ddl --diff`, `doctor --account`)",
    70: "a defect of Esteira: run again with `--debug` and report the traceback",
    130: "interrupted; the same command goes on where it stopped",
}
"""Those that no error class has; the others come from `esteira/errors.py`."""


def make() -> str:
    """The page."""
    lead = (
        "`esteira COMMAND --help` prints the same. `esteira --debug COMMAND` prints tracebacks and Prefect's logs. A moment is an ISO date or time; "
        "without an offset it is UTC."
    )
    parts = [part for path, command in commands() for part in _described(path, command)]
    codes = table(["code", "means"], [[code(number), says] for number, says in sorted(exit_codes().items())])
    return page("The command line", lead, "## Exit codes", codes, *parts)


def commands(
    command: click.Command = esteira, path: tuple[str, ...] = ("esteira",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it; a group's own stand below it."""
    yield path, command
    for name, each in sorted(command.commands.items()) if isinstance(command, click.Group) else ():
        if not each.hidden:
            yield from commands(each, (*path, name))


def exit_codes() -> dict[int, str]:
    """What each code means: of errors the classes that end with it."""
    found: dict[int, list[str]] = {}
    for kind in tree():
        found.setdefault(kind.exit_code, []).append(code(kind.__name__))
    ours = {number: f"errors {', '.join(names)}" for number, names in found.items()}
    return ours | CODES


def tree(kind: type[errors.EsteiraError] = errors.EsteiraError) -> Iterator[type[errors.EsteiraError]]:
    """The error classes, each above those below it, as the file has them."""
    yield kind
    for each in kind.__subclasses__():
        yield from tree(each)


def _described(path: tuple[str, ...], command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(path))
    yield f"{'#' * min(len(path) + 1, 4)} {' '.join(path)}"
    yield inspect.cleandoc((command.help or "").replace("\f", ""))
    yield fenced(" ".join([" ".join(path), *command.collect_usage_pieces(context)]))
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        yield table(["option", "takes", "does"], [_option(each, context) for each in options])


def _option(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    names = ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))
    takes = "" if option.is_flag else code(option.make_metavar(context))
    notes = ["may be repeated" if option.multiple else "", "required" if option.required else ""]
    default = option.default
    if option.show_default and default is not None and not callable(default):
        notes.append(f"{default} by default")
    said = "; ".join(filter(None, notes))
    return names, takes, f"{option.help or ''}{f' ({said})' if said else ''}"
