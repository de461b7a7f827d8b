"""The state machines as they are written: AWS's own schema, no way into nothing, no step without retry and catch; and the archive that they are shipped in."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cfnlint import decode
from cfnlint.api import lint

from infra.package import INFRA, package

MACHINES = sorted((INFRA / "state_machines").glob("*.json"))
TEMPLATES = [INFRA / "events.yaml", INFRA / "break-glass.yaml"]


def states(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())["States"]
    return found


def targets(state: dict[str, Any]) -> Iterator[str]:
    for each in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        yield from (each[name] for name in ("Next", "Default") if name in each)


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_it_fits_awss_schema(path: Path):
    definition = json.loads(path.read_text().replace("${Partition}", "aws"))
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::000000000000:role/r", "Definition": definition},
    }
    found = lint(json.dumps({"Resources": {"Machine": machine}}), regions=["us-east-1"])
    assert [str(each) for each in found if each.rule.severity == "error"] == []


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_each_state_is_reached_and_leads_somewhere(path: Path):
    machine = json.loads(path.read_text())
    reached, todo = set(), [machine["StartAt"]]
    while todo:
        name = todo.pop()
        assert name in machine["States"], f"{name} is no state"
        if name not in reached:
            reached.add(name)
            todo += targets(machine["States"][name])
    assert reached == set(machine["States"])


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.stem)
def test_each_task_is_tried_again_and_each_failure_of_the_work_itself_is_told(path: Path):
    tasks = {name: state for name, state in states(path).items() if state["Type"] == "Task"}
    assert [name for name, state in tasks.items() if not state.get("Retry")] == []
    work = {name: state for name, state in tasks.items() if not state["Resource"].endswith(("publish", "sendMessage"))}
    assert [name for name, state in work.items() if not state.get("Catch")] == []
    ends = {name for name, state in states(path).items() if state["Type"] == "Fail"}
    told = {target for name, state in states(path).items() if name.startswith("Tell ") for target in targets(state)}
    assert ends <= told


def test_people_hear_of_every_outcome_but_that_of_a_file_that_was_loaded_and_find_it_on_the_page():
    template, _ = decode.decode(str(INFRA / "monitoring.yaml"))
    subscriptions = [
        each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::SNS::Subscription"
    ]
    notices = [each for each in subscriptions if each["TopicArn"] == {"Ref": "NoticesTopicArn"}]
    assert [each["FilterPolicy"] for each in notices] == [{"outcome": [{"anything-but": ["accepted"]}]}] * 2
    told = [state["Parameters"] for path in MACHINES for state in states(path).values() if state["Type"] == "Task"]
    attributes = [each["MessageAttributes"] for each in told if "TopicArn" in each]
    outcomes = {each["outcome"]["StringValue"] for each in attributes}
    page = (INFRA.parent / "docs/operations/events.md").read_text(encoding="utf-8")
    assert [each for each in outcomes if f"`{each}`" not in page] == []


def test_every_place_in_a_machine_is_filled_by_its_template_and_nothing_more():
    filled = {}
    for path in TEMPLATES:
        template, _ = decode.decode(str(path))
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::StepFunctions::StateMachine":
                properties = resource["Properties"]
                name = json.dumps(properties["DefinitionS3Location"]["Key"]).split("/")[-1].split(".")[0]
                filled[name] = set(properties["DefinitionSubstitutions"])
    wanted = {path.name.split(".")[0]: set(re.findall(r"\$\{(\w+)\}", path.read_text())) for path in MACHINES}
    assert filled == wanted


def test_the_archive_is_the_same_of_the_same_files_and_another_when_a_machine_changes(tmp_path: Path):
    for folder in ("handlers", "state_machines"):
        shutil.copytree(INFRA / folder, tmp_path / folder)
    os.utime(tmp_path / "handlers" / "start.py", (1, 1))
    assert package(tmp_path) == package()
    machine = tmp_path / "state_machines" / "inbox.asl.json"
    machine.write_text(machine.read_text() + "\n")
    assert package(tmp_path).key != package().key


def test_the_archive_holds_functions_and_machines_and_what_templates_name():
    code = package()
    with zipfile.ZipFile(io.BytesIO(code.objects[code.key])) as archive:
        names = set(archive.namelist())
    assert {
        "handlers/inspect.py",
        "handlers/dispatch.py",
        "handlers/start.py",
        "state_machines/inbox.asl.json",
    } <= names
    assert [name for name in names if "__pycache__" in name] == []
    beside = {key.rpartition("/")[2] for key in code.objects if not key.endswith(".zip")}
    assert beside == {path.name for path in MACHINES}
    handlers = set(re.findall(r"Handler: handlers\.(\w+)\.handler", "".join(path.read_text() for path in TEMPLATES)))
    assert handlers == {"start", "inspect", "dispatch"}


def test_the_check_of_the_day_comes_half_an_hour_behind_prefects_schedule_in_its_zone():
    deployments = yaml.safe_load((INFRA.parent / "prefect.yaml").read_text())["deployments"]
    (schedule,) = next(each["schedules"] for each in deployments if each["name"] == "daily")
    template, _ = decode.decode(str(TEMPLATES[0]))
    parameters = template["Parameters"]
    assert (schedule["cron"], parameters["DailyCheck"]["Default"]) == ("0 5 * * *", "cron(30 5 * * ? *)")
    assert parameters["DailyCheckTimezone"]["Default"] == schedule["timezone"]
