"""Step two: sealed raw parts into sealed curated and quarantine parts. A pure function of the raw seal and the contract."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from esteira.contract import Dataset
from esteira.errors import DataQualityError, EsteiraError
from esteira.failpoints import failpoint
from esteira.lake import Lake, Layout, Part, Seal
from esteira.portal import records_of
from esteira.quality import Curated, curate_records


def curate(dataset: Dataset, raw: Seal, *, lake: Lake, generation: int = 1) -> Seal:
    """Validate a sealed raw batch and seal the result as a generation; returns the seal that stands, ours or an earlier one.

    Raises:
        DataQualityError: The share of quarantined rows is above the contract's limit; nothing is sealed.
        ContractError: The source drifted.
        SealConflict: A raw part is not what was sealed.
    """
    try:
        generation, sealed = lake.find_standing("curated", raw.dataset, raw.batch, generation)
        return sealed or _Curation(dataset, raw, lake, generation).run()
    except EsteiraError as exc:
        raise exc.located(dataset=raw.dataset, batch=raw.batch) from exc.__cause__


class _Curation:
    """One attempt: part by part, so memory is bounded by one part."""

    def __init__(self, dataset: Dataset, raw: Seal, lake: Lake, generation: int) -> None:
        self._dataset, self._raw, self._lake = dataset, raw, lake
        self._layout = Layout(raw.dataset, raw.batch, generation)
        self._attempt = lake.new_attempt()
        self._good: list[Part] = []
        self._bad: list[Part] = []
        self._bad_rows = 0
        self._reasons: Counter[str] = Counter()
        self._new_columns: dict[str, None] = {}

    def run(self) -> Seal:
        for raw_part in self._raw.parts:
            self._store(curate_records(self._records(raw_part), self._dataset, first_row=raw_part.first_row))
        self._check_ratio()
        seal = self._lake.put_seal("curated", self._new_seal())
        failpoint("curate.seal")
        return seal

    def _records(self, part: Part) -> Sequence[msgspec.Raw]:
        pages = raw_pages(self._lake.read_part(part), part)
        return [record for page in pages for record in records_of(page, self._dataset.source)]

    def _store(self, curated: Curated) -> None:
        self._bad_rows += curated.bad_rows
        self._reasons.update(curated.reasons)
        self._new_columns.update(dict.fromkeys(curated.new_columns))
        if curated.good.num_rows:
            key = self._layout.part("curated", self._attempt, len(self._good) + 1)
            self._good.append(self._put(key, curated.good))
        if curated.bad.num_rows:
            key = self._layout.part("quarantine", self._attempt, len(self._bad) + 1)
            self._bad.append(self._put(key, curated.bad))
        failpoint("curate.part")

    def _put(self, key: str, table: pa.Table) -> Part:
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", coerce_timestamps="us")
        return self._lake.put_part(key, buffer.getvalue(), rows=table.num_rows, text_bytes=_text_bytes(table))

    def _check_ratio(self) -> None:
        limit = self._dataset.quality.max_quarantine_ratio
        if self._raw.extracted and self._bad_rows / self._raw.extracted > limit:
            reasons = ", ".join(f"{reason} ({count})" for reason, count in self._reasons.most_common(3))
            raise DataQualityError(
                f"{self._bad_rows} of {self._raw.extracted} rows break their rules ({self._bad_rows / self._raw.extracted:.2%}; "
                f"the limit is {limit:.2%}): {reasons}."
            )

    def _new_seal(self) -> Seal:
        return Seal(
            dataset=self._raw.dataset,
            batch=self._raw.batch,
            attempt=self._attempt,
            parts=tuple(self._good),
            quarantine=tuple(self._bad),
            extracted=self._raw.extracted,
            curated=self._raw.extracted - self._bad_rows,
            quarantined=self._bad_rows,
            total_reported=self._raw.total_reported,
            reasons=dict(sorted(self._reasons.items())),
            warnings=tuple(self._warnings()),
            raw_seal=self._raw.hash,
            raw_generation=self._raw.generation,
            generation=self._layout.generation,
            columns=tuple(column.stored for column in self._dataset.columns),
        )

    def _warnings(self) -> Iterator[str]:
        if self._new_columns and self._dataset.new_columns == "warn":
            yield f"New columns at the source, kept in raw only: {', '.join(self._new_columns)}."


def raw_pages(content: bytes, part: Part) -> Iterator[bytes]:
    """The pages of a raw part, as the portal sent them."""
    size = sum(page.size_bytes for page in part.pages)
    body = memoryview(pa.Codec("zstd").decompress(content, decompressed_size=size))
    start = 0
    for page in part.pages:
        yield bytes(body[start : start + page.size_bytes])
        start += page.size_bytes


def _text_bytes(table: pa.Table) -> dict[str, int]:
    """Longest value of each text and nested column in UTF-8 bytes: VARCHAR lengths count bytes."""
    kinds = zip(table.column_names, table.schema.types, strict=True)
    text = [name for name, kind in kinds if pa.types.is_string(kind) or pa.types.is_binary(kind)]
    return {name: pc.max(pc.binary_length(table.column(name))).as_py() or 0 for name in text}
