"""Open a place by its block's name, with an error that says how to make a block that is missing."""

import time
from functools import lru_cache
from typing import TypeVar, cast

import httpx
from prefect.blocks.core import Block
from prefect.settings import PREFECT_API_URL
from pydantic import ValidationError

from blocks.lake import LAKE_BLOCK, LakeBlock
from blocks.portal import PortalBlock
from blocks.warehouse import WAREHOUSE_BLOCK, WarehouseBlock
from esteira.errors import ConfigError, LakeUnavailable
from esteira.history import lake_history
from esteira.lake import Lake
from esteira.lake.sweep import SweptLake
from esteira.portal import Portal
from esteira.warehouse import Loader, Warehouse

B = TypeVar("B", bound=Block)
REMEMBERED_SECONDS = 5
"""As long as an edited lake or warehouse may go unseen by a run under way."""


def open_lake() -> Lake:
    """The stage's lake.

    Raises:
        ConfigError: Its block is not registered.
    """
    return _remembered(LakeBlock, LAKE_BLOCK).open()


def open_swept_lake(profile: str | None) -> SweptLake:
    """The stage's lake under the role that may delete.

    Raises:
        ConfigError: Its block is not registered, or the profile does not exist.
    """
    return _remembered(LakeBlock, LAKE_BLOCK).open_swept(profile)


def open_warehouse() -> Warehouse:
    """The stage's warehouse; reads its secret now.

    Raises:
        ConfigError: Its block is not registered, or its secret is incomplete.
    """
    return _remembered(WarehouseBlock, WAREHOUSE_BLOCK).open()


def open_loader() -> Loader:
    """A loader on the stage's warehouse that finds earlier batches in the stage's lake.

    Raises:
        ConfigError: A block is not registered, or the warehouse's secret is incomplete.
    """
    lake = open_lake()
    return Loader(open_warehouse(), history=lake_history(lake), read_part=lake.read_part)


def open_portal(name: str, dataset: str | None = None) -> Portal:
    """A portal by name; reads its secrets now.

    Args:
        name: The block's.
        dataset: Whose rows are read, for the User-Agent.

    Raises:
        ConfigError: Its block is not registered.
    """
    return load_portal(name).open(dataset)


def load_portal(name: str) -> PortalBlock:
    """A portal's block by name; no secret is read.

    Raises:
        ConfigError: It is not registered, or was saved with fields that this version does not know.
    """
    return _load(PortalBlock, name)


def _remembered(kind: type[B], name: str) -> B:
    """A stage's one block of a kind: each step of a run opens it, and asking the server each time was a tenth of a small run."""
    return cast("B", _remember(kind, name, str(PREFECT_API_URL.value()), int(time.monotonic() // REMEMBERED_SECONDS)))


@lru_cache(maxsize=8)
def _remember(kind: type[Block], name: str, api: str, span: int) -> Block:  # noqa: ARG001 - the cache is asked by them
    return _load(kind, name)


def _load(kind: type[B], name: str) -> B:
    """Where a place is, from the Prefect server; while that is away the step is tried again, and a batch is not blamed for it."""
    try:
        block = kind.load(name)
    except httpx.HTTPError as exc:
        raise LakeUnavailable(
            f"The Prefect server, which knows where {kind.get_block_type_slug()}/{name} is, does not answer: {type(exc).__name__}.",
            hint="Bring the Prefect server back, or correct PREFECT_API_URL; then run the same command again.",
        ) from exc
    except RuntimeError as exc:
        if not isinstance(exc.__cause__, ValidationError):
            raise
        wrong = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.__cause__.errors())
        raise ConfigError(
            f"Block {kind.get_block_type_slug()}/{name} was saved by another version or by hand: {wrong}.",
            hint="Save it again with the fields that docs/reference/portal.md names.",
        ) from exc
    except ValueError as exc:
        hint = "Register the stage's blocks with `esteira stack up`, or create this one in the Prefect UI."
        raise ConfigError(
            f"Block {kind.get_block_type_slug()}/{name} does not exist on this Prefect server.", hint=hint
        ) from exc
    if not isinstance(block, kind):
        raise TypeError(f"{name} was loaded as {type(block).__name__}; blocks are opened from synchronous code only")
    return block
