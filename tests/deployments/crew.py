"""A worker that has imported everything and forks for each run: `python -m tests.deployments.crew POOL HANDS`. For hundreds of runs; ends when it is killed.

It asks for runs and reserves their slots as Prefect's own worker does. A process of its own for each would take most of the time to import.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any
from urllib.request import Request, urlopen
from uuid import UUID


def main() -> None:
    from cli.environment import load_environment

    load_environment()
    import flows.inbox  # noqa: F401 - all that a run imports

    pool, hands = sys.argv[1], int(sys.argv[2])
    working: set[int] = set()
    while True:
        working -= {child for child in working if os.waitpid(child, os.WNOHANG) != (0, 0)}
        if len(working) == hands or not (run := _next(pool)):
            time.sleep(0.05)
            continue
        child = os.fork()
        if not child:
            _work(run)
        working.add(child)


def _next(pool: str) -> str | None:
    """A run whose slot is ours."""
    due = {"limit": 1, "scheduled_before": datetime.now(UTC).isoformat()}  # what is planned for another day is not ours
    ready = _ask(f"/work_pools/{pool}/get_scheduled_flow_runs", due)
    if not ready:
        return None
    run = str(ready[0]["flow_run"]["id"])
    answer = _ask(f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})
    return run if answer["status"] == "ACCEPT" else None


def _work(run: str) -> None:
    from prefect.flow_engine import load_flow_run, run_flow

    from cli.foreground import watched
    from flows.inbox import inbox

    try:
        with watched():
            run_flow(inbox, flow_run=load_flow_run(UUID(run)), return_type="state")
    finally:
        sys.exit(0)


def _ask(path: str, body: dict[str, Any]) -> Any:
    address = f"{os.environ['PREFECT_API_URL']}{path}"
    with urlopen(
        Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"}), timeout=60
    ) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
