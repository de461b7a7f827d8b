"""What bad input gets: one paragraph with dataset, cause and next step, an exit code, and a message in Slack."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

AS_OF = "2014-01-02T06:00Z"
WRONG_TOKEN_FIELD = "wrong0token0that0nobody0may0read"  # the middle of the wrong token: it must not appear anywhere
SLACK_SECONDS, SILENCE_SECONDS = 30.0, 6.0
WORKERS = 3  # two of these commands mostly wait between their tries
_REMOVE_AND_FAIL = """
from deployments.alerts import FAILURE
from prefect.client.orchestration import get_client
with get_client(sync_client=True) as client:
    (found,) = client.read_automations_by_name(FAILURE)
    client.delete_automation(found.id)
from cli.main import main
main()
"""
_REAPPLY_TWICE = """
import asyncio, json, os
from deployments.alerts import FAILURE
from deployments.automations import apply_here
from esteira.settings import read_settings
from prefect.client.orchestration import get_client
answers = [apply_here(read_settings().datasets)[FAILURE] for _ in range(2)]
async def names():
    async with get_client() as client:
        return [found.name for found in await client.read_automations()]
print(json.dumps({"answers": answers, "count": asyncio.run(names()).count(FAILURE)}))
"""


@dataclass(frozen=True)
class Case:
    """A way to fail: what the contract derives from, and what the paragraph must say."""

    error: str
    code: int
    says: str
    source: tuple[tuple[str, Any], ...] = ()
    base: str = "airlines"
    quality: str = "Quality()"


CASES = {
    "wrong_token": Case("AuthError", 77, "secret", (("portal", "portal-wrong-token"),)),
    "portal_down": Case("SourceUnavailable", 75, "127.0.0.1", (("portal", "portal-down"),)),
    "portal_html": Case("PayloadError", 65, "Page 1 of", (("portal", "portal-html"),)),
    "portal_unknown_path": Case("SourceRejected", 65, "404", (("path", "/flights/nothing.json"),)),
    "contract_of_another_table": Case(
        "ContractError", 65, "faa", (("path", "/flights/airlines.json"),), base="airports"
    ),
    "contract_with_wrong_records": Case("PayloadError", 65, "records", (("records", "nowhere"),)),
    "contract_with_higher_floor": Case("DataQualityError", 65, "16", quality="Quality(min_rows=17)"),
}
PARAMETERS = [
    pytest.param(
        name,
        marks=[pytest.mark.fault(number)]
        if (number := {"portal_down": 1, "portal_html": 14, "contract_with_higher_floor": 15}.get(name))
        else [],
    )
    for name in CASES
]


@pytest.fixture(scope="module")
def failures(world: Any, write_contract: Any) -> dict[str, Any]:
    def fail(name: str) -> Any:
        case = CASES[name]
        folder = write_contract(name, case.base, quality=case.quality, **dict(case.source))
        return world.esteira("ingest", name, "--as-of", AS_OF, "--datasets", str(folder), "--json")

    with ThreadPoolExecutor(WORKERS) as pool:
        return dict(zip(CASES, pool.map(fail, CASES), strict=True))


def paragraph(result: Any) -> str:
    """The one line of the error; progress lines name rows and stand before it, and a suggested patch behind it."""
    told = result.err.partition("\nSuggested patch")[0]
    lines = [line for line in told.splitlines() if line.strip() and "rows/s" not in line]
    assert len(lines) == 1, result.err
    assert "Traceback" not in result.err + result.out
    assert "Next step: " in lines[0]
    return lines[0]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_failure_is_one_paragraph_with_dataset_cause_and_next_step(failures: Any, name: Any):
    case = CASES[name]
    text = paragraph(failures[name])
    assert text.startswith(f"{case.error} [{name}")
    assert case.says in text


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_exit_code_tells_a_script_what_kind_of_failure_it_is(failures: Any, name: Any):
    assert failures[name].code == CASES[name].code


@pytest.mark.parametrize("name", CASES)
def test_a_failure_with_json_tells_a_script_the_error_and_no_batch(failures: Any, name: Any):
    told = [(each["dataset"], each["error"], each["exit_code"], each["batches"]) for each in failures[name].facts]
    assert told == [(name, CASES[name].error, CASES[name].code, [])]


@pytest.mark.parametrize("name", CASES)
def test_a_failure_loads_nothing(world: Any, failures: Any, name: Any):
    assert world.query(f"SELECT COUNT(*) FROM svv_tables WHERE table_schema = 'dw' AND table_name = '{name}'") == [(0,)]


def test_no_token_is_shown_anywhere(world: Any, failures: Any):
    shown = "".join(result.out + result.err for result in failures.values()) + "".join(world.messages())
    logs = "".join(path.read_text(errors="replace") for path in (Path(world.stack.state) / "log").glob("*.log"))
    for secret in (WRONG_TOKEN_FIELD, world.token):
        assert secret not in shown + logs


def test_a_contract_that_python_cannot_read_is_named_with_its_file(world: Any, tmp_path: Any):
    (tmp_path / "broken.py").write_text("DATASET = Dataset(\n")
    result = world.esteira("ingest", "broken", "--datasets", str(tmp_path))
    text = paragraph(result)
    assert text.startswith("ConfigError [broken]")
    assert "broken.py" in text
    assert result.code == 78


def test_an_unknown_dataset_is_answered_with_the_names_that_exist(world: Any):
    result = world.esteira("ingest", "nothing", "--as-of", AS_OF)
    text = paragraph(result)
    assert "'nothing'" in text
    assert "airlines, airports, flights, planes, weather" in text
    assert result.code == 78


def test_without_a_stack_the_next_step_is_to_start_it(without_stack: Any):
    result = without_stack("ingest", "airlines")
    text = paragraph(result)
    assert text.startswith("ConfigError")
    assert "ESTEIRA_LAKE_BUCKET" in text
    assert "esteira stack up" in text
    assert result.code == 78


def test_a_failing_run_reaches_slack_with_cause_and_next_step(world: Any, failures: Any):
    message = _wait_for_message(world, "wrong_token")
    assert message is not None
    assert "AuthError" in message
    assert "Next step" in message
    assert "bi-team" in message


def test_without_the_automation_the_same_failure_reaches_nobody_and_applying_it_twice_keeps_one(
    world: Any, write_contract: Any
):
    folder = write_contract("silenced", portal="portal-wrong-token")
    failed = world.python(_REMOVE_AND_FAIL, "ingest", "silenced", "--as-of", AS_OF, "--datasets", str(folder))
    try:
        assert failed.code == CASES["wrong_token"].code, failed.err
        time.sleep(SILENCE_SECONDS)
        assert not [message for message in world.messages() if "silenced" in message]
    finally:
        applied = world.python(_REAPPLY_TWICE)
    assert applied.code == 0, applied.err
    assert json.loads(applied.out) == {"answers": ["created", "unchanged"], "count": 1}


def _wait_for_message(world: Any, word: str) -> str | None:
    deadline = time.monotonic() + SLACK_SECONDS
    while time.monotonic() < deadline:
        if found := [message for message in world.messages() if word in message]:
            return found[0]
        time.sleep(0.3)
    return None
