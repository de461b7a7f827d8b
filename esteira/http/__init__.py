"""The only importer of requests: deadlines, retries, rate budget, host allow-list. What a page means is `portal`'s business."""

from esteira.http.client import Answer, HttpClient, Terms
from esteira.http.config import HttpConfig, HttpStats
from esteira.http.wait import Limiter

__all__ = ["Answer", "HttpClient", "HttpConfig", "HttpStats", "Limiter", "Terms"]
