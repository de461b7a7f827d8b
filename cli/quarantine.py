"""`esteira quarantine`: refused rows listed, shown and tried again. What is printed went through the mask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click

from blocks import open_lake, open_warehouse
from cli.environment import require_prefect
from cli.foreground import watched
from cli.output import dump, error_facts, fail, short, table
from esteira.catalogue import find_dataset, load_catalogue
from esteira.contract import Dataset
from esteira.errors import EsteiraError
from esteira.file_batch import is_file_batch
from esteira.lake import Lake
from esteira.quarantine import Holding, Kept, Mask, Refused, gather, holdings
from esteira.quarantine.run import Outcome
from esteira.settings import read_settings
from esteira.warehouse import Warehouse
from esteira.warehouse.reads import history
from flows.replay import replay

BATCHES = ("dataset", "batch", "generation", "state", "records", "refused", "replayed", "rules")
RULES = ("dataset", "batch", "column", "rule", "records", "first", "its value")
OUTCOMES = ("dataset", "batch", "tried", "passed", "refused", "generation", "inserted", "updated", "unchanged", "stale")
STOPPED = (
    "A stopped batch has no row in the table. Its counts are those under today's contract; when they are right, `esteira ingest` runs it again "
    "as a whole, and there is nothing to replay."
)
STOPPED_FILES = (
    "A file that came back to who dropped it has no row in the table: `esteira quarantine NAME --csv FILE` writes its refused cells for them, and what is corrected "
    "is dropped again. If it was the contract that was wrong, the same file is dropped again."
)


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for; no name means every dataset."""

    name: str | None
    batch: str | None = None
    rule: str | None = None
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """One batch as it may be shown; `error` says why its rows cannot be told."""

    dataset: str
    holding: Holding
    kept: Kept | None
    error: str = ""


def run_listing(request: Request, *, as_json: bool) -> int:
    """Print the refused rows; returns the exit code."""
    folder = read_settings().datasets
    require_prefect()
    datasets = [find_dataset(folder, request.name)] if request.name else list(load_catalogue(folder).values())
    lake, warehouse = open_lake(), open_warehouse()
    found = [each for dataset in datasets for each in _listed(dataset, request, lake, warehouse)]
    click.echo(dump([_facts(each, request) for each in found]) if as_json else "\n".join(_lines(found, request)))
    return 0


def run_replay(request: Request, *, is_dry: bool, as_json: bool, is_debug: bool) -> int:
    """Try the rows again; returns the exit code."""
    name = find_dataset(read_settings().datasets, request.name or "").name
    require_prefect()
    with watched():
        outcome = replay(name, request.batch, request.rule, is_dry, return_state=True).result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        code = fail(outcome, is_debug=is_debug)
        click.echo(dump([{"dataset": name, **error_facts(outcome)}]) if as_json else "", nl=as_json)
        return code
    facts = [_outcome(name, each) for each in outcome]
    click.echo(dump(facts) if as_json else "\n".join(_told(facts, is_dry=is_dry)))
    return 0


def _listed(dataset: Dataset, request: Request, lake: Lake, warehouse: Warehouse) -> Iterator[Listed]:
    mask, batches = Mask(dataset), (request.batch,) if request.batch else ()
    for each in holdings(dataset, history(warehouse, dataset.name), lake, batches):
        try:
            kept = gather(dataset, each, lake, rule=request.rule, samples=request.samples)
        except EsteiraError as exc:  # one batch that cannot be read hides no other
            yield Listed(dataset.name, each, None, exc.message)
            continue
        if kept.rows or (each.replayed and request.rule is None):
            yield Listed(dataset.name, each, mask.kept(kept))


def _lines(found: list[Listed], request: Request) -> Iterator[str]:
    if not found:
        yield "No row is in quarantine."
        return
    yield table(BATCHES, [_row(each) for each in found])
    rules = [row for each in found for row in _rules(each)]
    if rules:
        yield f"\nBy rule; a record may break several\n{table(RULES, rules)}"
    for each in found:
        yield from (f"\n{each.dataset} {line}" for line in _samples(each, request.samples))
        if each.error:
            yield f"\n{each.dataset} {each.holding.batch}: its rows cannot be told. {each.error}"
    if any(each.holding.state == "stopped" and not is_file_batch(each.holding.batch) for each in found):
        yield f"\n{STOPPED}"
    if any(each.holding.state == "stopped" and is_file_batch(each.holding.batch) for each in found):
        yield f"\n{STOPPED_FILES}"
    if any(each.holding.state == "loaded" and each.kept and each.kept.rows for each in found):
        name = request.name or "NAME"
        yield f"\nAfter the contract was mended: `esteira quarantine {name} --replay --dry-run`, then without --dry-run."


def _row(each: Listed) -> tuple[Any, ...]:
    holding, kept = each.holding, each.kept
    counts = (kept.rows, holding.replayed, len(kept.rules)) if kept else (None, holding.replayed, None)
    return (each.dataset, holding.batch, holding.generation, holding.state, holding.extracted, *counts)


def _rules(each: Listed) -> Iterator[tuple[Any, ...]]:
    for rule in each.kept.rules if each.kept else ():
        where = each.kept.where(rule) if each.kept else ""
        yield each.dataset, each.holding.batch, rule.column, rule.rule, rule.rows, where, short(rule.example)


def _samples(each: Listed, count: int) -> Iterator[str]:
    for row in each.kept.samples if each.kept and count else ():
        reasons = "\n".join(f"  {reason.sentence}" for reason in row.reasons)
        yield f"{row.batch}, {row.where}\n{reasons}\n  {row.record}"


def _facts(each: Listed, request: Request) -> dict[str, Any]:
    holding, kept = each.holding, each.kept
    facts = {"dataset": each.dataset, "batch": holding.batch, "generation": holding.generation, "state": holding.state}
    facts |= {"records": holding.extracted, "replayed": holding.replayed, "error": each.error or None}
    if kept is None:
        return facts
    rules = [asdict(rule) | {"first": rule.first + 1, "where": kept.where(rule)} for rule in kept.rules]
    samples = [_sample(row) for row in kept.samples] if request.samples else []
    return facts | {"refused": kept.rows, "rules": rules, "samples": samples}


def _sample(row: Refused) -> dict[str, Any]:
    reasons = [asdict(reason) | {"where": row.where_of(reason.column)} for reason in row.reasons]
    return {
        "batch": row.batch,
        "position": row.position + 1,
        "where": row.where,
        "reasons": reasons,
        "record": row.record,
    }


def _outcome(name: str, each: Outcome) -> dict[str, Any]:
    entry = each.loaded.entry if each.loaded else None
    counts = {count: getattr(entry, count, None) for count in OUTCOMES[5:]}
    tally = each.tally
    return {
        "dataset": name,
        "batch": each.batch,
        "tried": tally.tried,
        "passed": tally.passed,
        "refused": tally.refused,
    } | counts


def _told(facts: list[dict[str, Any]], *, is_dry: bool) -> Iterator[str]:
    if not facts:
        yield "No batch in the table has refused rows."
        return
    yield table(OUTCOMES, [tuple(fact[name] for name in OUTCOMES) for fact in facts])
    passed = sum(fact["passed"] for fact in facts)
    if is_dry:
        yield f"Dry run: nothing was changed. {passed:,} rows would join their batches."
    elif not passed:
        yield "No row passes under today's contract, so nothing was changed."
