"""What is said of drift: a sentence for each column, the error that stops a batch, and the note by which `esteira drift` finds it again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from esteira.contract import Dataset, SpreadsheetSource
from esteira.drift.finding import Finding, guess_of
from esteira.drift.history import Remembered, Since, is_past, last_seal, seals_before, since
from esteira.drift.patch import suggested_patch
from esteira.errors import ContractError, EsteiraError
from esteira.lake import Lake, Layout, Seal, Seen
from esteira.quality.wire import first_keys, wire_of
from esteira.recognise.columns import free_names, snake

MAX_TOLD = 10
"""Columns that a message tells one by one."""


class Note(msgspec.Struct, frozen=True):
    """A batch that drift stopped, as it is kept in the lake; it holds no value of a record."""

    dataset: str
    batch: str
    generation: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Drift:
    """How a batch differs from the contract.

    Attributes:
        batch: Its id.
        findings: The columns.
        since: Of each, between which batches it changed.
        patch: What would take it over.
        is_blocking: Whether nothing of the batch is loaded until a person has decided.
    """

    batch: str
    findings: tuple[Finding, ...]
    since: tuple[Since, ...]
    patch: str
    is_blocking: bool

    def sentences(self) -> Iterator[str]:
        """One for each column."""
        for finding, found in zip(self.findings, self.since, strict=True):
            yield f"{_SENTENCES[finding.change](finding)}; {_between(finding, found)}."


def compare(dataset: Dataset, batch: str, findings: Sequence[Finding], lake: Lake, *, is_blocking: bool) -> Drift:
    """Compare findings with the batches before, and suggest a patch.

    Args:
        dataset: The contract.
        batch: Id of the batch in which it was found.
        findings: The columns.
        lake: Where the seals of the batches before are.
        is_blocking: Whether it stops the batch.
    """
    before = Remembered(seals_before(lake, dataset.name, batch))
    compared = tuple(since(finding, before) for finding in findings)
    return Drift(batch, tuple(findings), compared, suggested_patch(dataset, findings), is_blocking)


def drift_error(dataset: Dataset, layout: Layout, findings: Sequence[Finding], lake: Lake) -> ContractError:
    """The error that stops a batch, with the note of it stored.

    Args:
        dataset: The contract.
        layout: Whose.
        findings: The columns, those first that the contract does not let pass.
        lake: Where the seals are, and where the note goes.
    """
    note = Note(layout.dataset, layout.batch, layout.generation, tuple(findings))
    with contextlib.suppress(EsteiraError):  # the error is what counts
        lake.put(layout.drift, msgspec.json.encode(note))
    drift = compare(dataset, layout.batch, findings, lake, is_blocking=True)
    refused = " new_columns is 'fail'." if findings[0].change == "new" else ""
    more = f" {len(findings) - MAX_TOLD} more columns differ." if len(findings) > MAX_TOLD else ""
    return ContractError(
        f"{' '.join(islice(drift.sentences(), MAX_TOLD))}{more}{refused}", dataset=layout.dataset, batch=layout.batch,
        hint=_hint(dataset, drift), patch=drift.patch,
    )  # fmt: skip


def warnings_of(new: Sequence[Finding], seen: Seen, dataset: Dataset) -> Iterator[str]:
    """What a curated seal says of its batch, and with it the ledger.

    Args:
        new: Columns that the contract does not know.
        seen: How the batch differs from the contract otherwise.
        dataset: The contract.
    """
    if new and dataset.new_columns == "warn":
        told = [f"{each.source} ({each.holds})" for each in new[:MAX_TOLD]]
        more = f" and {len(new) - MAX_TOLD} more" if len(new) > MAX_TOLD else ""
        yield f"New columns at the source, kept in raw only: {', '.join(told)}{more}."
    if seen.nulled:
        counts = ", ".join(f"{reason} ({count:,})" for reason, count in sorted(seen.nulled.items()))
        yield f"Bad values that were made null: {counts}."


def find_drift(dataset: Dataset, lake: Lake) -> Drift | None:
    """How the newest batch that was looked at differs from the contract as it is now; None where it does not.

    Args:
        dataset: The contract.
        lake: Where notes and seals are.
    """
    note, seal = find_note(lake, dataset.name), last_seal(lake, dataset.name)
    has_passed = note and seal and note.generation == 1 and is_past(lake, dataset.name, note.batch, seal)
    findings = _standing(dataset, note.findings) if note and not has_passed else ()
    if note and findings:
        is_blocking = dataset.new_columns == "fail" or any(each.change != "new" for each in findings)
        return compare(dataset, note.batch, findings, lake, is_blocking=is_blocking)
    return drift_of(dataset, seal, lake) if seal else None


def drift_of(dataset: Dataset, seal: Seal, lake: Lake) -> Drift | None:
    """The new columns that a curated batch is loaded without; None where it has none that the contract does not know by now.

    Args:
        dataset: The contract.
        seal: The curated seal.
        lake: Where those of the batches before are.
    """
    new = _standing(dataset, _of_seal(dataset, seal))
    return compare(dataset, seal.batch, new, lake, is_blocking=False) if new else None


def _of_seal(dataset: Dataset, seal: Seal) -> tuple[Finding, ...]:
    """The new columns that a batch was loaded without; the seal has their types and no value."""
    told = seal.seen.new if seal.seen else {}
    names = free_names(told, dataset.column_names)
    return tuple(
        Finding("new", names[source], source, guess=guess_of(source, names[source], holds))
        for source, holds in told.items()
    )


def _standing(dataset: Dataset, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings that still differ from the contract: a person may have taken some over since."""
    columns = {column.name: column for column in dataset.columns}
    known = set(first_keys(wire_of(dataset)))
    is_file = isinstance(dataset.source, SpreadsheetSource)  # whose headings are read without accents, case and signs

    def stands(finding: Finding) -> bool:
        if finding.change == "new":
            return finding.source not in known and not (is_file and snake(finding.source) in columns)
        column = columns.get(finding.column)
        if finding.change == "missing":
            return finding.column in dataset.source.inputs or (column is not None and not column.is_optional)
        return column is not None and str(column.arrow) == finding.was

    return tuple(finding for finding in findings if stands(finding))


def find_note(lake: Lake, dataset: str) -> Note | None:
    """The newest batch that drift stopped and that is not curated since, or None."""
    for batch in reversed(lake.folders(Layout.drift_folder(dataset))):
        layout = Layout(dataset, batch)
        for key in reversed(list(lake.sizes(layout.drift.rpartition("/")[0]))):
            note = msgspec.json.decode(lake.get(key) or b"null", type=Note | None)
            if note and lake.find_seal("curated", dataset, batch, note.generation) is None:
                return note
    return None


def _new(finding: Finding) -> str:
    return f"The portal delivers {finding.source} ({finding.holds}), which the contract does not know"


def _missing(finding: Finding) -> str:
    return f"Column {finding.column} is in none of the {finding.values:,} records of this batch"


def _retyped(finding: Finding) -> str:
    return (
        f"Column {finding.column} is {finding.was} in the contract and holds {finding.holds} now: "
        f"{finding.broken:,} of its {finding.values:,} values break its type"
    )


_SENTENCES = {"new": _new, "missing": _missing, "retyped": _retyped}


def _between(finding: Finding, found: Since) -> str:
    """The clause that says between which batches a column changed."""
    if finding.change != "new":
        how = "had it" if finding.change == "missing" else "had it as that"
        return f"batch {found.before} {how}" if found.before else f"no earlier batch {how}"
    came = f"it came with batch {found.first}" + (f", as {found.held}" if found.held else "") if found.first else ""
    before = f"batch {found.before} did not have it yet" if found.before else "no earlier batch tells since when"
    return f"{came} and {before}" if came else before


def _hint(dataset: Dataset, drift: Drift) -> str:
    changes = {finding.change for finding in drift.findings}
    missing, new = ([each for each in drift.findings if each.change == change] for change in ("missing", "new"))
    first = "Agree on the change with the portal's owner."
    passing = " Or let it pass: new_columns='warn'." if changes == {"new"} else ""
    if len(missing) == len(new) == 1:
        passing = f" If {new[0].source} is what {missing[0].column} is called now, write rename={{{new[0].source!r}: {missing[0].column!r}}} instead."
    if not drift.patch:
        return f"{first} Then correct the schema in the contract's file.{passing}"
    take = f"To take it over: `esteira drift {dataset.name} --patch | git apply`, read what it wrote, and run again."
    table = f" `esteira ddl {dataset.name} --diff` says what the table needs first." if changes - {"new"} else ""
    return f"{first} {take}{table}{passing}"
