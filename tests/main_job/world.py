"""The command line as a user of the running stack has it, in processes of its own, and a look at what it left."""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from esteira.contract import Dataset
from esteira.errors import EsteiraError
from esteira.warehouse import Credentials, Warehouse, WarehouseConfig
from esteira.warehouse.connection import Session
from local.aws.bootstrap import REGION
from local.stack import Stack
from local.state import StateFolder

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 100
_ENVIRONMENT = threading.Lock()
"""Stories run in threads, and the environment is the process's."""
_MARK = "\x1e"
_EACH = """
import contextlib, io, json, sys
from cli.main import esteira
results = []
for command in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = esteira.main(command, standalone_mode=True)
        except SystemExit as exc:
            code = exc.code
    results.append((code or 0, out.getvalue(), err.getvalue()))
print("\x1e" + json.dumps(results))
"""
_WARM = """
import json, os, sys
from cli.environment import load_environment
load_environment()
import cli.ingest
from cli.main import main
for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if not child:
        for number in (1, 2):
            os.dup2(os.open(order["files"][number - 1], os.O_WRONLY | os.O_CREAT), number)
        os.environ.update(order["env"])
        sys.argv[1:] = order["command"]
        main()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> Any:
        return json.loads(self.out)


class Warm:
    """A command line that has imported everything and forks for each command, so that a kill is real and a start costs nothing."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder, self._numbers = process, folder, itertools.count(1)

    def esteira(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Run one command; the next waits for it."""
        number = next(self._numbers)
        out, err = (self._folder / f"{number}.{name}" for name in ("out", "err"))
        order = {"command": arguments, "env": dict(env or {}), "files": [str(out), str(err)]}
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return Result(int(self._process.stdout.readline()), out.read_text(), err.read_text())


@dataclass(frozen=True)
class World:
    """The running stack, from a user's side."""

    stack: Stack

    @property
    def portal_database(self) -> Path:
        return Path(self.stack.state) / "portal" / "flights.db"

    @property
    def token(self) -> str:
        return StateFolder(Path(self.stack.state)).secret("portal-token").read_text()

    def esteira(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Run the command line in a process of its own."""
        return self.python("from cli.main import main; main()", *arguments, env=env)

    def esteira_each(self, *commands: Sequence[str], env: Mapping[str, str] | None = None) -> list[Result]:
        """Run several commands one after the other in one process: starting one costs more than most commands do."""
        done = self.python(_EACH, json.dumps(commands), env=env)
        assert done.code == 0, done.err
        return [Result(*each) for each in json.loads(done.out.rsplit(_MARK, 1)[1])]

    @contextmanager
    def warm(self, folder: Path, *, cwd: Path = CHECKOUT, env: Mapping[str, str] | None = None) -> Iterator[Warm]:
        """A process that runs one command after the other, each in a child of its own; their outputs go to `folder`."""
        environment = self.stack.client_environment() | {"ESTEIRA_STEP_RETRIES": "0"} | dict(env or {})
        process = subprocess.Popen(
            [sys.executable, "-c", _WARM],
            env=environment,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield Warm(process, folder)
            finally:
                process.kill()

    def python(self, code: str, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Run a script in a process that has the client's environment; -9 is the code of a SIGKILL."""
        environment = self.stack.client_environment() | {"ESTEIRA_STEP_RETRIES": "0"} | dict(env or {})
        return run_python(code, *arguments, env=environment)

    def portal_requests(self, tag: str) -> list[str]:
        """The request lines of the portal's log that carry a scenario's tag."""
        log = (Path(self.stack.state) / "log" / "portal.log").read_text()
        return [line.split('"')[1] for line in log.splitlines() if f"_tag={tag}" in line and '"' in line]

    def messages(self) -> list[str]:
        """What the Slack catcher received, newest first."""
        address = self.stack.env["ESTEIRA_SLACK_URL"].removesuffix("/slack") + "/messages"
        with closing(urllib.request.urlopen(address, timeout=10)) as answer:
            return [json.dumps(message["body"]) for message in json.load(answer)]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the warehouse."""
        with self._warehouse_session() as session:
            return session.rows(sql)

    def run(self, sql: str) -> None:
        """What somebody does to the warehouse by hand."""
        with self._warehouse_session() as session:
            session.run(sql)

    def state_of(self, dataset: str) -> dict[str, Any]:
        """Where a dataset stands and who is at work, for the message of a test that fails."""
        asked = {
            "ledger": f"SELECT batch_id, generation, state, curated, run FROM esteira_ledger.{dataset}",
            "rows": f"SELECT COUNT(*) FROM dw.{dataset}",
            "noted": f"SELECT batch_id, pid, recorded_at FROM esteira.attempt WHERE dataset = '{dataset}'",
            "sessions": "SELECT process, user_name, starttime FROM stv_sessions",
        }
        with self._warehouse_session() as session:
            found = {what: _answer(session, query) for what, query in asked.items()}
        with closing(as_root(self.stack, "s3")) as s3:
            found["lake"] = [
                key for zone in ("raw", "curated", "quarantine") for key in _keys(s3, self.stack, f"{zone}/{dataset}/")
            ]
        return found

    def wait_for_lock(self, dataset: str) -> None:
        """Until no transaction holds a dataset's lock, one of a dead client included."""
        with self._warehouse_session() as session, session.transaction():
            session.run(f"LOCK esteira_lock.{dataset}")

    @contextmanager
    def locked(self, dataset: str) -> Iterator[None]:
        """Somebody keeps a dataset's lock, so that no load of it goes on."""
        with self._warehouse_session() as session, session.transaction():
            session.run(f"LOCK esteira_lock.{dataset}")
            yield

    @contextmanager
    def _warehouse_session(self) -> Iterator[Session]:
        env = self.stack.env
        config = WarehouseConfig(
            "localhost", int(env["ESTEIRA_WAREHOUSE_PORT"]), env["ESTEIRA_WAREHOUSE_DATABASE"],
            env["ESTEIRA_WAREHOUSE_SECRET"], env["ESTEIRA_COPY_ROLE_ARN"],
        )  # fmt: skip
        password = StateFolder(Path(self.stack.state)).secret("warehouse-password").read_text()
        with _ENVIRONMENT, pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", env["SSL_CERT_FILE"])
            with Warehouse(config, Credentials("esteira", password)).session() as session:
                yield session

    def loaded_rows(self, dataset: Dataset, table: str | None = None) -> list[tuple[Any, ...]]:
        """The contract's columns of its table, in one form, sorted."""
        names = ", ".join(f'"{name}"' for name in dataset.column_names)
        return _sorted(self.query(f"SELECT {names} FROM dw.{table or dataset.name}"))

    def portal_rows(self, dataset: Dataset, where: str = "1 = 1") -> list[tuple[Any, ...]]:
        """The same columns by plain SQL on the portal's own file, in the same form."""
        names = ", ".join(f'"{name}"' for name in dataset.column_names)
        table = dataset.source.path.rsplit("/", 1)[1].removesuffix(".json")
        with closing(sqlite3.connect(self.portal_database)) as connection:
            return _sorted(connection.execute(f"SELECT {names} FROM {table} WHERE {where}").fetchall())


def run_python(code: str, *arguments: str, env: Mapping[str, str]) -> Result:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=dict(env), cwd=CHECKOUT, capture_output=True, text=True,
        timeout=COMMAND_SECONDS, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def as_root(stack: Stack, service: str) -> Any:
    _, key = StateFolder(Path(stack.state)).root_key()
    session = boto3.Session(key.access_key_id, key.secret_access_key, region_name=REGION)
    return session.client(service, endpoint_url=stack.env["AWS_ENDPOINT_URL"])


def _keys(s3: Any, stack: Stack, prefix: str) -> list[str]:
    listed = s3.list_objects_v2(Bucket=stack.env["ESTEIRA_LAKE_BUCKET"], Prefix=prefix)
    return [entry["Key"] for entry in listed.get("Contents", ())]


def _answer(session: Session, query: str) -> Any:
    try:
        return session.rows(query)
    except EsteiraError as exc:
        return exc.message


def _sorted(rows: list[Any]) -> list[tuple[Any, ...]]:
    return sorted((tuple(_plain(value) for value in row) for row in rows), key=repr)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return float(value) if isinstance(value, int | float) else value
