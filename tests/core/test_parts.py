"""Parts that were curated under another contract than today's are found before COPY, which goes by position."""

from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pytest

from esteira.contract import Append
from esteira.errors import LoadError
from esteira.lake import Part, Seal
from esteira.warehouse.parts import check_parts
from tests.core.small import dataset


class Pair(pandera.DataFrameModel):
    low: pd.Int64Dtype = pandera.Field(description="Low")
    high: pd.Int64Dtype = pandera.Field(description="High")


class Turned(pandera.DataFrameModel):
    high: pd.Int64Dtype = pandera.Field(description="High")
    low: pd.Int64Dtype = pandera.Field(description="Low")


class Narrowed(pandera.DataFrameModel):
    low: pd.Int64Dtype = pandera.Field(description="Low")
    high: pd.Int16Dtype = pandera.Field(description="High")


class Longer(Pair):
    more: pd.Int64Dtype = pandera.Field(description="More")


def contract(schema: Any) -> Any:
    return dataset(schema=schema, write=Append()).columns


def seal(*columns: str) -> Seal:
    return Seal(dataset="rows", batch="b", attempt="a", parts=(Part("k", 1, "", 1),), extracted=1, columns=columns)


SEALED = seal("low int64", "high int64")


def test_parts_of_this_contract_pass():
    check_parts(contract(Pair), SEALED)


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    ("schema", "place"),
    [
        (Turned, "Column 1 of the sealed parts is 'low int64' and the contract says 'high int64'"),
        (Narrowed, "Column 2 of the sealed parts is 'high int64' and the contract says 'high int16'"),
        (Longer, "Column 3 of the sealed parts is 'nothing' and the contract says 'more int64'"),
    ],
    ids=["order", "type", "number"],
)
def test_another_order_type_or_number_of_columns_is_refused_by_column(schema: Any, place: str):
    with pytest.raises(LoadError) as caught:
        check_parts(contract(schema), SEALED)
    assert place in caught.value.message
    assert "as a new generation" in caught.value.hint


def test_a_batch_without_rows_has_no_part_whose_columns_could_differ():
    check_parts((), msgspec.structs.replace(SEALED, parts=()))


def test_a_seal_from_before_columns_were_recorded_is_left_to_copy_and_keeps_its_hash():
    old = seal()
    check_parts(contract(Turned), old)
    assert b"columns" not in old.encode()
    assert msgspec.json.decode(old.encode(), type=Seal) == old
    assert replace_columns(old).hash != old.hash


def replace_columns(old: Seal) -> Seal:
    return msgspec.structs.replace(old, columns=SEALED.columns)
