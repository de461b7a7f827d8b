"""Files of a portal → raw: those of a listing that are new, or the one at a fixed address."""

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prefect import get_run_logger, task

from blocks import open_lake, open_portal, open_warehouse
from esteira.contract import Dataset, Download, Listing, SpreadsheetSource
from esteira.extraction.files import keep_file
from esteira.extraction.known import known_headers, name_fits, open_files, sealed_files
from esteira.extraction.listed import find_known, note_listed, unknown
from esteira.http.config import HttpStats
from esteira.lake import Provenance, Seal, SealedFile
from esteira.lake.files import file_hash
from esteira.observe.effort import Effort, note
from esteira.portal.files import Downloaded, Listed, fetch_fixed, fetch_listed, list_files
from esteira.warehouse.reads import settled_batches
from tasks.retrying import is_transient


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be done about the files of a listing.

    Attributes:
        begun: In raw, and not settled.
        new: Listed, and not in raw.
    """

    begun: tuple[Seal, ...]
    new: tuple[Listed, ...]


@task(task_run_name="list the files of {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def find_files(dataset: Dataset) -> Found:
    """What a listing has that is not loaded, oldest first."""
    origin = _source(dataset).origin
    assert isinstance(origin, Listing)  # noqa: S101 - the flow asks by origin
    sealed = sealed_files(dataset, open_lake())
    known = find_known(dataset, sealed, open_lake())
    listed = list(list_files(open_portal(origin.endpoint.portal, dataset.name), origin))
    fitting = [each for each in listed if name_fits(dataset, each.name)]
    new = unknown(fitting, known)
    get_run_logger().info("%s: %s files listed, %s fit, %s are new", dataset.name, len(listed), len(fitting), len(new))
    begun = open_files(sealed, settled_batches(open_warehouse(), dataset.name))
    return Found(tuple(begun), tuple(sorted(new, key=lambda each: (each.changed, each.name))))


@task(task_run_name="keep {listed.name}", retry_condition_fn=is_transient, persist_result=False)
def keep_listed(dataset: Dataset, listed: Listed) -> Seal:
    """Bring a listed file into raw, byte for byte."""
    origin, source = _source(dataset).origin, _source(dataset)
    assert isinstance(origin, Listing)  # noqa: S101 - the flow asks by origin
    portal = open_portal(origin.endpoint.portal, dataset.name)
    with tempfile.TemporaryDirectory(prefix="esteira-download-") as folder:
        path = Path(folder) / "file"
        got = fetch_listed(portal, listed, path, source.limits.size_bytes)
        return _kept(dataset, path, got, listed.name, listed.changed, portal.stats)


@task(task_run_name="remember {listed.name}", retry_condition_fn=is_transient, persist_result=False)
def remember_listed(dataset: Dataset, listed: Listed, raw: Seal) -> None:
    """Note that a listed file has the bytes of an earlier one, so that it is not downloaded again."""
    note_listed(dataset, listed, raw, open_lake())


@task(task_run_name="look at the file of {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def keep_fixed(dataset: Dataset, as_of: datetime) -> Seal | None:
    """Bring the file at a fixed address into raw, byte for byte; None when the portal says that it is the one in the table."""
    origin, source, lake = _source(dataset).origin, _source(dataset), open_lake()
    assert isinstance(origin, Download)  # noqa: S101 - the flow asks by origin
    portal = open_portal(origin.portal, dataset.name)
    conditions = known_headers(dataset, settled_batches(open_warehouse(), dataset.name), lake)
    with tempfile.TemporaryDirectory(prefix="esteira-download-") as folder:
        path = Path(folder) / "file"
        got = fetch_fixed(portal, origin, path, source.limits.size_bytes, conditions)
        return None if got.is_known else _kept(dataset, path, got, origin.file_name, as_of, portal.stats)


def _kept(dataset: Dataset, path: Path, got: Downloaded, name: str, moment: datetime, got_by: HttpStats) -> Seal:
    size = path.stat().st_size
    file = SealedFile(name, size, file_hash(path), moment, got.place)
    seal = keep_file(dataset, path, Provenance(etag=got.etag, modified=got.modified, file=file), open_lake())
    note(seal.dataset, seal.batch, Effort(size, got_by.retries, got_by.waited_seconds + got_by.budget_seconds))
    get_run_logger().info("%s %s: %s, %s bytes, is in raw", seal.dataset, seal.batch, name, f"{size:,}")
    return seal


def _source(dataset: Dataset) -> SpreadsheetSource:
    assert isinstance(dataset.source, SpreadsheetSource)  # noqa: S101 - the flow asks for datasets of files only
    return dataset.source
