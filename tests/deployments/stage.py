"""A stage whose server has what `esteira deploy` applied: its command lines, its runs and its workers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
POOL = "laptop"
PREFECT = (str(Path(sys.executable).parent / "prefect"), "--no-prompt")
ESTEIRA = (sys.executable, "-c", "from cli.main import main; main()")
WORKER = (*PREFECT, "worker", "start", "--pool", POOL, "--type", "process")
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
COMMAND_SECONDS, RUN_SECONDS = 120, 150
_STATE = """
import sys, json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    run = client.read_flow_run(sys.argv[1])
    print(json.dumps({"type": run.state.type.value, "message": run.state.message}))
"""
_UNFINISHED = """
import json
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    found = [each.model_dump(mode="json") for each in client.read_flow_runs(limit=200) if not each.state.is_final()]
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Stage:
    """The environment that a laptop's user has, and a worker."""

    environment: dict[str, str]

    def esteira(self, *arguments: str) -> str:
        return self.run(ESTEIRA, *arguments)

    def prefect(self, *arguments: str) -> str:
        return self.run(PREFECT, *arguments)

    def python(self, code: str, *arguments: str) -> Any:
        """What the code prints as JSON."""
        return json.loads(self.run((sys.executable, "-c", code), *arguments))

    def run(self, command: tuple[str, ...], *arguments: str) -> str:
        done = self.tried(*command, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def tried(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def ask(self, deployment: str, **parameters: Any) -> str:
        """Ask the server for a run; its id."""
        options = [part for name, value in parameters.items() for part in ("-p", f"{name}={json.dumps(value)}")]
        created = self.prefect("deployment", "run", deployment, *options)
        return next(word for word in created.split() if word.count("-") == 4 and len(word) == 36)

    def complete(self, deployment: str, **parameters: Any) -> str:
        """Ask for a run; a worker that leaves after it must bring it to completion. What the run says at its end."""
        run = self.ask(deployment, **parameters)
        worker = self.tried(*WORKER, "--run-once")
        state = self.end_of(run)
        assert state["type"] == "COMPLETED", (state, worker.stdout[-3000:], worker.stderr[-3000:])
        return state["message"]

    def end_of(self, run: str) -> dict[str, str]:
        deadline = time.monotonic() + RUN_SECONDS
        while True:
            state: dict[str, str] = self.python(_STATE, run)
            if state["type"] in ENDED or time.monotonic() > deadline:
                return state
            time.sleep(1)

    def unfinished(self) -> list[str]:
        """What else the server has to do, for whoever wonders why a run does not begin."""
        return [f"{each['name']}: {each['state']['name']}" for each in self.python(_UNFINISHED)]

    def varied(self, **variables: str) -> Stage:
        """The same with more in its environment."""
        return Stage(self.environment | variables)

    @contextmanager
    def working(self, log: Path, *, pool: str = POOL, kind: str = "process", **variables: str) -> Iterator[None]:
        """A worker that stays, with more in its environment."""
        command = (*PREFECT, "worker", "start", "--pool", pool, "--type", kind)
        with log.open("w") as out:
            worker = subprocess.Popen(
                command, cwd=ROOT, env=self.environment | variables, stdout=out, stderr=subprocess.STDOUT
            )
            try:
                yield
            finally:
                worker.terminate()
                worker.wait(30)
