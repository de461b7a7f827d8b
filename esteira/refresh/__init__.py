"""BI tools that are told to read again: the same verbs for each, when it is time, and what became of it. The rows are the warehouse's."""

from esteira.refresh.opening import open_refresher
from esteira.refresh.progress import Order, Progress, Refresher, Unsupported

__all__ = ["Order", "Progress", "Refresher", "Unsupported", "open_refresher"]
