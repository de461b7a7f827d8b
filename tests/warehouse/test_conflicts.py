"""Which refusals of the warehouse are tried again: by their words, never by XX000 alone, and always the whole transaction."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redshift_connector.error import InterfaceError, ProgrammingError

from esteira.contract import Replace
from esteira.errors import EsteiraError, LoadError, WarehouseBusy
from esteira.warehouse import Credentials, Loader, Warehouse, WarehouseConfig, staging
from esteira.warehouse.driver_errors import is_timeout, statement_error
from esteira.warehouse.load import TRANSACTION_TRIES
from local.redshift import Gateway

pytestmark = pytest.mark.fault(43)
CYCLE = "Serializable isolation violation on table - 100232, transactions forming the cycle are: 2907, 2908 (pid:3301)"


def error(message: str, code: str = "XX000", detail: str = "") -> EsteiraError:
    return statement_error(ProgrammingError({"S": "ERROR", "C": code, "M": message, "D": detail}))


@pytest.mark.parametrize(
    ("message", "code", "detail"),
    [
        ("1023", "XX000", CYCLE),
        ("1023 ", "XX000", ""),
        (CYCLE, "XX000", ""),
        ("could not complete because of conflict with concurrent transaction", "XX000", ""),
        ("deadlock detected", "40P01", "Process 1 waits"),
        ("could not serialize access", "40001", ""),
        ("could not open relation with OID 100232", "XX000", ""),
        ("Query (150) cancelled on user's request", "57014", ""),
        ("terminating connection due to administrator command", "57P01", ""),
        ('relation "batch" already exists', "42P07", ""),
        ("tuple concurrently updated", "XX000", ""),
    ],
)
def test_a_conflict_is_tried_again(message: str, code: str, detail: str):
    found = error(message, code, detail)
    assert isinstance(found, WarehouseBusy)
    assert message.strip() in found.message


@pytest.mark.parametrize(
    "message",
    [
        "Spectrum Scan Error",
        "Assert",
        "Disk Full",
        "Numeric data overflow (result precision)",
        "The length of the data column x is longer than the length defined in the table. Table: 10, Data: 1023",
    ],
)
def test_any_other_internal_error_is_not_tried_again(message: str):
    assert isinstance(error(message), LoadError)


def test_a_broken_connection_is_tried_again_and_only_a_cancelled_statement_is_a_timeout():
    broken = statement_error(InterfaceError("connection is closed"))
    assert isinstance(broken, WarehouseBusy)
    assert not is_timeout(broken)
    cancelled = error("Query (150) cancelled on user's request", "57014")
    assert isinstance(cancelled, WarehouseBusy)
    assert is_timeout(cancelled)


def test_a_presigned_query_is_in_no_message():
    url = "https://s3.amazonaws.com/lake/k?X-Amz-Algorithm=A&X-Amz-Signature=c0ffee"
    for found in (error(f"File '{url}' is bad"), error("Spectrum Scan Error", detail=f"context: File '{url}' is bad")):
        assert "c0ffee" not in found.message
        assert "/lake/k?…" in found.message


@pytest.fixture(scope="module", params=["snapshot", "serializable"])
def elsewhere(request: Any, stack: Any, tmp_path_factory: Any) -> Iterator[Warehouse]:
    """A warehouse of its own, in each isolation level that Redshift has; without S3."""
    tls = Path(stack.state) / "tls"
    gateway = Gateway(
        tmp_path_factory.mktemp(request.param), certificate=tls / "server.pem", key=tls / "server.key",
        users={"esteira": "pw"}, isolation=request.param, ephemeral=True,
    )  # fmt: skip
    gateway.start()
    config = WarehouseConfig("localhost", gateway.port, "dev", "none", "arn:role", "loads", 30)
    yield Warehouse(config, Credentials("esteira", "pw"))
    gateway.stop()


@pytest.fixture
def disturbed(elsewhere: Warehouse, monkeypatch: Any) -> Any:
    """Load an empty batch by Replace while somebody else deletes the same rows in mid-transaction, so many times."""

    def load(request: Any, times: int) -> tuple[Any, list[str]]:
        loader, name, heard = Loader(elsewhere, sleep=lambda _: None), request.dataset.name, []
        columns = "id, label, amount, _esteira_batch, _esteira_loaded_at, _esteira_position"
        with elsewhere.session() as session:
            if not session.count(
                f"SELECT COUNT(*) FROM svv_tables WHERE table_name = '{name}' AND table_schema = 'loads'"
            ):
                loader.load(request)
            session.run(f"DELETE FROM esteira_ledger.{name}")
            session.run(f"INSERT INTO loads.{name} ({columns}) VALUES (1, 'a', 1, 'b', GETDATE(), 0)")

        def interfere(_: str) -> None:
            if len(heard) < times:
                with elsewhere.session() as other:
                    heard.append(str(other.pid))
                    other.run(f"UPDATE loads.{name} SET amount = amount + 1")

        monkeypatch.setattr(staging, "failpoint", interfere)
        return loader.load(request), heard

    return load


def test_a_conflict_in_mid_transaction_is_tried_again_as_a_whole(
    bench: Any, make_dataset: Any, elsewhere: Warehouse, disturbed: Any
):
    request = bench.request(make_dataset(Replace()))
    result, heard = disturbed(request, 2)
    assert (len(heard), result.is_new) == (2, True)
    with elsewhere.session() as session:
        assert session.count(f"SELECT COUNT(*) FROM loads.{request.dataset.name}") == 0
        assert session.count(f"SELECT COUNT(*) FROM esteira_ledger.{request.dataset.name}") == 1


def test_conflicts_for_ever_end_as_busy_with_nothing_loaded(
    bench: Any, make_dataset: Any, elsewhere: Warehouse, disturbed: Any
):
    request = bench.request(make_dataset(Replace()))
    with pytest.raises(WarehouseBusy, match=r"1023|conflict with concurrent transaction"):
        disturbed(request, TRANSACTION_TRIES)
    with elsewhere.session() as session:
        assert session.count(f"SELECT COUNT(*) FROM loads.{request.dataset.name}") == 1
        assert session.count(f"SELECT COUNT(*) FROM esteira_ledger.{request.dataset.name}") == 0
