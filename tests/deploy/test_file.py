"""prefect.yaml says only what `esteira deploy`, the flows and the pools know. Prefect itself would pass over the rest without a word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import prefect
import pytest

from deployments.place import Place, git_revision, read_place
from deployments.plan import Plan, plan_stage
from deployments.written import read_file, resolve
from esteira.errors import ConfigError
from esteira.settings import TaskSize

ROOT = Path(__file__).resolve().parents[2]
WRONG = {
    "a key": ("    schedules:\n", "    shedules:\n", r"shedules: unknown key; did you mean schedules\?"),
    "a key at the top": ("pull:\n", "pul:\n", "unknown key; did you mean pull"),
    "a key of a schedule": (
        "slug: daily}",
        "slug: daily, parametrs: {}}",
        r"parametrs: unknown key; did you mean parameters\?",
    ),
    "a missing description": (
        "description: Every dataset of the daily cadence, referenced tables first.",
        'description: ""',
        "at least 1",
    ),
    "a parameter": (
        "{cadence: daily}",
        "{cadnce: daily}",
        r"cadnce that its flow does not take; did you mean cadence\?",
    ),
    "a value": ("{cadence: daily}", "{cadence: dayly}", "cadence: 'dayly' is not one of"),
    "a job variable": (
        "task_role_arn: ",
        "task_rol_arn: ",
        r"task_rol_arn that no pool knows; did you mean task_role_arn\?",
    ),
    "a cron": ('cron: "0 5 * * *"', 'cron: "0 25 * * *"', "cron"),
    "a zone": ("timezone: America/Sao_Paulo, slug: daily", "timezone: America/Sao_Paolo, slug: daily", "timezone"),
    "a strategy": ("collision_strategy: ENQUEUE", "collision_strategy: CANCEL_OLD", "'ENQUEUE' or 'CANCEL_NEW'"),
    "two of a name": ("name: undo", "name: ingest", "names must differ"),
    "a module": ("flows/undo.py:undo", "flows/undoing.py:undo", "undoing.py:undo does not import"),
    "a flow": ("flows/undo.py:undo", "flows/undo.py:undone", "does not import: .*undone"),
    "a variable": (
        'directory: "{{ $ESTEIRA_HOME }}"',
        'directory: "{{ $ESTEIRA_HOEM }}"',
        "ESTEIRA_HOEM, which is not set",
    ),
    "a template": ('"{{ $ESTEIRA_HOME }}"', '"{{ build-image.image }}"', "not of the form"),
}


def plan(path: Path, place: Place | None = None) -> Plan:
    return plan_stage(path, place or read_place(), ROOT / "datasets")


@pytest.mark.parametrize("kind", WRONG)
def test_what_the_file_gets_wrong_is_refused_by_name(kind: str, altered: Callable[[str, str], Path]) -> None:
    old, new, says = WRONG[kind]
    with pytest.raises(ConfigError, match=says) as raised:
        plan(altered(old, new))
    assert raised.value.hint


def test_every_flow_is_deployed_and_each_schedule_is_in_the_time_of_sao_paulo() -> None:
    written = read_file(ROOT / "prefect.yaml").deployments
    assert {schedule.timezone for each in written for schedule in each.schedules} == {"America/Sao_Paulo"}
    flows = {path.name for path in (ROOT / "flows").glob("*.py") if "\n@flow(" in path.read_text()}
    assert {each.entrypoint.removeprefix("flows/").split(":")[0] for each in written} == flows


def test_the_file_names_the_version_of_prefect_that_it_is_read_with() -> None:
    assert read_file(ROOT / "prefect.yaml").prefect_version == prefect.__version__


def test_a_cadence_without_a_dataset_has_no_deployment() -> None:
    found = plan(ROOT / "prefect.yaml")
    left_out = {change.name: change.details for change in found.left_out}
    assert left_out.pop("refresh/refresh") == "there is no BI asset"
    assert left_out == {f"daily/{name}": f"no dataset is {name}" for name in ("hourly", "weekly", "monthly")}
    assert "daily/daily" in {each.name for each in found.deployments}


ASSET = """
from esteira.contract import Asset, Webhook
ASSET = Asset("board", needs=("airlines",), refresher=Webhook("https://bi.example/hook", secret="esteira/{stage}/hook"))
"""


def test_where_there_is_a_bi_asset_its_sweep_is_deployed_and_its_form_offers_it(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "board.py").write_text(ASSET)
    (tmp_path / "airlines.py").write_text((ROOT / "datasets/airlines.py").read_text())
    (found,) = [
        each
        for each in plan_stage(ROOT / "prefect.yaml", read_place(), tmp_path).deployments
        if each.name == "refresh/refresh"
    ]
    assert [schedule.cron for schedule in found.written.schedules] == ["5,35 * * * *"]
    assert found.form["properties"]["asset"]["anyOf"][0]["enum"] == ["board"]


def test_a_parameter_that_means_datasets_offers_them_and_says_what_it_is() -> None:
    forms = {each.name: each.form["properties"] for each in plan(ROOT / "prefect.yaml").deployments}
    names = ["airlines", "airports", "flights", "planes", "weather"]
    assert forms["ingest/ingest"]["dataset"]["enum"] == names
    assert forms["maintenance/maintenance"]["datasets"]["anyOf"][0]["items"]["enum"] == names
    assert all(field["description"] for form in forms.values() for field in form.values())


def test_a_job_variable_of_another_kind_of_pool_is_left_out(ecs: Place) -> None:
    on_ecs = {each.name: each.written.work_pool.job_variables for each in plan(ROOT / "prefect.yaml", ecs).deployments}
    assert on_ecs["maintenance/maintenance"] == {"task_role_arn": "arn:aws:iam::123456789012:role/esteira-dev-upkeep"}
    process = ecs.model_copy(update={"work_pool_type": "process"})
    on_laptop = plan(ROOT / "prefect.yaml", process).deployments
    assert not any(each.written.work_pool.job_variables for each in on_laptop)


def test_a_pool_in_which_waiting_runs_would_take_every_place_is_refused(ecs: Place) -> None:
    with pytest.raises(ConfigError, match="2 runs at once, and 2 of them may be waiting") as raised:
        plan(ROOT / "prefect.yaml", ecs.model_copy(update={"work_pool_limit": 2}))
    assert "ESTEIRA_WORK_POOL_LIMIT to 6" in raised.value.hint


def test_a_size_for_a_dataset_that_is_none_is_refused(ecs: Place) -> None:
    with pytest.raises(ConfigError, match="no dataset 'flihgts'"):
        plan(ROOT / "prefect.yaml", ecs.model_copy(update={"task_sizes": {"flihgts": TaskSize(memory=8192)}}))


@pytest.mark.parametrize("sizes", ["flights=1", '{"flights": {"ram": 1}}', '{"flights": {"cpu": 1}}'])
def test_sizes_that_are_none_are_refused(sizes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTEIRA_TASK_SIZES", sizes)
    with pytest.raises(ConfigError, match=r"(?i)task_sizes"):
        read_place()


def test_a_missing_variable_is_named_with_the_next_step() -> None:
    with pytest.raises(ConfigError, match="names A, B, which are not set") as raised:
        resolve({"x": ["{{ $B }}", {"y": "{{ $A }}-{{ $C }}"}]}, {"C": "c", "A": ""})
    assert "Set the variable" in raised.value.hint


def test_an_ecs_pool_without_its_places_names_all_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTEIRA_WORK_POOL_TYPE", "ecs:push")
    with pytest.raises(
        ConfigError,
        match="ESTEIRA_ECS_CLUSTER, ESTEIRA_TASK_DEFINITION_ARN, ESTEIRA_SUBNETS, ESTEIRA_AWS_CREDENTIALS_BLOCK",
    ):
        read_place()


def test_a_kind_of_pool_that_is_none_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTEIRA_WORK_POOL_TYPE", "kubernetes")
    with pytest.raises(ConfigError, match="ESTEIRA_WORK_POOL_TYPE") as raised:
        read_place()
    assert "process, ecs, ecs:push" in raised.value.hint


def test_the_version_is_the_revision_else_the_images_digest_else_the_checkouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTEIRA_IMAGE", "registry/esteira@sha256:0123")
    assert Place().variables({})["ESTEIRA_REVISION"] == "abc"
    monkeypatch.delenv("ESTEIRA_REVISION")
    assert Place().variables({})["ESTEIRA_REVISION"] == "sha256:0123"
    monkeypatch.delenv("ESTEIRA_IMAGE")
    assert Place().variables({})["ESTEIRA_REVISION"] == git_revision(ROOT)


def test_a_folder_that_is_no_checkout_asks_for_the_revision(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no git checkout") as raised:
        git_revision(tmp_path)
    assert "ESTEIRA_REVISION" in raised.value.hint
