"""One dropped file, by its key and version: the flow that an event of S3 starts."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from prefect import flow, get_run_logger, runtime

from esteira.catalogue import load_catalogue
from esteira.errors import ConfigError, EsteiraError
from esteira.lake.inbox import INBOX
from esteira.reception import Refusal, route
from esteira.redaction import printable
from esteira.settings import read_settings
from flows.afterwards import bring_up_to_date
from flows.batches import BatchReport
from flows.drops import Rejected, reject, take_drop
from flows.ending import announced, completed, failed
from flows.file_batches import Terms
from flows.moment import run_moment
from tasks import find_hold
from tasks.inbox import find_drop
from tasks.retrying import retry_policy
from tasks.tags import tag_run

REJECTED = "Rejected"
"""Name of the state of a run whose file went back; `infra/handlers/dispatch.py` knows it."""


def _run_name() -> str:
    key = str(runtime.flow_run.parameters["key"])
    return f"inbox {printable(PurePosixPath(key).name, limit=100)}"


@flow(name="inbox", flow_run_name=_run_name, persist_result=False)
@announced
def inbox(bucket: str, key: str, version_id: str) -> BatchReport | Rejected | None:
    """Take one file that was dropped. The same version twice, or out of order, changes nothing more.

    Args:
        bucket: Of the event; only the lake's own is taken from.
        key: The object's key, as EventBridge writes it: not URL-encoded.
        version_id: Which version of it.
    """
    try:
        taken = _inbox(bucket, key, version_id)
    except EsteiraError as exc:
        return failed(exc)  # type: ignore[no-any-return] # Prefect takes the state as the run's end
    return _ended(taken)  # type: ignore[no-any-return] # the same


def _ended(taken: BatchReport | Rejected | None) -> Any:
    """The state by its name and its message tells whoever waits for the run, and does not share its memory, what became of the file."""
    if isinstance(taken, Rejected):
        return completed(taken, f"{taken.refusal.sentence} The reason is in {taken.reason_key}.", name=REJECTED)
    if taken is None:
        return completed(
            taken, "Nothing was taken: it is not there any more, or its dataset is held. The log says which."
        )
    entry, known = taken.entry, "" if taken.is_new else " These bytes were in the table before."
    return completed(
        taken, f"{entry.extracted:,} extracted, {entry.curated:,} curated, {entry.quarantined:,} quarantined.{known}"
    )


def _inbox(bucket: str, key: str, version_id: str) -> BatchReport | Rejected | None:
    settings = read_settings()
    policy = retry_policy(settings)
    terms = Terms(policy, settings.max_attempts, run_moment())
    _check_place(bucket, key, settings.lake_bucket)
    drop = find_drop.with_options(**policy)(key, version_id)
    if drop is None or drop.is_folder:
        get_run_logger().info(
            "%s is not there (any more): taken before, taken back, or a folder", printable(key, limit=200)
        )
        return None
    found = route(drop, load_catalogue(settings.datasets))
    if isinstance(found, Refusal):
        return reject(drop, found, terms, load_catalogue(settings.datasets).get(drop.dataset))
    tag_run(settings.stage, found)
    hold = find_hold.with_options(**policy)(found, is_asked_by_name=False)
    if hold is not None:
        get_run_logger().warning("%s waits in the inbox: %s is %s", drop.key, found.name, hold)
        return None
    taken = take_drop(found, drop, terms)
    bring_up_to_date(found, terms.as_of)
    return taken


def _check_place(bucket: str, key: str, own: str) -> None:
    """An event is no proof: it may come from another bucket, or be made up."""
    if bucket != own or not key.startswith(INBOX):
        raise ConfigError(
            f"The event names s3://{printable(bucket)}/{printable(key, limit=200)}, which is not in {INBOX} of the lake {own}.",
            hint="Nothing was read. Look for a rule of EventBridge that matches too much.",
        )
