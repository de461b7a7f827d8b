"""The process that is killed: plans, extracts, curates and loads what is due, through the core, as the flow does.

It runs in a child that was forked from a server with everything imported, so that a trial costs its own work only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pandera.pandas as pandera

from esteira.batch import Known, plan
from esteira.contract import (
    ApiSource,
    Append,
    Dataset,
    DeleteInsert,
    Incremental,
    Offset,
    Quality,
    Replace,
    Scd2,
    Upsert,
)
from esteira.curate import curate
from esteira.errors import EsteiraError
from esteira.extraction.ahead import extract_ahead
from esteira.lake import Lake
from esteira.portal import Portal, PortalConfig
from esteira.warehouse import Credentials, Loader, LoadRequest, Warehouse, WarehouseConfig
from esteira.warehouse.reads import standing
from tests.torture.source import PAGE

SCHEMA = "torture"
FIRST = date(2014, 1, 1)
WRITE_MODES: Mapping[str, Callable[[], Any]] = {
    "Append": Append, "Upsert": lambda: Upsert(key="id"), "Replace": Replace, "DeleteInsert": lambda: DeleteInsert(by="id"),
    "Scd2": lambda: Scd2(key="id"),
}  # fmt: skip


class Item(pandera.DataFrameModel):
    """Things of a trial."""

    id: pd.Int64Dtype = pandera.Field(description="Number")
    label: pd.StringDtype = pandera.Field(description="Text")
    amount: pd.Int64Dtype = pandera.Field(ge=0, description="How many")


# pandera imports its checks at the first validation, hypothesis among them: once in the server that children are forked from,
# not in every child.
Item.validate(
    pd.DataFrame({"id": [1], "label": ["a"], "amount": [1]}).astype(
        {"id": "Int64", "label": "string", "amount": "Int64"}
    )
)


@dataclass(frozen=True)
class Orders:
    """What a child is to do, and with which addresses.

    Attributes:
        name: Dataset.
        mode: Write mode's name.
        days: Days that are due.
        portal, s3, sql_port: Addresses; the last two lead through the wires.
        bucket, copy_role, password: Of the stack.
        environment: AWS keys and the certificate authority.
        sabotage: Which part of the protocol is taken out, or nothing.
    """

    name: str
    mode: str
    days: int
    portal: str
    s3: str
    sql_port: int
    bucket: str
    copy_role: str
    password: str = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    sabotage: str = ""


def contracts(orders: Orders) -> Iterator[tuple[Dataset, datetime]]:
    """The contract and until when it is due. `Replace` takes no cursor: there each day has a snapshot of its own."""
    if orders.mode != "Replace":
        cursor = Incremental(cursor="day", start_param="from", end_param="to", initial=FIRST, chunk=timedelta(days=1))
        yield _contract(orders, incremental=cursor), _midnight(orders.days)
        return
    for day in range(orders.days):
        params = {"from": _midnight(day).isoformat(), "to": _midnight(day + 1).isoformat()}
        yield _contract(orders, params=params), _midnight(day)


def _midnight(days: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(days=days)


def _contract(orders: Orders, **window: Any) -> Dataset:
    """One row a number, by days; two pages a day, each a part."""
    source = ApiSource(
        portal="trial",
        path="/rows",
        records="rows",
        paginator=Offset(limit=PAGE),
        total="total",
        pages_per_part=1,
        **window,
    )
    quality = Quality(max_quarantine_ratio=0.5)
    return Dataset(name=orders.name, source=source, schema=Item, write=WRITE_MODES[orders.mode](), quality=quality)


def warehouse_at(orders: Orders) -> Warehouse:
    """The warehouse behind a port."""
    config = WarehouseConfig("localhost", orders.sql_port, "dev", "none", orders.copy_role, SCHEMA, 30)
    return Warehouse(config, Credentials("esteira", orders.password))


def lake_at(orders: Orders) -> Lake:
    """The lake behind an address."""
    os.environ["AWS_ENDPOINT_URL"] = orders.s3
    return Lake(orders.bucket, boto3.Session(region_name="us-east-1"))


def main(orders: Orders, log: str) -> None:
    """Do it, and leave with 0, or with 1 and the error in the log."""
    os.environ.update(orders.environment)
    sys.stderr = Path(log).open("w", buffering=1)  # noqa: SIM115 - the process's own, until it ends
    if orders.sabotage:
        SABOTAGE[orders.sabotage]()
    try:
        load_all(orders)
    except EsteiraError as exc:
        print(exc.paragraph(), file=sys.stderr)
        sys.exit(1)


def load_all(orders: Orders) -> None:
    """What is due, oldest first."""
    lake, warehouse = lake_at(orders), warehouse_at(orders)
    portal = Portal(PortalConfig(name="trial", base_url=orders.portal, allow_private_hosts=True), {})
    for dataset, as_of in contracts(orders):
        stand = standing(warehouse, dataset.name)
        opened = tuple(batch for batch in lake.batches(dataset.name) if batch not in stand.settled)
        for batch in plan(dataset, as_of, Known(stand.watermark, stand.settled, opened)):
            found = extract_ahead(dataset, batch, portal=portal, lake=lake)
            seal = curate(dataset, found.raw, lake=lake, ahead=found.ahead)
            request = LoadRequest(dataset, batch, seal, lake.put_manifest(seal), run="trial", version="0")
            Loader(warehouse, sleep=lambda _: None).load(request)


def _without_lock() -> None:
    from esteira.warehouse.connection import Session

    run = Session.run

    def run_all_but_locks(self: Session, statement: str, parameters: Any = ()) -> int:
        return -1 if statement.startswith("LOCK") else run(self, statement, parameters)

    Session.run = run_all_but_locks  # type: ignore[method-assign]


def _without_ledger_check() -> None:
    """Neither whether a batch is settled nor whether its rows are in the table is asked."""
    from esteira.warehouse import commit

    for name in ("_is_settled", "_is_in_table"):
        getattr(commit, name)  # fails when it was renamed: a sabotage that does nothing would prove nothing
        setattr(commit, name, lambda *_: False)


def _without_seal() -> None:
    """Nothing freezes a batch: each attempt goes by what it found itself. (The bucket's policy refuses a seal overwritten.)"""
    Lake.put_seal = lambda self, zone, seal: seal  # type: ignore[method-assign,assignment,misc]
    Lake.find_seal = lambda *_, **__: None  # type: ignore[method-assign,assignment]


SABOTAGE = {"no lock": _without_lock, "no ledger check": _without_ledger_check, "no seal": _without_seal}
