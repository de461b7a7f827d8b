"""Pages of a portal's endpoint → records: the walk, the window's parameters, and two pages read ahead.

It owns what a page means. How bytes are fetched belongs to `http`, how to get to the next page to `paginate`.
"""

from esteira.portal.config import PortalConfig
from esteira.portal.pages import Portal, records_of
from esteira.portal.parents import given_to
from esteira.portal.pruning import without_records
from esteira.portal.question import Asked, Window
from esteira.portal.walk import Page, SoFar, without

__all__ = [
    "Asked",
    "Page",
    "Portal",
    "PortalConfig",
    "SoFar",
    "Window",
    "given_to",
    "records_of",
    "without",
    "without_records",
]
