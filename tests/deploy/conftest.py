"""Files of deployments that differ from the repository's in one place, and places that are none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.place import Place

ROOT = Path(__file__).resolve().parents[2]
ECS = {
    "ESTEIRA_WORK_POOL_TYPE": "ecs",
    "ESTEIRA_ECS_CLUSTER": "esteira-dev",
    "ESTEIRA_TASK_DEFINITION_ARN": "arn:aws:ecs:sa-east-1:123456789012:task-definition/esteira-dev:7",
    "ESTEIRA_SUBNETS": "subnet-a, subnet-b",
    "ESTEIRA_SECURITY_GROUPS": "sg-1",
    "ESTEIRA_UPKEEP_ROLE_ARN": "arn:aws:iam::123456789012:role/esteira-dev-upkeep",
    "ESTEIRA_REVISION": "abc",
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ESTEIRA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ESTEIRA_REVISION", "abc")


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in ECS.items():
        monkeypatch.setenv(name, value)
    return Place()


@pytest.fixture
def altered(tmp_path: Path) -> Callable[[str, str], Path]:
    """The repository's file with one text replaced by another, in a folder of its own."""

    def write(old: str, new: str) -> Path:
        text = (ROOT / "prefect.yaml").read_text()
        assert old in text
        path = tmp_path / "prefect.yaml"
        to_flows = f"entrypoint: {os.path.relpath(ROOT, tmp_path)}/"
        path.write_text(text.replace(old, new, 1).replace("entrypoint: ", to_flows))
        return path

    return write
