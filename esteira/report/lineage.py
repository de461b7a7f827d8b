"""Where a batch came from and how that can be proved: seals, parts, hashes, the run; and what the dataset hangs together with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from esteira.contract import ApiSource, Dataset, Inbox, Listing
from esteira.lake import Part, Seal
from esteira.report.amounts import count, moment, size
from esteira.report.bilingual import Text
from esteira.report.facts import BatchFacts, Stage
from esteira.report.foreign import shown
from esteira.report.words import say, say_count

HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Step:
    """One place on the way from the portal to the view."""

    name: Text
    place: str
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the proof; `is_code` for what a machine wrote."""

    name: Text
    value: Text
    is_code: bool = False


def steps_of(facts: BatchFacts) -> tuple[Step, ...]:
    """From the portal to the view, with what was sealed on the way."""
    dataset, entry = facts.dataset, facts.entry
    raw = _sealed(facts.raw, facts.raw.parts if facts.raw else (), entry.seal_hash)
    good = _sealed(facts.curated, facts.curated.parts if facts.curated else (), entry.seal_hash)
    steps = [
        Step(say("step_portal"), portal_of(dataset)),
        Step(say("step_raw"), f"s3://{facts.stage.bucket}/raw/{dataset.name}/", raw),
        Step(say("step_curated"), f"s3://{facts.stage.bucket}/curated/{dataset.name}/", good),
    ]
    if facts.curated and facts.curated.quarantine:
        bad = (_parts(facts.curated.quarantine),)
        steps.append(Step(say("step_quarantine"), f"s3://{facts.stage.bucket}/quarantine/{dataset.name}/", bad))
    return (*steps, *table_steps(dataset, facts.stage, entry.table_rows))


def table_steps(dataset: Dataset, stage: Stage, rows: int | None) -> tuple[Step, ...]:
    """The table and the views over its ledger and profiles."""
    notes = () if rows is None else (say_count("row", rows),)
    return (
        Step(say("step_table"), f"{stage.schema}.{dataset.name}", notes),
        Step(say("step_view"), "esteira.batch, esteira.profile"),
    )


def plain_steps(dataset: Dataset, stage: Stage, rows: int | None) -> tuple[Step, ...]:
    """The same for a dataset as a whole."""
    return (
        Step(say("step_portal"), portal_of(dataset)),
        Step(say("step_raw"), f"raw/{dataset.name}/"),
        Step(say("step_curated"), f"curated/{dataset.name}/"),
        *table_steps(dataset, stage, rows),
    )


def proof_of(facts: BatchFacts) -> tuple[Fact, ...]:
    """Everything that identifies what was loaded."""
    entry, raw = facts.entry, facts.raw
    found = [
        Fact(say("batch"), Text.same(entry.batch_id), is_code=True),
        Fact(say("generation"), count(entry.generation)),
        Fact(say("sequence"), count(entry.sequence or None)),
        Fact(say("committed_at"), moment(entry.committed_at)),
        Fact(say("run"), Text.same(shown(entry.run))),
        Fact(say("version"), Text.same(shown(entry.version)), is_code=True),
        Fact(say("attempt"), Text.same(entry.attempt), is_code=True),
        Fact(say("curated_seal"), Text.same(entry.seal_hash), is_code=True),
        Fact(say("raw_seal"), Text.same(raw.hash if raw else ""), is_code=True),
        *(_origin(raw, facts.personal) if raw else ()),
    ]
    return tuple(fact for fact in found if fact.value.en not in {"", "—"})


def portal_of(dataset: Dataset) -> str:
    """Block and path, or where files come from; parameters may hold anything and are not shown."""
    source = dataset.source
    if isinstance(source, ApiSource):
        return shown(f"{source.portal}:{source.path}")
    origin, names = source.origin, source.match if isinstance(source.match, str) else ", ".join(source.match)
    endpoint = origin.endpoint if isinstance(origin, Listing) else origin
    place = f"inbox/{dataset.name}/" if isinstance(endpoint, Inbox) else f"{endpoint.portal}:{endpoint.path}"
    return shown(f"{place} {names}")


def _origin(raw: Seal, personal: Iterable[str]) -> Iterable[Fact]:
    """What the extraction began with.

    A cursor may be a person's number, and a file be named after one: they are shown only where no column is personal.
    """
    known = raw.provenance
    if known.parent:
        parent = f"{known.parent.dataset} {known.parent.batch}"
        yield Fact(say("parent_batch"), Text.same(shown(parent)), is_code=True)
    ends = [str(each) for each in (known.cursor_start, known.cursor_end) if each is not None]
    if ends and not set(personal):
        yield Fact(say("cursor"), Text.same(" → ".join(shown(each) for each in ends)), is_code=True)
    if known.file:
        yield Fact(say("file_hash"), Text.same(known.file.sha256), is_code=True)
        if not set(personal):
            yield Fact(say("file"), Text.same(shown(known.file.name)), is_code=True)
    yield Fact(say("etag"), Text.same(shown(known.etag or "")), is_code=True)
    yield Fact(say("modified"), Text.same(shown(known.modified or "")))


def _sealed(seal: Seal | None, parts: Sequence[Part], seal_hash: str) -> tuple[Text, ...]:
    if seal is None:
        return (say("seal_gone" if seal_hash else "not_sealed"),)
    return _parts(parts), say("seal", hash=seal.hash[:HASH_DIGITS])


def _parts(parts: Sequence[Part]) -> Text:
    return say_count("part", len(parts), size=size(sum(part.size_bytes for part in parts)))
