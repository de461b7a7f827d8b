"""The Prefect limits that portals' blocks name, made from the blocks: `python -m deployments.limits`; idempotent.

A limit that no block names any longer is left alone: somebody else may use it.
"""

from __future__ import annotations

import logging

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.exceptions import ObjectNotFound

from blocks import PortalBlock, load_portal
from blocks.limits import Limit
from esteira.errors import ConfigError

_log = logging.getLogger(__name__)


def apply_limits() -> dict[str, str]:
    """Make or correct the limits of every portal block on the server.

    Returns:
        `created`, `updated` or `unchanged` for each limit's name.
    """
    with get_client(sync_client=True) as client:
        return {limit.name: _apply(client, limit) for limit in _wanted(client)}


def _wanted(client: SyncPrefectClient) -> list[Limit]:
    PortalBlock.register_type_and_schema()  # a server that has never seen a portal would answer 404
    documents = client.read_block_documents_by_type(PortalBlock.get_block_type_slug())
    return [limit for document in documents if document.name for limit in _limits_of(document.name)]


def _limits_of(portal: str) -> list[Limit]:
    try:
        return load_portal(portal).limits().wanted()
    except ConfigError as exc:  # one broken block keeps no other from its limits
        _log.warning("%s Its limits are left as they are.", exc)
        return []


def _apply(client: SyncPrefectClient, limit: Limit) -> str:
    decay = limit.decay_per_second or 0.0
    try:
        found = client.read_global_concurrency_limit_by_name(limit.name)
    except ObjectNotFound:
        wanted = GlobalConcurrencyLimitCreate(name=limit.name, limit=limit.slots, slot_decay_per_second=decay)
        client.create_global_concurrency_limit(wanted)
        return "created"
    if (found.limit, found.slot_decay_per_second) == (limit.slots, decay):
        return "unchanged"
    client.update_global_concurrency_limit(
        limit.name, GlobalConcurrencyLimitUpdate(limit=limit.slots, slot_decay_per_second=decay)
    )
    return "updated"


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name, what in apply_limits().items():
        _log.info("%s: %s", name, what)
