"""Whatever a reader can meet is in the reference, which is made from the code: its words are missing where the code has none."""

from __future__ import annotations

import importlib
import re
from typing import get_args

import click
import pytest

from docs.hooks import commands, events, figures, pages, storage, tables, text, variables
from docs.hooks.text import attributes
from esteira.warehouse.own_table import OwnColumn
from infra.deploy import statements
from tests.conventions.sources import ROOT, modules, report

PREFIXES = {"ESTEIRA_ALERT_", "ESTEIRA_PORT_", "ESTEIRA_WAREHOUSE_"}
"""Begins of names, as messages and code have them."""
MIN_LETTERS = 8


def says_nothing(words: str | None) -> bool:
    return len((words or "").strip()) < MIN_LETTERS


def test_every_command_and_option_says_what_it_does() -> None:
    found = list(commands.commands())
    assert len(found) > 20, "Hardly any command was found: this rule looks at nothing."
    broken = [f"{' '.join(path)} has no help" for path, each in found if says_nothing(each.help)]
    options = [(path, option) for path, each in found for option in each.params if isinstance(option, click.Option)]
    broken += [
        f"{' '.join(path)} {option.opts[0]} has no help" for path, option in options if says_nothing(option.help)
    ]
    report(broken, "write the docstring of the command's function in cli/, or help= of its option.")


def test_every_command_and_option_is_on_its_page() -> None:
    page = pages.made("reference/cli.md")
    broken = [" ".join(path) for path, _ in commands.commands() if f"# {' '.join(path)}\n" not in page]
    report(broken, "docs/hooks/commands.py must print every command.")


def test_every_exit_code_of_the_command_line_is_explained() -> None:
    page = pages.made("reference/cli.md")
    broken = [
        f"exit code {each.exit_code} of {each.__name__}"
        for each in commands.tree()
        if f"| `{each.exit_code}` |" not in page
    ]
    report(broken, "add it to CODES in docs/hooks/commands.py.")


def test_every_setting_says_what_it_is_for() -> None:
    found = [(kind, each) for kind in variables.settings_classes() for each in variables.fields(kind)]
    assert {kind.__name__ for kind, _ in found} >= {"Settings", "Alerting", "Place"}
    broken = [f"{kind.__name__}: {each.name}" for kind, each in found if says_nothing(each.says)]
    report(broken, "describe it below `Attributes:` in the docstring of its class.")
    report(
        [each.name for _, each in found if "typing." in each.takes or "<" in each.takes],
        "give its type words in docs/hooks/variables.py.",
    )


def test_every_variable_that_the_code_names_is_in_the_reference() -> None:
    page = pages.made("reference/settings.md")
    named = dict(text.mentions(variables.NAME))
    assert {"ESTEIRA_STATE", "ESTEIRA_LOCK", "ESTEIRA_LOG_FORMAT"} <= named.keys()
    broken = [
        f"{name} in {module}" for name, module in named.items() if f"`{name}`" not in page and name not in PREFIXES
    ]
    report(broken, "make it a field of Settings, or a constant with a string below it that says what it is for.")
    report(
        [f"{each.name} in {each.module}" for each in variables.lone() if says_nothing(each.says)],
        "write a string below the constant.",
    )


@pytest.mark.parametrize("name", ["Dockerfile", "Makefile", "prefect.yaml", "infra/runtime.yaml"])
def test_every_variable_of_a_file_beside_the_code_is_in_the_reference(name: str) -> None:
    page = pages.made("reference/settings.md")
    found = set(re.findall(variables.NAME, (ROOT / name).read_text(encoding="utf-8"))) - PREFIXES
    report(
        [f"{each} in {name}" for each in found if f"`{each}`" not in page],
        "it is read by nothing, or docs/hooks/variables.py does not find it.",
    )


def test_every_error_says_what_it_is_and_what_to_do_next() -> None:
    kinds = [each for each in commands.tree() if not each.__subclasses__()]
    page = pages.made("reference/errors.md")
    broken = [each.__name__ for each in kinds if says_nothing(text.summary(each)) or "default_hint" not in vars(each)]
    report(broken, "give the class in esteira/errors.py a docstring and a default_hint of its own.")
    report(
        [each.__name__ for each in kinds if f"[`{each.__name__}`](../operations/runbook.md#" not in page],
        "docs/hooks/failures.py must print it.",
    )


def test_every_event_is_a_constant_that_says_when_it_comes_and_with_what() -> None:
    found = {each.value: each for each in events.emitted()}
    assert len(found) >= 7, "Events are gone: a dead alert listens to each."
    named = {
        name
        for name, module in text.mentions(events.NAME).items()
        if module.startswith(("tasks/", "flows/", "blocks/"))
    }
    report(list(named - found.keys()), "make it a constant of the module that emits it.")
    broken = [
        f"{each.value} in {each.module}"
        for each in found.values()
        if says_nothing(each.says) or not events.payload(each)
    ]
    report(broken, "write a string below the constant: when it comes, then `Payload:` with the names.")


def test_every_alert_is_described_and_listens_to_an_event_that_is_emitted() -> None:
    emitted = {each.value for each in events.emitted()}
    alerts = events.everything()
    assert len(alerts) >= 13, "Alerts are gone."
    broken = [each.name for each in alerts if says_nothing(each.description)]
    report(broken, "give it a description in deployments/alerts.py.")
    expected = {(each.name, event) for each in alerts for event in each.trigger.expect if event.startswith("esteira.")}
    report(
        [f"{name}: {event}" for name, event in expected if event not in emitted],
        "nothing emits this event: mend its name in deployments/alerts.py.",
    )
    page = pages.made("reference/events.md")
    report([each.name for each in alerts if f"`{each.name}`" not in page], "docs/hooks/events.py must print it.")


def test_every_alert_of_the_page_for_people_is_there_and_named_alike() -> None:
    page = (ROOT / "docs/operations/alerts.md").read_text(encoding="utf-8")
    names = [each.name.removeprefix("esteira: ") for each in events.everything()]
    report(
        [name for name in names if f"`{name}`" not in page],
        "add a row to the table of docs/operations/alerts.md: when it comes, and what to do.",
    )


def test_every_alarm_says_what_to_do() -> None:
    rows = list(events.alarm_rows())
    assert len(rows) > 10
    anchors = {
        re.sub(r"\W+", "-", each.lower()).strip("-")
        for each in re.findall(
            r"^#+ (.+)$", (ROOT / "docs/operations/monitoring.md").read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    broken = [
        name for name, says, link in rows if says_nothing(says) or link.rpartition("#")[2].rstrip(")") not in anchors
    ]
    report(broken, "write AlarmDescription as `what happened. What to do: …#section of docs/operations/monitoring.md`.")


def test_every_metric_says_what_it_is() -> None:
    from esteira.observe.metrics import MEANINGS, Unit

    broken = [name for name, each in MEANINGS.items() if says_nothing(each.says) or each.unit not in get_args(Unit)]
    report(broken, "describe it in MEANINGS of esteira/observe/metrics.py.")
    assert {each.value for each in figures.ages()} == {"AgeHours", "AgeShare"}
    names = re.findall(r'"MetricName": (\S+?),', (ROOT / "infra/handlers/age.py").read_text(encoding="utf-8"))
    report(
        [each for each in names if each not in {"AGE_HOURS", "AGE_SHARE"}], "make it a constant with a string below it."
    )


def test_every_metric_of_the_page_for_people_is_sent() -> None:
    page = (
        (ROOT / "docs/operations/monitoring.md")
        .read_text(encoding="utf-8")
        .partition("## Metrics\n")[2]
        .partition("\n## ")[0]
    )
    told = {
        name
        for row in page.splitlines()
        if row.startswith("| `")
        for name in re.findall(r"`([A-Z]\w+)`", row.split("|")[1])
    }
    sent = set(re.findall(r"^\| `(\w+)`", pages.made("reference/metrics.md"), re.MULTILINE))
    assert told == sent, (
        f"Fix: the table of metrics in docs/operations/monitoring.md; {told ^ sent} is in one place alone."
    )


def test_every_column_of_the_ledger_and_of_the_other_tables_says_what_it_is() -> None:
    from esteira.warehouse.ledger_entry import LedgerEntry
    from esteira.warehouse.ledger_tables import SHAPE

    said = attributes(LedgerEntry)
    report(
        [name for name in SHAPE if says_nothing(said.get(name))],
        "describe it below `Attributes:` of LedgerEntry in esteira/warehouse/ledger_entry.py.",
    )
    shapes = [(own.name, name, column.says) for own in tables.others() for name, column in own.shape.items()]
    assert len(shapes) > 30
    report(
        [f"{table}.{name}" for table, name, says in shapes if not says.strip()],
        "say it beside its type in esteira/warehouse/.",
    )


def test_every_table_of_its_own_is_in_the_reference() -> None:
    """One that is made from a shape is known by it; the others are those of datasets, locks, and the schema bi, which has its own page."""
    shapes = [id(own.shape) for own in tables.others()]
    found = {
        f"{module.name}: {name}": value
        for module in modules("esteira")
        if "= OwnColumn" in module.text or ": OwnColumn(" in module.text
        for name, value in vars(importlib.import_module(".".join(module.package))).items()
        if isinstance(value, dict) and value and all(isinstance(each, OwnColumn) for each in value.values())
    }
    assert len(found) >= 6
    report(
        [name for name, value in found.items() if id(value) not in shapes],
        "add it to others() of docs/hooks/tables.py.",
    )
    private = [
        f"{m.name}:{line}"
        for m in modules("esteira")
        for line, text in m.strings()
        if re.fullmatch(r".*VARCHAR\(\d+\) NOT NULL, \w+ (VARCHAR|BIGINT).*", text)
    ]
    report(private, "name the columns as OwnColumn (esteira/warehouse/own_table.py), with what each holds.")


def test_every_key_of_the_lake_says_who_writes_and_who_deletes_it() -> None:
    found = storage.kinds()
    assert len(found) > 20, "Hardly any key was found: this rule looks at nothing."
    broken = [
        f"{each.builder}: {each.key}"
        for each in found
        if not re.search(r"\n\nWritten .*Deleted ", each.says, re.DOTALL)
    ]
    report(broken, "add a paragraph `Written by …. Deleted by ….` to its docstring in esteira/lake/.")


def test_every_rule_of_the_lifecycle_says_why() -> None:
    broken = [f"{of}: {what}" for of, what, why in storage.lifecycle() if says_nothing(why)]
    report(broken, "write a comment above the rule in infra/lake.yaml.")


def test_every_statement_of_a_policy_says_why() -> None:
    found = [each for path in statements.TEMPLATES for each in statements.statements(path)]
    assert len(found) > 60
    report(
        [f"{each.template}: {each.sid}" for each in found if says_nothing(each.comment)],
        "write the reason as a comment above it.",
    )
    page = pages.made("reference/iam.md")
    report(
        [f"{each.template}: {each.sid}" for each in found if f"| `{each.sid}` ({each.said['Effect']})" not in page],
        "docs/hooks/rights.py must print it.",
    )
