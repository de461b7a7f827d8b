"""Starting, stopping and dying: nothing survives, nothing is lost, and messages say what to do."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from local.aws.gate import SNAPSHOT_INTERVAL_SECONDS, check_pins
from local.background import down, status, up
from local.ports import Ports
from local.stack import StackConfig, running
from local.state import StateFolder
from local.supervisor import StackError, clean_environment
from tests.stack.remains import ended_with_us

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Iterator[StackConfig]:
    with ended_with_us(tmp_path):
        yield StackConfig(tmp_path, Ports.free(), with_prefect=False, with_portal=False, with_warehouse=False)


def survivors(state: Path) -> list[str]:
    """Command lines of live processes that mention the state folder; `-ww`, else ps cuts them and finds none."""
    listing = subprocess.run(
        ["ps", "-A", "-ww", "-o", "stat=", "-o", "args="], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in listing.splitlines() if str(state) in line and not line.startswith("Z")]


def wait_for_none(state: Path, seconds: float = 15) -> list[str]:
    deadline = time.monotonic() + seconds
    while survivors(state) and time.monotonic() < deadline:
        time.sleep(0.1)
    return survivors(state)


def test_a_second_up_finds_the_live_stack_and_down_is_idempotent(config: StackConfig) -> None:
    said: list[str] = []
    first = up(config)
    assert up(config, said.append).env == first.env
    assert "already up" in said[0]
    assert {part.name for part in status(config.state) if part.is_listening} == {"aws", "slack"}
    assert down(config.state) is True
    assert down(config.state) is False
    assert wait_for_none(config.state, 2) == []
    assert status(config.state) == []


def test_sigkill_of_the_supervisor_leaves_no_process_and_keeps_users_and_secrets(config: StackConfig) -> None:
    before = up(config)
    time.sleep(SNAPSHOT_INTERVAL_SECONDS + 0.5)
    pid = StateFolder(config.state).holder()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_for_none(config.state) == []
    key_file = config.state / "secrets" / "aws-laptop.json"
    key = key_file.read_text()
    after = up(config)
    assert key_file.read_text() == key
    assert after.env["ESTEIRA_LAKE_BUCKET"] == before.env["ESTEIRA_LAKE_BUCKET"]


def test_sigkill_of_the_calling_process_leaves_no_process(config: StackConfig) -> None:
    script = (
        "import sys,time;from pathlib import Path;from local.stack import *;from local.ports import Ports\n"
        "c=StackConfig(Path(sys.argv[1]),Ports.free(),with_prefect=False,with_portal=False,with_warehouse=False)\n"
        "with running(c): print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(config.state)], stdout=subprocess.PIPE, cwd=ROOT, env=clean_environment()
    ) as caller:
        assert caller.stdout is not None
        assert caller.stdout.readline() == b"up\n"
        assert survivors(config.state)
        caller.kill()
    assert wait_for_none(config.state) == []


def test_an_interrupted_up_leaves_no_process(config: StackConfig) -> None:
    script = (
        "import sys;from pathlib import Path;from local.background import *;from local.ports import Ports\n"
        "c=StackConfig(Path(sys.argv[1]),Ports.free(),with_prefect=False,with_portal=False,with_warehouse=False)\n"
        "up(c)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(config.state)], stderr=subprocess.PIPE, cwd=ROOT, env=clean_environment()
    ) as caller:
        while StateFolder(config.state).holder() is None and caller.poll() is None:
            time.sleep(0.02)
        caller.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in caller.communicate()[1]
    assert wait_for_none(config.state) == []


def test_a_busy_port_is_named_with_its_part_and_variable(config: StackConfig) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        busy = replace(config, ports=replace(config.ports, slack=port))
        with pytest.raises(StackError, match=f"Port {port} is busy and the slack needs it.*ESTEIRA_PORT_SLACK"):
            up(busy)
    assert wait_for_none(config.state, 2) == []


def test_a_part_that_dies_is_named_with_the_end_of_its_log(config: StackConfig) -> None:
    StateFolder(config.state).prepare()
    (config.state / "aws-data").write_text("a file where a folder must be")
    with pytest.raises(StackError, match=r"The aws [\s\S]*aws\.log"), running(config):
        pass


def test_a_state_folder_of_another_version_is_refused(config: StackConfig) -> None:
    (config.state / "VERSION").write_text("999\n")
    with pytest.raises(StackError, match=r"version 999.*delete that folder"):
        up(config)


def test_one_folder_holds_one_stack(config: StackConfig) -> None:
    up(config)
    with pytest.raises(StackError, match="already running"), running(config):
        pass


def test_secrets_are_readable_by_their_owner_only(config: StackConfig) -> None:
    up(config)
    files = [*(config.state / "secrets").iterdir(), *(config.state / "aws").iterdir(), config.state / "stack.env"]
    assert {oct(file.stat().st_mode & 0o077) for file in files} == {"0o0"}


def test_the_private_names_of_ministack_that_we_use_exist() -> None:
    check_pins()
