"""The only importer of requests: deadlines, retries, rate budget, host allow-list. What a page means is `portal`'s business."""

from esteira.http.access import Access
from esteira.http.budget import Budget, Rate, SharedLimits
from esteira.http.client import HttpClient
from esteira.http.config import HttpConfig, HttpStats
from esteira.http.keys import Keys
from esteira.http.order import Answer, Method, Terms

__all__ = [
    "Access", "Answer", "Budget", "HttpClient", "HttpConfig", "HttpStats", "Keys", "Method", "Rate", "SharedLimits", "Terms",
]  # fmt: skip
