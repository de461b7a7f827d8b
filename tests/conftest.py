"""What every group shares: which tests need a worker to themselves.

Each folder of tests that start servers runs on one worker, one test after the other; the folders are dealt out so that two
workers are busy for about the same time.
"""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
WORKER = {
    "main_job": "one",
    "gateway": "two",
    "warehouse": "two",
    "torture": "one",
    "stack": "two",
    "deployments": "two",
}
NEEDS_STACK = frozenset(WORKER) - {"gateway"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder, so that no test can forget it; the longest groups start first, small tests fill the gaps."""
    for item in items:
        folder = _folder(item)
        if folder in WORKER:
            item.add_marker(pytest.mark.xdist_group(WORKER[folder]))
            item.add_marker(pytest.mark.slow)
        if folder in NEEDS_STACK:
            item.add_marker(pytest.mark.stack)
    order = list(WORKER)
    items.sort(key=lambda item: order.index(_folder(item)) if _folder(item) in WORKER else len(order))


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]
