"""The tree of errors, and the places that make its leaves out of the environment: settings and secrets."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto.core import set_initial_no_auth_action_count
from prefect.client.schemas.objects import State, StateType

from cli.output import DEFECT, dump, error_facts, fail, table
from esteira import errors, failpoints
from esteira.batch import Window
from esteira.catalogue import in_order
from esteira.contract import Quality, Reference
from esteira.errors import AuthError, ConfigError, EsteiraError, LakeUnavailable, PermanentError, TransientError
from esteira.failpoints import FailpointError, failpoint
from esteira.settings import read_settings
from esteira.vault import read_secret
from tasks.retrying import is_transient, retry_policy
from tests.conventions.sources import ROOT
from tests.core.small import dataset

NEEDED = {
    "ESTEIRA_STAGE": "local", "ESTEIRA_LAKE_BUCKET": "lake", "ESTEIRA_WAREHOUSE_HOST": "127.0.0.1",
    "ESTEIRA_WAREHOUSE_SECRET": "w", "ESTEIRA_COPY_ROLE_ARN": "arn",
}  # fmt: skip
CANARY = "canary-51c0ffee"


def classes(root: type[EsteiraError] = EsteiraError) -> list[type[EsteiraError]]:
    return [root, *(found for below in root.__subclasses__() for found in classes(below))]


LEAVES = [found for found in classes() if not found.__subclasses__()]


def test_a_paragraph_says_what_where_and_what_to_do_next():
    error = ConfigError("It broke.", dataset="rows", batch="b1", hint="Mend it.")
    assert error.paragraph() == (
        "ConfigError [rows b1]: It broke. Next step: Mend it. Runbook: docs/operations/runbook.md#configerror"
    )
    assert str(error) == "It broke."


def test_a_paragraph_without_a_place_has_no_brackets():
    assert AuthError("It broke.", hint="Mend it.").paragraph().startswith("AuthError: It broke. Next step: Mend it.")


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_leaf_has_an_exit_code_a_hint_a_runbook_section_and_survives_pickling(kind: type[EsteiraError]):
    error = kind("It broke.", dataset="rows", batch="b1")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.__dict__) == (kind, error.__dict__)
    assert 0 < kind.exit_code < 126
    assert kind.default_hint != EsteiraError.default_hint
    assert error.runbook == kind.__name__.lower()
    assert issubclass(kind, TransientError) != issubclass(kind, PermanentError)


def test_the_module_has_no_error_outside_the_tree():
    made = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert set(made) == set(classes())


def test_a_place_is_filled_in_once():
    error = ConfigError("It broke.", dataset="first").located(dataset="second", batch="b1")
    assert (error.dataset, error.batch) == ("first", "b1")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in [name for name in os.environ if name.startswith("ESTEIRA_")]:
        monkeypatch.delenv(name)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_settings_come_from_the_environment(environment: pytest.MonkeyPatch):
    environment.setenv("ESTEIRA_WAREHOUSE_PORT", "5555")
    settings = read_settings()
    assert (settings.stage, settings.warehouse_port, settings.datasets.name) == ("local", 5555, "datasets")


@pytest.mark.parametrize("name", sorted(NEEDED.keys() - {"ESTEIRA_WAREHOUSE_SECRET"}))
def test_a_missing_variable_is_named(environment: pytest.MonkeyPatch, name: str):
    environment.delenv(name)
    with pytest.raises(ConfigError, match=f"incomplete: {name}: Field required"):
        read_settings()


@pytest.mark.parametrize("others", [{}, {"WORKGROUP": "w", "CLUSTER": "c"}], ids=["none", "two"])
def test_a_warehouse_without_exactly_one_login_is_refused(environment: pytest.MonkeyPatch, others: dict[str, str]):
    environment.delenv("ESTEIRA_WAREHOUSE_SECRET")
    for name, value in others.items():
        environment.setenv(f"ESTEIRA_WAREHOUSE_{name}", value)
    with pytest.raises(ConfigError, match=r"login is (missing|workgroup and cluster)") as caught:
        read_settings()
    assert "ESTEIRA_WAREHOUSE_WORKGROUP" in caught.value.hint


def test_all_wrong_variables_are_named_at_once(environment: pytest.MonkeyPatch):
    environment.delenv("ESTEIRA_STAGE")
    environment.setenv("ESTEIRA_WAREHOUSE_PORT", "five")
    with pytest.raises(ConfigError, match=r"ESTEIRA_STAGE: .*; ESTEIRA_WAREHOUSE_PORT: "):
        read_settings()


def test_steps_are_retried_as_the_settings_say(environment: pytest.MonkeyPatch):
    environment.setenv("ESTEIRA_STEP_RETRY_SECONDS", "10")
    assert retry_policy(read_settings()) == {
        "retries": 3,
        "retry_delay_seconds": [10, 20, 40],
        "retry_jitter_factor": 1.0,
    }


@pytest.mark.parametrize("kind", [*LEAVES, ValueError], ids=lambda kind: kind.__name__)
def test_only_what_is_transient_is_retried(kind: Any):
    state = State(type=StateType.FAILED, data=kind("It broke."))
    assert is_transient(None, None, state) == issubclass(kind, TransientError)  # type: ignore[arg-type]


def test_a_step_that_succeeded_is_not_retried():
    assert not is_transient(None, None, State(type=StateType.COMPLETED, data=1))  # type: ignore[arg-type]


def store(name: str, **value: Any) -> None:
    boto3.client("secretsmanager").create_secret(Name=name, **value)


def test_a_secret_is_its_fields(aws: None):
    store("portal", SecretString=json.dumps({"token": CANARY, "n": 1}))
    assert read_secret("portal") == {"token": CANARY, "n": "1"}


def test_a_missing_secret_is_named(aws: None):
    with pytest.raises(ConfigError, match="Secret portal does not exist"):
        read_secret("portal")


@pytest.mark.fault(64)
@pytest.mark.parametrize(
    "value", [{"SecretString": CANARY}, {"SecretString": f'["{CANARY}"]'}, {"SecretBinary": CANARY.encode()}], ids=str
)
def test_a_secret_that_is_no_object_is_refused_without_its_text(aws: None, value: dict[str, Any]):
    store("portal", **value)
    with pytest.raises(ConfigError, match="Secret portal is not a JSON object of fields") as caught:
        read_secret("portal")
    error: BaseException | None = caught.value
    while error:
        assert CANARY not in f"{error!r} {error.__dict__}"
        error = error.__cause__ or error.__context__


@pytest.mark.fault(34)
def test_a_secret_that_we_may_not_read_names_the_action(aws: None, monkeypatch: pytest.MonkeyPatch):
    iam = boto3.client("iam")
    iam.create_user(UserName="reader")
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with pytest.raises(AuthError, match="secretsmanager:GetSecretValue on portal is denied"):
        set_initial_no_auth_action_count(0)(read_secret)("portal")


def test_a_secrets_manager_that_refuses_the_request_is_unavailable(aws: None):
    store("portal", SecretString="{}")
    boto3.client("secretsmanager").delete_secret(SecretId="portal")
    with pytest.raises(LakeUnavailable, match="Secrets Manager answered InvalidRequestException for portal"):
        read_secret("portal")


def test_a_missing_region_is_a_setting_to_correct(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(ConfigError, match="AWS region is missing or wrong") as caught:
        read_secret("portal")
    assert "AWS_DEFAULT_REGION" in caught.value.hint


def test_a_secrets_manager_that_cannot_be_asked_is_unavailable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(LakeUnavailable, match="does not answer for portal"):
        read_secret("portal")


def test_a_table_aligns_numbers_to_the_right():
    rows = [("flights", 1234567, 1.25, None, True), ("a", 2, 30.0, 4, False)]
    assert table(("dataset", "rows", "s", "n", "new"), rows).splitlines() == [
        "dataset       rows     s  n  new",
        "───────  ─────────  ────  ─  ─────",
        "flights  1,234,567   1.2  —  true",
        "a                2  30.0  4  false",
    ]


def test_a_table_without_rows_is_its_header():
    assert table(("dataset", "n"), []).splitlines() == ["dataset  n", "───────  ─"]


def test_a_dump_writes_dataclasses_and_moments():
    moment = datetime(2013, 1, 1, tzinfo=UTC)
    found = json.loads(dump({"window": Window(moment, moment), "kind": ConfigError}))
    assert found["window"] == {"start": "2013-01-01T00:00:00+00:00", "end": "2013-01-01T00:00:00+00:00"}
    assert "ConfigError" in found["kind"]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_a_failure_prints_its_paragraph_and_exits_with_its_code(kind: type[EsteiraError], capsys: Any):
    error = kind("It broke.", dataset="rows")
    assert fail(error, is_debug=False) == kind.exit_code
    assert capsys.readouterr() == ("", error.paragraph() + "\n")


def test_an_error_for_a_machine_has_its_fields():
    assert error_facts(ConfigError("It broke.", batch="b1", hint="Mend it.")) == {
        "error": "ConfigError", "message": "It broke.", "batch": "b1", "next_step": "Mend it.",
        "runbook": "configerror", "exit_code": 78,
    }  # fmt: skip
    assert error_facts(ValueError("odd")) == {"error": "ValueError", "message": "odd", "exit_code": DEFECT}


def test_anything_else_is_a_defect_and_says_so(capsys: Any):
    assert fail(ValueError("odd"), is_debug=False) == DEFECT
    assert capsys.readouterr().err.startswith("ValueError: odd This is a defect of Esteira.")


def test_debug_adds_the_traceback(capsys: Any):
    with pytest.raises(ConfigError) as caught:
        in_order([dataset(name="a", quality=Quality(references=(Reference("id", to="b.id"),)))])
    fail(caught.value, is_debug=True)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_failpoint_that_is_not_armed_does_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(failpoints.VARIABLE, raising=False)
    failpoint("extract.part")
    monkeypatch.setenv(failpoints.VARIABLE, "extract.seal:raise")
    failpoint("extract.part")


def test_a_failpoint_acts_at_the_nth_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(failpoints, "_reached", Counter())
    monkeypatch.setenv(failpoints.VARIABLE, "extract.part:raise:2")
    failpoint("extract.part")
    with pytest.raises(FailpointError, match=r"extract\.part"):
        failpoint("extract.part")


@pytest.mark.fault(54)
def test_a_failpoint_kills_without_a_word():
    code = "from esteira.failpoints import failpoint; failpoint('curate.seal'); print('alive')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {failpoints.VARIABLE: "curate.seal:kill"}, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


def test_a_command_whose_reader_leaves_ends_without_a_word():
    """As `esteira test | head -1` does; the output is larger than a pipe holds."""
    many = "import click; from cli.output import fail\ntry:\n    [click.echo('x' * 99) for _ in range(10_000)]\nexcept OSError as exc:\n    raise SystemExit(fail(exc, is_debug=False))"
    with subprocess.Popen(
        [sys.executable, "-c", many], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (141, "")
