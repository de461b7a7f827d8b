"""A dataset's new name: what must hold before, and the order of the two places that learn it.

The lake learns it first: a note that is never followed is harmless, because it is read only for batches that the ledger of the new name
holds. The warehouse's transaction then decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from esteira.batch import parse
from esteira.contract import Dataset
from esteira.errors import ConfigError
from esteira.lake import Lake
from esteira.warehouse import LedgerEntry, Warehouse
from esteira.warehouse.life import rename
from esteira.warehouse.states import Act, DatasetState


def renamed_contract(catalogue: Mapping[str, Dataset], old: str, new: str) -> Dataset:
    """The contract under its new name.

    Raises:
        ConfigError: It does not exist, or does not say what it was; or the old one is still there.
    """
    if old in catalogue:
        raise ConfigError(
            f"There is still a contract {old}.", hint=f"Rename its file to {new}.py and its name to {new!r} first."
        )
    if new not in catalogue:
        raise ConfigError(f"There is no contract {new}.", hint=f"Rename the contract's file and name from {old} first.")
    if old not in catalogue[new].formerly:
        raise ConfigError(
            f"The contract of {new} does not say that it was {old}.",
            dataset=new,
            hint=f"Write formerly=({old!r},) in it: every warehouse then waits for its rename instead of loading everything again.",
        )
    return catalogue[new]


def require_same_source(dataset: Dataset, entries: Collection[LedgerEntry]) -> None:
    """A rename changes no batch id: the name is no part of the source's definition, so another hash means another change.

    Raises:
        ConfigError: The newest batch was loaded under another definition of the source.
    """
    last = max(entries, key=lambda entry: entry.sequence, default=None)
    present = dataset.source.definition_hash
    if last is not None and not last.batch_id.endswith(f"-{present}"):
        raise ConfigError(
            f"The source's definition changed together with the name: its last batch is {last.batch_id}, and it is {present} now.",
            dataset=dataset.name,
            hint="Rename with the source as it was; change the source in a second step.",
        )


def require_nothing_open(dataset: Dataset, old: str, settled: Collection[str], lake: Lake) -> None:
    """A batch that was begun is finished under the name it was begun with: its checkpoints and seals are there.

    Raises:
        ConfigError: One is open.
    """
    begun = [batch for batch in lake.batches(old) if batch not in settled and parse(dataset, batch) is not None]
    if begun:
        raise ConfigError(
            f"{len(begun)} batches of {old} are begun and not loaded: {', '.join(begun[:5])}.",
            dataset=dataset.name,
            hint=f"Put the contract back under the name {old}, run `esteira ingest {old}`, and rename then.",
        )


def rename_everywhere(warehouse: Warehouse, lake: Lake, names: tuple[str, str], act: Act) -> DatasetState:
    """Tell the lake, then the warehouse; run again after an interruption it goes on. `names` are the old one and the new."""
    old, new = names
    lake.put_former_name(new, old)
    return rename(warehouse, old, new, act)
