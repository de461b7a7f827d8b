"""Step two: sealed raw parts into sealed curated and quarantine parts. A pure function of the raw seal and the contract."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from esteira.contract import Dataset
from esteira.curation import Curation, feed_pages
from esteira.drift.report import drift_error, warnings_of
from esteira.errors import DataQualityError, EsteiraError
from esteira.failpoints import failpoint
from esteira.gathered import CuratedParts
from esteira.lake import Lake, Layout, Seal
from esteira.lake.files import fetch_file
from esteira.lake.seal import BATCH_STORED
from esteira.lake.taken import adopted
from esteira.raw import stored_pages


def curate(
    dataset: Dataset,
    raw: Seal,
    *,
    lake: Lake,
    generation: int = 1,
    ahead: CuratedParts | None = None,
    is_limited: bool = True,
) -> Seal:
    """Validate a sealed raw batch and seal the result as a generation; returns the seal that stands, ours or an earlier one.

    Args:
        dataset: The contract.
        raw: The raw seal.
        lake: Where the parts are.
        generation: Which loading of the batch.
        ahead: What was curated while the batch was extracted; used when it was made from the very parts that are sealed.
        is_limited: Whether too many quarantined rows, or too few at all, stop it. An erasure they do not: then the seal warns of them.

    Raises:
        DataQualityError: The share of quarantined rows is above the contract's limit; nothing is sealed.
        ContractError: The source drifted.
        SealConflict: A raw part is not what was sealed, or another run has taken the number for other rows.
    """
    try:
        generation, sealed = lake.find_standing("curated", raw.dataset, raw.batch, generation)
        if sealed:
            return adopted(sealed, raw)
        layout = Layout(raw.dataset, raw.batch, generation)
        fits = ahead is not None and (ahead.layout, ahead.raw) == (layout, raw.parts)
        made = ahead if ahead is not None and fits else _curated(dataset, raw, layout, lake)
        if made.broken:
            beside = () if dataset.new_columns == "ignore" else made.new  # one of them may be what is missing, renamed
            raise drift_error(dataset, layout, (*made.broken, *beside), lake)
        excess = _excess(made, raw, dataset)
        if excess and is_limited:
            raise excess
        seal = adopted(
            lake.put_seal("curated", _new_seal(made, raw, dataset, (excess.message,) if excess else ())), raw
        )
    except EsteiraError as exc:
        raise exc.located(dataset=raw.dataset, batch=raw.batch) from exc.__cause__
    failpoint("curate.seal")
    return seal


def _curated(dataset: Dataset, raw: Seal, layout: Layout, lake: Lake) -> CuratedParts:
    curation = Curation(dataset, layout, lake)
    try:
        if raw.provenance.file is None:
            feed_pages(curation, stored_pages(raw.parts, dataset.api, lake))
        else:
            _feed_file(curation, dataset, raw, lake)
        return curation.close(raw.parts)
    except BaseException:
        curation.abort()
        raise


def _feed_file(curation: Curation, dataset: Dataset, raw: Seal, lake: Lake) -> None:
    """From the lake to this machine's disk, since readers of workbooks need the whole file at hand, and from there piece by piece."""
    from esteira.spreadsheet.reading import read_pieces  # noqa: PLC0415 - 5 MB that only files need

    assert raw.provenance.file is not None  # noqa: S101 - asked only of a batch that is a file
    with tempfile.TemporaryDirectory(prefix="esteira-file-") as folder:
        path = Path(folder) / "file"
        fetch_file(raw, path, lake)
        for piece in read_pieces(path, raw.provenance.file.name, dataset):
            curation.add_decoded(piece.decoded, piece.rows)


def _excess(made: CuratedParts, raw: Seal, dataset: Dataset) -> DataQualityError | None:
    """What the contract's limits say of a batch, or None."""
    limit, extracted = dataset.quality.max_quarantine_ratio, _extracted(made, raw)
    if raw.provenance.file and extracted < dataset.quality.min_rows:
        return DataQualityError(
            f"The file has {extracted} rows; the contract's floor (min_rows) is {dataset.quality.min_rows}.",
            hint="Nothing was loaded. Ask who made the file whether it is really that short; if so, lower min_rows.",
        )
    if extracted and made.bad_rows / extracted > limit:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in Counter(made.reasons).most_common(3))
        return DataQualityError(
            f"{made.bad_rows} of {extracted} rows break their rules ({made.bad_rows / extracted:.2%}; "
            f"the limit is {limit:.2%}): {reasons}.{' At: ' * bool(made.places)}{', '.join(made.places)}",
            extracted=extracted,
            quarantined=made.bad_rows,
            refused=dict(made.reasons),
        )
    return None


def _extracted(made: CuratedParts, raw: Seal) -> int:
    """What the raw seal counted; the rows of a file are counted where it is read, since another contract may find its table elsewhere."""
    return raw.extracted if raw.provenance.file is None else made.rows


def _new_seal(made: CuratedParts, raw: Seal, dataset: Dataset, excess: tuple[str, ...]) -> Seal:
    return Seal(
        dataset=raw.dataset,
        batch=raw.batch,
        attempt=made.attempt,
        parts=made.good,
        quarantine=made.bad,
        extracted=_extracted(made, raw),
        curated=_extracted(made, raw) - made.bad_rows,
        quarantined=made.bad_rows,
        total_reported=raw.total_reported,
        reasons=made.reasons,
        warnings=(*raw.warnings, *warnings_of(made.new, made.seen, dataset), *excess),
        raw_seal=raw.hash,
        raw_generation=raw.generation,
        generation=made.layout.generation,
        columns=stored_names(dataset),
        provenance=raw.provenance,
        profile=made.profile,
        seen=made.seen,
    )


def stored_names(dataset: Dataset) -> tuple[str, ...]:
    """The columns of curated parts as their seal records them."""
    return (*(column.stored for column in dataset.columns), *((BATCH_STORED,) if dataset.names_batch else ()))
