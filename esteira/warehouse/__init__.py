"""The warehouse: all SQL. `ddl` shapes tables, `load` commits a batch, `ledger` remembers it, `reads` answers questions."""

from esteira.warehouse.connection import Credentials, Warehouse, WarehouseConfig
from esteira.warehouse.ledger import LedgerEntry
from esteira.warehouse.load import Loader, LoadRequest, LoadResult

__all__ = ["Credentials", "LedgerEntry", "LoadRequest", "LoadResult", "Loader", "Warehouse", "WarehouseConfig"]
