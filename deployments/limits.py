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
from deployments.things import Facts, settle
from esteira.errors import ConfigError

_log = logging.getLogger(__name__)


def apply_limits() -> dict[str, str]:
    """Make or correct the limits of every portal block on the server.

    Returns:
        `created`, `updated` or `unchanged` for each limit's name.
    """
    PortalBlock.register_type_and_schema()  # a server that has never seen a portal would answer 404
    with get_client(sync_client=True) as client:
        return {each.name: settle(each, is_dry=False).verb for each in portal_limits(client)}


def portal_limits(client: SyncPrefectClient) -> list[SharedLimit]:
    """The limits of every portal block; none on a server that has never seen a portal."""
    return [SharedLimit(client, limit) for limit in _wanted(client)]


class SharedLimit:
    """A limit on a server."""

    kind = "limit"

    def __init__(self, client: SyncPrefectClient, limit: Limit) -> None:
        self._client, self._limit = client, limit
        self.name = limit.name

    def wanted(self) -> Facts:
        """Its slots, and how fast they become free by themselves."""
        return {"slots": self._limit.slots, "decay": self._limit.decay_per_second or 0.0}

    def found(self) -> Facts | None:
        """The same of the server's."""
        try:
            found = self._client.read_global_concurrency_limit_by_name(self.name)
        except ObjectNotFound:
            return None
        return {"slots": found.limit, "decay": found.slot_decay_per_second}

    def write(self) -> None:
        """Make or correct it."""
        slots, decay = self.wanted().values()
        if self.found() is None:
            created = GlobalConcurrencyLimitCreate(name=self.name, limit=slots, slot_decay_per_second=decay)
            self._client.create_global_concurrency_limit(created)
            return
        updated = GlobalConcurrencyLimitUpdate(limit=slots, slot_decay_per_second=decay)
        self._client.update_global_concurrency_limit(self.name, updated)


def _wanted(client: SyncPrefectClient) -> list[Limit]:
    slug = PortalBlock.get_block_type_slug()
    try:
        client.read_block_type_by_slug(slug)
    except ObjectNotFound:
        return []
    documents = client.read_block_documents_by_type(slug)
    return [limit for document in documents if document.name for limit in _limits_of(document.name)]


def _limits_of(portal: str) -> list[Limit]:
    try:
        return load_portal(portal).limits().wanted()
    except ConfigError as exc:  # one broken block keeps no other from its limits
        _log.warning("%s Its limits are left as they are.", exc)
        return []


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for name, what in apply_limits().items():
        _log.info("%s: %s", name, what)
