"""`esteira drift`: what the source delivers that the contract does not say, between which batches it changed, and the patch. It reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import dump
from cli.running import run
from cli.upkeep import FOLDER, JSON

if TYPE_CHECKING:
    from esteira.drift.report import Drift

PERSON_NEEDED = 3
"""Exit code when drift stops a batch until a person decides."""


@click.command()
@click.argument("name")
@click.option("--patch", "is_patch", is_flag=True, help="Print the patch alone, for `git apply` or `patch -p1`.")
@FOLDER
@JSON
@click.pass_obj
def drift(is_debug: bool, name: str, *, is_patch: bool, folder: Path | None, as_json: bool) -> None:  # noqa: FBT001 - click's object
    """Say how the newest batch of a dataset differs from its contract, and suggest a patch of the contract's file.

    Exit code 3 when it stops a batch; with --patch always 0.
    """

    def command() -> int:
        return run_drift(name, is_patch=is_patch, as_json=as_json)

    run(command, is_debug=is_debug, folder=folder, as_json=as_json)


def run_drift(name: str, *, is_patch: bool, as_json: bool) -> int:
    """Print it; returns the exit code."""
    from blocks import open_lake
    from cli.environment import require_prefect
    from esteira.catalogue import find_dataset
    from esteira.drift.report import find_drift
    from esteira.settings import read_settings

    dataset = find_dataset(read_settings().datasets, name)
    require_prefect()
    found = find_drift(dataset, open_lake())
    if is_patch:
        click.echo(found.patch if found else "", nl=False)
        return 0
    click.echo(dump(_facts(name, found)) if as_json else "\n".join(_lines(name, found)))
    return PERSON_NEEDED if found and found.is_blocking else 0


def _facts(name: str, found: Drift | None) -> dict[str, Any]:
    if found is None:
        return {"dataset": name, "batch": None, "is_blocking": False, "columns": [], "patch": ""}
    columns = [
        {
            "column": each.column, "source": each.source, "change": each.change, "was": each.was or None, "holds": each.holds or None,
            "values": each.values, "broken": each.broken, "sentence": sentence, "since": asdict(since),
        }
        for each, since, sentence in zip(found.findings, found.since, found.sentences(), strict=True)
    ]  # fmt: skip
    return {
        "dataset": name,
        "batch": found.batch,
        "is_blocking": found.is_blocking,
        "columns": columns,
        "patch": found.patch,
    }


def _lines(name: str, found: Drift | None) -> Iterator[str]:
    if found is None:
        yield f"{name}: the newest batch has the columns that the contract says, and no others."
        return
    yield f"{name} {found.batch}: {'nothing is loaded until a person decides' if found.is_blocking else 'loaded without them'}."
    yield from (f"- {sentence}" for sentence in found.sentences())
    if found.patch:
        yield f"\nSuggested patch; `esteira drift {name} --patch | git apply` writes it:\n\n{found.patch}"
    else:
        yield "There is no patch to suggest: correct the contract's file by hand."
