"""The stage's blocks, made from its settings and saved by name; idempotent."""

from prefect.blocks.core import Block

from blocks.auth import Bearer
from blocks.lake import LAKE_BLOCK, LakeBlock
from blocks.portal import PortalBlock
from blocks.warehouse import WAREHOUSE_BLOCK, WarehouseBlock
from esteira.settings import Settings

DEMO_PORTAL = "flights-portal"
LOOPBACK = ("http://127.0.0.1", "http://localhost")


def register_blocks(settings: Settings) -> list[str]:
    """Save the stage's blocks, overwriting what stands under their names; returns the names."""
    blocks = stage_blocks(settings)
    for name, block in blocks.items():
        block.save(name, overwrite=True)
    return list(blocks)


def stage_blocks(settings: Settings) -> dict[str, Block]:
    """The stage's blocks by name."""
    warehouse = WarehouseBlock(
        host=settings.warehouse_host,
        port=settings.warehouse_port,
        database=settings.warehouse_database,
        secret_name=settings.warehouse_secret,
        copy_role_arn=settings.copy_role_arn,
        schema_name=settings.warehouse_schema,
        reader_group=settings.reader_group,
        bi_group=settings.bi_group,
        workgroup=settings.warehouse_workgroup,
        cluster=settings.warehouse_cluster,
        lock_wait_seconds=settings.lock_wait_seconds,
        ddl_wait_seconds=settings.ddl_wait_seconds,
    )
    blocks: dict[str, Block] = {LAKE_BLOCK: LakeBlock(bucket=settings.lake_bucket), WAREHOUSE_BLOCK: warehouse}
    if settings.portal_url:
        blocks[DEMO_PORTAL] = PortalBlock(
            base_url=settings.portal_url,
            secret_name=settings.portal_secret,
            auth=[Bearer()],
            allow_private_hosts=settings.portal_url.startswith(LOOPBACK),
        )
    return blocks
