"""The loader against the local Redshift and S3, or a real one (`places`): batches are made by hand, sealed and stored through `Lake`."""

import io
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import Schema, Table, int64, string, types
from pyarrow import schema as arrow_schema

from esteira.batch import Batch, Window
from esteira.contract import ApiSource, Dataset, Incremental, Quality, Replace, Timestamp, WriteMode
from esteira.contract.columns import BATCH_COLUMN
from esteira.errors import EsteiraError
from esteira.history import lake_history
from esteira.lake import Lake, Layout, Part, Seal
from esteira.lake.seal import BATCH_STORED
from esteira.warehouse import Credentials, Loader, LoadRequest, LoadResult, Warehouse
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.reads import settled_batches
from local.ports import Ports
from local.stack import Stack, StackConfig, running
from tests.torture.director import AtTheLoadsCommit, Kind
from tests.torture.sql_wire import SqlWire
from tests.warehouse.places import SCHEMA, Place, is_live, on_live, on_stack

ISOLATIONS, ISOLATION_SECONDS = ("snapshot", "serializable"), 10.0
POSITION = "_esteira_position"
FIRST_DAY = datetime(2014, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)
Row = dict[str, Any]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        if is_live() and "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason="needs the gateway: it asks for the stack itself"))


class Item(pa.DataFrameModel):
    """Things, one row per id; it's a table of tests."""

    id: pd.Int64Dtype = pa.Field(description="Number")
    label: pd.StringDtype = pa.Field(nullable=True, description="Text", metadata={"unit": "word"})
    amount: pd.Int64Dtype = pa.Field(nullable=True, description="How many")
    changed_at: Timestamp = pa.Field(nullable=True, description="When the portal changed it")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """S3, IAM, Secrets Manager and Redshift; no portal and no Prefect."""
    state = tmp_path_factory.mktemp("warehouse")
    config = StackConfig(state=state, ports=Ports.free(), with_prefect=False, with_portal=False)
    with running(config) as stack:
        yield stack


@pytest.fixture(scope="session")
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Where the tests run. It looks the stack up by name, so that only a test which needs the stack itself has it among its fixtures."""
    if is_live():
        with on_live() as live:
            yield live
    else:
        yield on_stack(request.getfixturevalue("stack"))


@pytest.fixture(autouse=True)
def client_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a step on a laptop sees: the task role's profile and the stack's certificate authority."""
    _enter(place, monkeypatch)


def _enter(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if place.env else ():
        monkeypatch.delenv(name, raising=False)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where a module asks for `isolation`, what proves a fault runs in both of the database's levels, the rest in the default one."""
    if "isolation" in metafunc.fixturenames:
        proves_a_fault = any(metafunc.definition.iter_markers("fault"))
        metafunc.parametrize(
            "isolation", ISOLATIONS if proves_a_fault else ISOLATIONS[:1], indirect=True, scope="module"
        )


@pytest.fixture(scope="module")
def isolation(request: pytest.FixtureRequest, place: Place) -> Iterator[str]:
    """The database's isolation level while these tests run; afterwards it has SNAPSHOT again."""
    _set_isolation(place, request.param)
    yield request.param
    _set_isolation(place, ISOLATIONS[0])


def _set_isolation(place: Place, level: str) -> None:
    """Redshift does it only while nobody else is connected; a session that a test has just closed takes a moment to be gone.

    https://docs.aws.amazon.com/redshift/latest/dg/r_ALTER_DATABASE.html
    """
    deadline = time.monotonic() + ISOLATION_SECONDS
    with pytest.MonkeyPatch.context() as patch:
        _enter(place, patch)
        while True:
            try:
                with place.admin.session("esteira tests") as session:
                    session.run(f"ALTER DATABASE {place.config.database} ISOLATION LEVEL {level.upper()}")
            except EsteiraError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return


OpenWarehouse = Callable[..., Warehouse]


@pytest.fixture
def open_warehouse(place: Place) -> OpenWarehouse:
    """A warehouse object: the right one, or with another port, password or statement limit."""

    def open_one(*, port: int | None = None, password: str | None = None, seconds: int | None = None) -> Warehouse:
        right = place.config
        limit = seconds or right.statement_timeout_seconds
        config = replace(right, port=port or right.port, statement_timeout_seconds=limit)
        return Warehouse(config, Credentials("esteira", password) if password else place.credentials)

    return open_one


@pytest.fixture
def warehouse(open_warehouse: OpenWarehouse) -> Warehouse:
    return open_warehouse()


@pytest.fixture
def lake(place: Place, client_environment: None) -> Lake:
    return Lake(place.bucket)


@pytest.fixture
def two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for somebody who never goes need not wait five times."""
    monkeypatch.setattr("esteira.warehouse.load.TRANSACTION_TRIES", 2)


MakeDataset = Callable[..., Dataset]


@pytest.fixture
def make_dataset(place: Place) -> MakeDataset:
    """A contract with a name of its own, unless one is given."""

    def make(
        write: WriteMode | None = None,
        *,
        name: str | None = None,
        schema: type[pa.DataFrameModel] = Item,
        quality: Quality | None = None,
        incremental: Incremental | None = None,
    ) -> Dataset:
        source = ApiSource(portal="none", path="/none", incremental=incremental)
        return Dataset(
            name=name or f"t{next(_numbers)}{place.suffix}",
            source=source,
            schema=schema,
            write=write or Replace(),
            quality=quality or Quality(),
            sortkey=("id",),
        )

    return make


@dataclass
class Bench:
    """Makes batches and loads them."""

    warehouse: Warehouse
    lake: Lake

    def request(
        self,
        dataset: Dataset,
        *parts: Sequence[Row],
        day: int = 1,
        days: int = 1,
        batch_id: str | None = None,
        generation: int = 1,
        quarantined: int = 0,
        arrow: Schema | None = None,
        names_batch: bool | None = None,
    ) -> LoadRequest:
        """Store parts, seal them and derive the manifest, as extract and curate would; `arrow` or no `names_batch`: as they once did."""
        window = Window(FIRST_DAY + timedelta(days=day - 1), FIRST_DAY + timedelta(days=day - 1 + days))
        batch = Batch(dataset.name, batch_id or f"{window.start:%Y-%m-%d}-0123abcd", window, is_snapshot=True)
        layout, attempt = Layout(dataset.name, batch.id, generation), self.lake.new_attempt()
        stored = []
        rows = 0
        named = dataset.names_batch and arrow is None if names_batch is None else names_batch
        for number, part in enumerate(parts, 1):
            made = _table(dataset, part, rows, arrow, batch.id if named else None)
            stored.append(self._put(dataset, layout.part("curated", attempt, number), made))
            rows += len(part)
        seal = Seal(
            dataset=dataset.name, batch=batch.id, attempt=attempt, parts=tuple(stored), generation=generation,
            extracted=rows + quarantined, curated=rows, quarantined=quarantined,
            columns=(*(each.stored for each in dataset.columns), BATCH_STORED) if named else (),
        )  # fmt: skip
        self.lake.put_seal("curated", seal)
        return LoadRequest(dataset, batch, seal, self.lake.put_manifest(seal), run="test", version="0")

    def load(self, dataset: Dataset, *parts: Sequence[Row], **facts: Any) -> LoadResult:
        return self.loader().load(self.request(dataset, *parts, **facts))

    def loader(self, warehouse: Warehouse | None = None) -> Loader:
        return Loader(warehouse or self.warehouse, sleep=lambda _: None, history=lake_history(self.lake))

    def rows(self, dataset: Dataset, columns: str = "id, label, amount") -> list[tuple[Any, ...]]:
        return self.query(f"SELECT {columns} FROM {SCHEMA}.{dataset.name} ORDER BY id, label, amount")

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.session() as session:
            return session.rows(sql)

    def run(self, sql: str) -> None:
        with self.warehouse.session() as session:
            session.run(sql)

    def ledger(self, dataset: Dataset) -> list[LedgerEntry]:
        return settled_batches(self.warehouse, dataset.name)

    def _put(self, dataset: Dataset, key: str, table: Table) -> Part:
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", coerce_timestamps="us")
        texts = [each.name for each in dataset.columns if types.is_string(each.arrow)]
        rows = table.to_pylist()
        longest = {name: max((len((row.get(name) or "").encode()) for row in rows), default=0) for name in texts}
        return self.lake.put_part(key, buffer.getvalue(), rows=len(rows), text_bytes=longest)


def _table(dataset: Dataset, rows: Sequence[Row], first: int, arrow: Schema | None, batch: str | None) -> Table:
    """A part's rows with their positions, and with their batch where the part names it."""
    behind = [(POSITION, int64()), *([(BATCH_COLUMN, string())] if batch else [])]
    schema = arrow or arrow_schema([*((each.name, each.arrow) for each in dataset.columns), *behind])
    named = {BATCH_COLUMN: batch} if batch else {}
    return Table.from_pylist([row | {POSITION: first + at} | named for at, row in enumerate(rows)], schema=schema)


@pytest.fixture
def bench(warehouse: Warehouse, lake: Lake) -> Bench:
    return Bench(warehouse, lake)


@dataclass(frozen=True)
class CutWire:
    """A way to the warehouse, and who decides where it is cut."""

    port: int
    director: AtTheLoadsCommit


CutAtCommit = Callable[..., CutWire]


@pytest.fixture
def cut_at_commit(stack: Stack) -> Iterator[CutAtCommit]:
    """A wire that strikes so many COMMITs of loads; nobody is killed, so `kill before` only loses the COMMIT on its way."""
    tls, port = Path(stack.state) / "tls", int(stack.env["ESTEIRA_WAREHOUSE_PORT"])
    with ExitStack() as made:

        def make(kind: Kind, times: int = 1) -> CutWire:
            director = AtTheLoadsCommit(kind=kind, times_left=times)
            return CutWire(made.enter_context(closing(SqlWire(lambda: director, port, tls))).port, director)

        yield make
