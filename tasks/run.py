"""The flow run that does the work, as the ledger and people read it."""

from __future__ import annotations

import importlib.metadata

from prefect import runtime


def run_name() -> str:
    """The flow run's name; empty outside of one."""
    return str(runtime.flow_run.name or "")


def code_version() -> str:
    """The installed version of Esteira."""
    return importlib.metadata.version("esteira")
