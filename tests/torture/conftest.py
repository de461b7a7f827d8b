"""Which warnings of the driver are not ours."""

from pathlib import Path

import pytest

# Defects of redshift_connector 2.2, not ours: an SSLContext without a protocol, and a socket left open when connecting fails.
CONNECTOR_WARNINGS = (
    r"ignore:ssl\.SSLContext\(\) without protocol argument is deprecated:DeprecationWarning",
    r"ignore:ssl\.PROTOCOL_TLS is deprecated:DeprecationWarning",
    r"ignore:unclosed <s:ResourceWarning",
    r"ignore:Exception ignored in. <s:pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for warning in CONNECTOR_WARNINGS:
                item.add_marker(pytest.mark.filterwarnings(warning))
