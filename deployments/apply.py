"""Everything of a stage on its Prefect server, in an order in which each thing finds what it names."""

from __future__ import annotations

from collections.abc import Iterator

from prefect.client.orchestration import SyncPrefectClient

from blocks.register import stage_blocks
from deployments.alerting import read_alerting
from deployments.automations import apply_automations
from deployments.deployed import Deployed, prune
from deployments.limits import portal_limits
from deployments.place import Place
from deployments.plan import Plan
from deployments.pool import Pool
from deployments.registered import BLOCK_TYPES, BlockType, SavedBlock
from deployments.things import Change, settle
from esteira.settings import Settings


def apply_stage(
    client: SyncPrefectClient, plan: Plan, place: Place, settings: Settings, *, is_dry: bool
) -> Iterator[Change]:
    """Settle one thing after the other; each is told as soon as it is done.

    Args:
        client: Of the server.
        plan: What is wanted of deployments.
        place: Where runs happen.
        settings: Of the stage, for its blocks.
        is_dry: Only compare.
    """
    for kind in BLOCK_TYPES:
        yield settle(BlockType(client, kind), is_dry=is_dry)
    for name, block in stage_blocks(settings).items():
        yield settle(SavedBlock(name, block), is_dry=is_dry)
    yield settle(Pool(client, place), is_dry=is_dry)
    for wanted in plan.deployments:
        deployed = Deployed(client, wanted)
        yield settle(deployed, is_dry=is_dry).noting(deployed.paused())
    yield from plan.left_out
    yield from prune(client, plan.project, {wanted.name for wanted in plan.deployments}, is_dry=is_dry)
    for limit in portal_limits(client):
        yield settle(limit, is_dry=is_dry)
    yield from apply_automations(client, read_alerting(), settings.datasets, is_dry=is_dry)
