"""Prefect blocks: where the portal, the lake and the warehouse are. They name secrets and do not hold them."""

from blocks.lake import LakeBlock
from blocks.places import open_lake, open_loader, open_portal, open_swept_lake, open_warehouse
from blocks.portal import PortalBlock
from blocks.warehouse import WarehouseBlock

__all__ = [
    "LakeBlock",
    "PortalBlock",
    "WarehouseBlock",
    "open_lake",
    "open_loader",
    "open_portal",
    "open_swept_lake",
    "open_warehouse",
]
