"""The dataset contract: what a table is, where it comes from, how it is written and how good it must be.

Frozen, validated when constructed, and free of I/O. This is the only module of the core that `datasets/` may import; with it the checks of
`esteira.standards` are known to pandera.
"""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import pyarrow as pa

from esteira.contract.asset import Asset
from esteira.contract.batch_rules import Distribution, Freshness, NullRate, Reference, Unique, Volume
from esteira.contract.columns import Column, columns_of
from esteira.contract.dataset import Dataset
from esteira.contract.export import Export
from esteira.contract.group import Group
from esteira.contract.incremental import Incremental
from esteira.contract.layout import HeaderRows, Limits, Lineage, Melt, Sheets
from esteira.contract.locales import Locale
from esteira.contract.origin import Download, Inbox, Listing
from esteira.contract.parent import Parent
from esteira.contract.quality import Quality
from esteira.contract.refresher import PowerBiRefresh, QuickSightIngestion, Webhook
from esteira.contract.responses import ResponseAction
from esteira.contract.shapes import FirstRecord
from esteira.contract.source import ApiSource
from esteira.contract.spreadsheet import SpreadsheetSource
from esteira.contract.write import Append, DeleteInsert, Replace, Scd2, Upsert, WriteMode
from esteira.paginate import Header, NextLink, NextToken, Offset, PageNumber, SinglePage

Timestamp = Annotated[pd.DatetimeTZDtype, "us", "UTC"]
"""A moment, stored as TIMESTAMPTZ; microseconds because Redshift loads nanoseconds silently wrong."""
LocalTimestamp = Annotated[pd.ArrowDtype, pa.timestamp("us")]
"""A moment of a clock on some wall, stored as TIMESTAMP."""
Date = Annotated[pd.ArrowDtype, pa.date32()]
"""A calendar day, stored as DATE."""

__all__ = [
    "ApiSource", "Append", "Asset", "Column", "Dataset", "Date", "DeleteInsert", "Distribution", "Download", "Export", "FirstRecord", "Freshness", "Group", "Header",
    "HeaderRows", "Inbox", "Incremental", "Limits", "Lineage", "Listing", "LocalTimestamp", "Locale", "Melt", "NextLink", "NextToken", "NullRate", "Offset",
    "PageNumber", "Parent", "PowerBiRefresh", "Quality", "QuickSightIngestion", "Reference", "Replace", "ResponseAction", "Scd2", "Sheets", "SinglePage", "SpreadsheetSource",
    "Timestamp", "Unique", "Upsert", "Volume", "Webhook", "WriteMode", "columns_of",
]  # fmt: skip
