"""What every group shares: which tests need a worker to themselves, and which warnings of a driver are not ours.

Each folder of tests that start servers runs on one worker, one test after the other, since they share a stack; a worker that is
done with a folder takes the next one.
"""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import boto3
import pytest
from hypothesis import settings

settings.register_profile("esteira", deadline=None, derandomize=True)  # a check that stops a change can be repeated
settings.register_profile("explore", deadline=None)  # `make explore`: other examples each time
settings.load_profile("esteira")
TESTS = Path(__file__).parent
GROUPS = (
    "main_job",
    "deployments",
    "warehouse",
    "hands",
    "stack",
    "portals",
    "gateway",
    "infra",
    "delivery",
    "torture",
)
"""The longest first, so that the last one to end is short."""
NEEDS_STACK = frozenset(GROUPS) - {"gateway", "portals", "infra", "delivery"}
SECONDS = frozenset({
    "test_shift", "test_exact", "test_replay", "test_drift_found", "test_drift_patch", "test_last_answers", "test_profile_stored", "test_forgiven", "test_split",
    "test_proof", "test_profile", "test_pieces", "test_upkeep", "test_budget", "test_transport", "test_new",
})  # fmt: skip
"""Files that take seconds though none of their tests does: simulations, properties, many small batches."""
LONG = frozenset({
    "deployments/test_slot", "hands/test_drift", "hands/test_quarantine", "main_job/test_backfill", "main_job/test_cursors", "main_job/test_export",
    "main_job/test_inbox", "main_job/test_portal_block", "main_job/test_portal_files", "main_job/test_refresh", "main_job/test_report",
    "stack/test_full_disk", "stack/test_nothing_left", "warehouse/test_trailing",
})  # fmt: skip
"""Files that are stories of many runs, or starts of the stack that are ended, struck or starved: what they are about has shorter tests too."""
BOTH_ISOLATIONS = frozenset({"test_conflicts", "test_commit", "test_isolation"})
"""Where the database's isolation is what is tested; elsewhere its second kind, which new warehouses do not have, is for `make test-nightly`."""
USES_CONNECTOR = ("main_job", "deployments", "hands", "gateway", "warehouse", "stack", "torture", "browser")
CONNECTOR_WARNINGS = (
    r"ignore:ssl\.SSLContext\(\) without protocol argument is deprecated:DeprecationWarning",
    r"ignore:ssl\.PROTOCOL_TLS is deprecated:DeprecationWarning",
)
"""A defect of redshift_connector 2.2, not ours: an SSLContext without a protocol."""
CONNECTOR_SOCKETS = (
    r"ignore:unclosed <s.*proto=0:ResourceWarning",
    r"ignore:Exception ignored in. <s.*proto=0:pytest.PytestUnraisableExceptionWarning",
)
"""Another: it leaves its socket open when connecting fails, and the collector may find that in any later test of the same worker.

It asks for protocol 0; the connections of our own HTTP clients say 6 (TCP), so one of those left open still fails a test.
"""


def pytest_configure() -> None:
    """Children must hear Ctrl-C: a shell's background job ignores it, and hands that on to all its children."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_session_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 keeps the session of the first who asked, with the profile of that moment; another test has another one, or none."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder, so that no test can forget it; the longest groups start first, small tests fill the gaps."""
    for item in items:
        _mark(item)
    items.sort(key=lambda item: GROUPS.index(_folder(item)) if _folder(item) in GROUPS else len(GROUPS))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail loudly when pytest and xdist no longer agree on groups: every worker would start every stack, and only be slow."""
    grouped = [item for item in session.items if item.get_closest_marker("xdist_group")]
    is_worker = hasattr(session.config, "workerinput")
    if is_worker and session.config.getvalue("loadgroup") and any("@" not in item.nodeid for item in grouped):
        raise pytest.UsageError("pytest-xdist does not see the groups of tests: pin a pytest that it works with.")


def _mark(item: pytest.Item) -> None:
    folder = _folder(item)
    item.user_properties += [("fault", number) for mark in item.iter_markers("fault") for number in mark.args]
    if folder in GROUPS:
        if folder != "torture" or not item.get_closest_marker(
            "long"
        ):  # those are many, and a lab of their own is cheap
            item.add_marker(pytest.mark.xdist_group(folder))
        item.add_marker(pytest.mark.slow)
    _mark_length(item, is_second_turn=_is_second_turn(item, folder))
    if item.path.stem in SECONDS:
        item.add_marker(pytest.mark.slow)
    if folder in NEEDS_STACK:
        item.add_marker(pytest.mark.stack)
    for warning in (*CONNECTOR_SOCKETS, *(CONNECTOR_WARNINGS if folder in USES_CONNECTOR else ())):
        item.add_marker(pytest.mark.filterwarnings(warning))


def _mark_length(item: pytest.Item, *, is_second_turn: bool) -> None:
    """A second turn is for the night; and what is for the night is long."""
    if is_second_turn:
        item.add_marker(pytest.mark.nightly)
    if item.get_closest_marker("nightly") or f"{_folder(item)}/{item.path.stem}" in LONG:
        item.add_marker(pytest.mark.long)


def _is_second_turn(item: pytest.Item, folder: str) -> bool:
    return folder in {"warehouse", "torture"} and "serializable" in item.name and item.path.stem not in BOTH_ISOLATIONS


def _folder(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]
