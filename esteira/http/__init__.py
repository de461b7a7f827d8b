"""The only importer of requests: deadlines, retries, rate budget, host allow-list. What a page means is `portal`'s business."""

from esteira.http.access import Access
from esteira.http.client import HttpClient
from esteira.http.config import HttpConfig, HttpStats
from esteira.http.order import Answer, Method, Terms
from esteira.http.wait import Limiter

__all__ = ["Access", "Answer", "HttpClient", "HttpConfig", "HttpStats", "Limiter", "Method", "Terms"]
