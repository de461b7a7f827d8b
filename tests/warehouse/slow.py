"""A COPY that takes as long as a test needs, and what the warehouse is doing meanwhile: by PostgreSQL's own administrator, behind the gateway."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from local.postgres import SUPERUSER, Postgres
from local.redshift.backend import Backend
from local.stack import Stack

START_SECONDS = 60.0
_SLOW = """
CREATE FUNCTION public.slow_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
CREATE FUNCTION public.slow_staging() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE made record;
BEGIN
  FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%esteira_staging' LOOP
    EXECUTE format('CREATE TRIGGER slow BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.slow_row()', made.object_identity);
  END LOOP;
END $$;
CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.slow_staging();
"""
_FAST = "DROP EVENT TRIGGER slow; DROP FUNCTION public.slow_staging(); DROP FUNCTION public.slow_row() CASCADE"
_AT_WORK = """
SELECT query FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = current_database()
AND pid <> pg_backend_pid() AND (state = 'active' OR state LIKE 'idle in transaction%')
"""


@contextmanager
def slow_copy(stack: Stack, seconds_per_row: float) -> Iterator[None]:
    """COPY into staging tables takes so long for each row while inside."""
    _run(stack, _SLOW.format(seconds=seconds_per_row))
    try:
        yield
    finally:
        _run(stack, _FAST)


def at_work(stack: Stack) -> list[str]:
    """The statements that run now, and the last ones of open transactions."""
    return [str(row[0]) for row in _run(stack, _AT_WORK)]


def await_copy(stack: Stack) -> None:
    """Until a COPY runs."""
    deadline = time.monotonic() + START_SECONDS
    while not any(text.startswith("COPY") for text in at_work(stack)):
        assert time.monotonic() < deadline, "No COPY has begun."
        time.sleep(0.05)


def _run(stack: Stack, sql: str) -> list[list[str | None]]:
    postgres = Postgres(Path(stack.state) / "warehouse")
    parameters = {"user": SUPERUSER, "database": stack.env["ESTEIRA_WAREHOUSE_DATABASE"]}
    try:
        with closing(Backend(postgres.socket_path, parameters)) as backend:
            return backend.run(sql).rows
    finally:
        postgres.stop()  # it was never started here: its short path goes
