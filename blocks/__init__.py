"""Prefect blocks: where the portal, the lake and the warehouse are. They name secrets and do not hold them."""

from blocks.auth import ApiKey, Bearer, FixedHeaders, HttpBasic, Login, OAuth2ClientCredentials
from blocks.lake import LakeBlock
from blocks.places import load_portal, open_lake, open_loader, open_portal, open_swept_lake, open_warehouse
from blocks.portal import PortalBlock, Rate
from blocks.warehouse import WarehouseBlock

__all__ = [
    "ApiKey",
    "Bearer",
    "FixedHeaders",
    "HttpBasic",
    "LakeBlock",
    "Login",
    "OAuth2ClientCredentials",
    "PortalBlock",
    "Rate",
    "WarehouseBlock",
    "load_portal",
    "open_lake",
    "open_loader",
    "open_portal",
    "open_swept_lake",
    "open_warehouse",
]
