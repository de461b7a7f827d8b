"""inbox → raw, and out of the inbox: one drop at a time."""

from prefect import get_run_logger, task

from blocks import open_lake, open_warehouse
from esteira.contract import Dataset
from esteira.lake import Seal
from esteira.lake.inbox import Drop, DropZone
from esteira.observe.effort import Effort, note
from esteira.reception import Refusal, letter
from esteira.reception.taking import keep
from esteira.warehouse import LedgerEntry
from esteira.warehouse.reads import settled_batches
from tasks.retrying import is_transient


@task(task_run_name="look into the inbox of {dataset.name}", retry_condition_fn=is_transient, persist_result=False)
def find_drops(dataset: Dataset) -> list[Drop]:
    """The drops of a dataset that wait in the inbox, oldest first."""
    return DropZone(open_lake()).waiting(dataset.name)


@task(task_run_name="find {key}", retry_condition_fn=is_transient, persist_result=False)
def find_drop(key: str, version_id: str) -> Drop | None:
    """One drop; None when it was taken or taken back meanwhile."""
    return DropZone(open_lake()).find(key, version_id)


@task(task_run_name="keep {drop.name}", retry_condition_fn=is_transient, persist_result=False)
def keep_drop(dataset: Dataset, drop: Drop) -> Seal | None:
    """Bring a drop into raw, byte for byte; None when it was taken or taken back meanwhile."""
    seal = keep(dataset, drop, open_lake())
    if seal is None:
        return None
    note(seal.dataset, seal.batch, Effort(drop.size_bytes))
    get_run_logger().info("%s %s: %s, %s bytes, is in raw", seal.dataset, seal.batch, drop.name, f"{drop.size_bytes:,}")
    return seal


@task(task_run_name="ask the ledger of {dataset}", retry_condition_fn=is_transient, persist_result=False)
def find_entries(dataset: str) -> list[LedgerEntry]:
    """The ledger's current entry of each batch."""
    return settled_batches(open_warehouse(), dataset)


@task(task_run_name="take {drop.name} out of the inbox", retry_condition_fn=is_transient, persist_result=False)
def remove_drop(drop: Drop) -> None:
    """Its bytes are in raw and its rows in the table: the inbox holds what waits."""
    DropZone(open_lake()).remove(drop)


@task(task_run_name="give {drop.name} back", retry_condition_fn=is_transient, persist_result=False)
def reject_drop(drop: Drop, refusal: Refusal, owner: str = "") -> str:
    """Move a drop to where its owner finds it, with the reason beside it; returns the reason's key."""
    key = DropZone(open_lake()).reject(drop, letter(drop, refusal, owner))
    get_run_logger().warning("%s: %s The reason is in %s", drop.key, refusal.sentence, key)
    return key
