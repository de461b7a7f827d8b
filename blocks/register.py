"""Blocks from settings: idempotent, by name."""

from blocks.auth import Bearer
from blocks.lake import LAKE_BLOCK, LakeBlock
from blocks.portal import PortalBlock
from blocks.warehouse import WAREHOUSE_BLOCK, WarehouseBlock
from esteira.settings import Settings

DEMO_PORTAL = "flights-portal"
LOOPBACK = ("http://127.0.0.1", "http://localhost")


def register_blocks(settings: Settings) -> list[str]:
    """Save the stage's blocks, overwriting what stands under their names; returns the names."""
    LakeBlock(bucket=settings.lake_bucket).save(LAKE_BLOCK, overwrite=True)
    warehouse = WarehouseBlock(
        host=settings.warehouse_host,
        port=settings.warehouse_port,
        database=settings.warehouse_database,
        secret_name=settings.warehouse_secret,
        copy_role_arn=settings.copy_role_arn,
        schema_name=settings.warehouse_schema,
        reader_group=settings.reader_group,
        workgroup=settings.warehouse_workgroup,
        cluster=settings.warehouse_cluster,
        lock_wait_seconds=settings.lock_wait_seconds,
        ddl_wait_seconds=settings.ddl_wait_seconds,
    )
    warehouse.save(WAREHOUSE_BLOCK, overwrite=True)
    names = [LAKE_BLOCK, WAREHOUSE_BLOCK]
    if settings.portal_url:
        portal = PortalBlock(
            base_url=settings.portal_url,
            secret_name=settings.portal_secret,
            auth=[Bearer()],
            allow_private_hosts=settings.portal_url.startswith(LOOPBACK),
        )
        portal.save(DEMO_PORTAL, overwrite=True)
        names.append(DEMO_PORTAL)
    return names
