"""Logging in: by a secret or by IAM, always with a verified certificate; what the driver is told, and what a refusal means.

The IAM logins cannot be run here: what the driver receives is compared with its documentation, and a cluster must prove the rest.
"""

import ssl
from typing import Any

import pytest
import redshift_connector
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError, NoRegionError
from redshift_connector.error import InterfaceError, OperationalError

from blocks import WarehouseBlock
from esteira.errors import AuthError, ConfigError, WarehouseBusy
from esteira.warehouse import Credentials, Warehouse, WarehouseConfig
from esteira.warehouse.connection import SOCKET_GRACE_SECONDS

HOST = "etl.123456789012.eu-west-1.redshift-serverless.amazonaws.com"
PLACE = {"host": HOST, "port": 5439, "database": "dev", "copy_role_arn": "arn:aws:iam::123456789012:role/copy"}
ALWAYS = {
    "host": HOST, "port": 5439, "database": "dev", "ssl": True, "sslmode": "verify-full",
    "timeout": 900 + SOCKET_GRACE_SECONDS, "application_name": "esteira flights 2014-01-01",
}  # fmt: skip


class Reached(OSError):
    """The driver was called."""


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What `redshift_connector.connect` was told; it fails with an error of the test's choice."""
    received: dict[str, Any] = {}

    def connect(warehouse: Warehouse, failure: Exception | None = None) -> dict[str, Any]:
        def record(**arguments: Any) -> None:
            received.update(arguments)
            raise failure or Reached

        monkeypatch.setattr(redshift_connector, "connect", record)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        with warehouse.session("esteira flights 2014-01-01"):
            raise AssertionError
        return received

    def asked(warehouse: Warehouse, failure: Exception | None = None) -> Any:
        with pytest.raises((WarehouseBusy, AuthError, ConfigError)) as caught:
            connect(warehouse, failure)
        return received if failure is None else caught.value

    return asked


def test_by_secret_the_driver_gets_user_and_password_and_nothing_of_iam(told: Any):
    warehouse = Warehouse(WarehouseConfig(**PLACE, secret="s"), Credentials("loader", "Cc3pw"))
    assert told(warehouse) == ALWAYS | {"user": "loader", "password": "Cc3pw"}


def test_by_workgroup_the_driver_asks_serverless_for_credentials(told: Any):
    warehouse = Warehouse(WarehouseConfig(**PLACE, secret=None, workgroup="etl"))
    iam = {"iam": True, "region": "eu-west-1", "is_serverless": True, "serverless_work_group": "etl"}
    assert told(warehouse) == ALWAYS | iam


def test_by_cluster_the_driver_asks_for_credentials_of_the_role_itself(told: Any):
    warehouse = Warehouse(WarehouseConfig(**PLACE, secret=None, cluster="etl"))
    iam = {"iam": True, "region": "eu-west-1", "cluster_identifier": "etl", "group_federation": True}
    assert told(warehouse) == ALWAYS | iam


@pytest.mark.parametrize(
    "logins",
    [{"secret": None}, {"secret": "s", "workgroup": "w"}, {"secret": None, "workgroup": "w", "cluster": "c"}],
    ids=str,
)
def test_any_other_number_of_logins_than_one_is_refused(logins: Any):
    with pytest.raises(ConfigError, match="it must be exactly one of secret, workgroup, cluster"):
        WarehouseConfig(**PLACE, **logins)


def test_a_password_beside_an_iam_login_is_refused_and_not_shown():
    with pytest.raises(ConfigError, match="by IAM and takes no password") as caught:
        Warehouse(WarehouseConfig(**PLACE, secret=None, workgroup="w"), Credentials("u", "Cc3pw"))
    assert "Cc3pw" not in repr(caught.value)
    with pytest.raises(ConfigError, match="by a secret"):
        Warehouse(WarehouseConfig(**PLACE, secret="s"))


def test_a_block_with_an_iam_login_reads_no_secret():
    warehouse = WarehouseBlock(**PLACE, workgroup="etl", lock_wait_seconds=5).open()
    assert (warehouse.config.workgroup, warehouse.config.secret, warehouse.config.lock_wait_seconds) == ("etl", None, 5)


def aws(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "GetCredentials")


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        (
            aws("AccessDeniedException"),
            AuthError,
            r"redshift-serverless:GetCredentials on workgroup etl is denied \(AccessDeniedException\)",
        ),
        (aws("ExpiredTokenException"), AuthError, "is denied"),
        (aws("ResourceNotFoundException"), ConfigError, "There is no workgroup etl in this account and region"),
        (aws("ThrottlingException"), WarehouseBusy, "AWS answered ThrottlingException"),
        (NoCredentialsError(), AuthError, "no AWS credentials"),
        (NoRegionError(), ConfigError, "AWS region"),
        (ConnectTimeoutError(endpoint_url="https://x"), WarehouseBusy, "AWS does not answer the login"),
        (
            InterfaceError("{'S': 'FATAL', 'C': '28000', 'M': 'no'}"),
            AuthError,
            "refuses the database user of our AWS role",
        ),
        (InterfaceError("{'S': 'FATAL', 'C': '3D000', 'M': 'no'}"), ConfigError, "has no database as in"),
        (ssl.SSLCertVerificationError("certificate verify failed"), ConfigError, "is not trusted"),
        (OperationalError("timed out"), WarehouseBusy, "does not answer: OperationalError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_login_that_fails_says_what_to_grant_or_to_correct(told: Any, failure: Any, kind: Any, text: str):
    error = told(Warehouse(WarehouseConfig(**PLACE, secret=None, workgroup="etl")), failure)
    assert type(error) is kind
    with pytest.raises(kind, match=text):
        raise error


def test_a_cluster_login_that_is_denied_names_its_own_action(told: Any):
    error = told(Warehouse(WarehouseConfig(**PLACE, secret=None, cluster="etl")), aws("AccessDenied"))
    assert error.message == "redshift:GetClusterCredentialsWithIAM on cluster etl is denied (AccessDenied)."


def test_a_session_shows_dataset_and_batch_and_is_bounded(bench: Any):
    with bench.warehouse.session("esteira flights 2014-01-01'; --") as session:
        assert session.rows("SHOW statement_timeout") == [("1min",)]
        assert session.rows("SHOW application_name") == [("esteira flights 2014-01-01-- --",)]
