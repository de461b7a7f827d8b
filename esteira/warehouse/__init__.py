"""The warehouse: all SQL. `ddl` shapes tables, `load` commits a batch, `ledger` remembers it, `reads` answers questions."""

from esteira.warehouse.config import Credentials, WarehouseConfig
from esteira.warehouse.connection import Warehouse
from esteira.warehouse.ledger_entry import LedgerEntry
from esteira.warehouse.load import Loader
from esteira.warehouse.request import LoadRequest, LoadResult, SettleRequest, UndoRequest

__all__ = [
    "Credentials",
    "LedgerEntry",
    "LoadRequest",
    "LoadResult",
    "Loader",
    "SettleRequest",
    "UndoRequest",
    "Warehouse",
    "WarehouseConfig",
]
