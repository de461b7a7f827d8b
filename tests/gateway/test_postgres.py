"""The cluster and its process: kept data, killed predecessors, long paths, one owner."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local.postgres import Postgres, PostgresError
from local.redshift import Gateway
from local.redshift.backend import Backend

SUPERUSER = {"user": "rdsdb", "database": "postgres"}
WAIT_SECONDS = 15.0


def query(postgres: Postgres, sql: str) -> list[list[str | None]]:
    with contextlib.closing(Backend(postgres.socket_path, SUPERUSER)) as backend:
        return backend.run(sql).rows


def test_rows_survive_a_restart_below_a_private_long_path_and_only_one_may_own_them(tmp_path: Path) -> None:
    home = tmp_path / "private"
    home.mkdir(mode=0o700)
    folder = home / ("long-" * 20)
    first = Postgres(folder, ephemeral=True)
    first.start()
    try:
        query(first, "CREATE TABLE t AS SELECT 1 AS a")
        assert query(first, "SHOW default_transaction_isolation") == [["repeatable read"]]
        with pytest.raises(PostgresError, match="another gateway is using"):
            Postgres(folder).start()
    finally:
        first.stop()
    second = Postgres(folder, ephemeral=True)
    second.start()
    try:
        assert query(second, "SELECT a FROM t") == [["1"]]
    finally:
        second.stop()


def test_a_data_folder_with_the_views_of_an_older_gateway_is_brought_up_to_date(
    tmp_path: Path, certificates: Any
) -> None:
    pem = certificates.server
    for _ in range(2):
        gateway = Gateway(tmp_path, certificate=pem, key=pem, users={"u": "p"}, ephemeral=True)
        gateway.start()
        try:
            with contextlib.closing(Backend(gateway.postgres.socket_path, SUPERUSER | {"database": "dev"})) as backend:
                assert backend.run("SELECT remarks FROM svv_tables LIMIT 1").rows == [[None]]
                backend.run(
                    "SET allow_system_table_mods = on; DROP VIEW pg_catalog.svv_tables; CREATE VIEW pg_catalog.svv_tables AS SELECT 1 AS old"
                )
                backend.run("CREATE OR REPLACE VIEW public.mine AS SELECT * FROM svv_tables")
        finally:
            gateway.stop()


def run_gateway(folder: Path, certificates: Any, *options: str) -> subprocess.Popen[str]:
    (folder / "password").write_text("pw\n")
    (folder / "ready").unlink(missing_ok=True)
    pem = str(certificates.server)
    arguments = [
        "--data",
        str(folder / "data"),
        "--cert",
        pem,
        "--key",
        pem,
        "--user",
        "u",
        "--password-file",
        str(folder / "password"),
    ]
    command = [sys.executable, "-m", "local.redshift", *arguments, "--ready-file", str(folder / "ready"), *options]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def await_gone(pid: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while Path(f"/proc/{pid}/cwd").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}/cwd").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends an orphan on Linux only")
def test_the_program_announces_itself_dies_with_its_server_and_starts_again_after_a_kill(
    tmp_path: Path, certificates: Any
) -> None:
    for number in (signal.SIGKILL, signal.SIGTERM):
        with run_gateway(tmp_path, certificates, "--port", "0") as process:
            assert process.stdout is not None
            assert "local Redshift ready on 127.0.0.1:" in process.stdout.readline()
            assert int((tmp_path / "ready").read_text()) > 0
            server = int((tmp_path / "data" / "cluster" / "postmaster.pid").read_text().split()[0])
            process.send_signal(number)
            process.communicate(timeout=WAIT_SECONDS)
        if number == signal.SIGTERM:
            assert process.returncode == 0
            await_gone(server)


def test_a_stale_pid_file_that_names_a_stranger_does_not_stop_the_start(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path / "data", ephemeral=True)
    postgres.start()
    postgres.stop()
    (postgres.cluster / "postmaster.pid").write_text(f"{os.getppid()}\n{postgres.cluster}\n")
    postgres.start()
    postgres.stop()


def test_the_program_names_a_busy_port_in_one_line(tmp_path: Path, certificates: Any) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        with run_gateway(tmp_path, certificates, "--port", str(holder.getsockname()[1])) as process:
            _, errors = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert "is taken" in errors
