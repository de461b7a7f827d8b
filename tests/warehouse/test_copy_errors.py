"""COPY failures end as one paragraph: file, row, column, value, and what to change. In Redshift's own words: `tests/core`."""

import decimal
from dataclasses import replace
from typing import Any

import msgspec
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from esteira.contract import Append
from esteira.errors import AuthError, LoadError, SealConflict
from esteira.warehouse import Loader, Warehouse

pytestmark = [pytest.mark.fault(53), pytest.mark.usefixtures("isolation")]
POSITION = ("_esteira_position", pa.int64())
LONG = "São Paulo " * 20


class Narrow(pandera.DataFrameModel):
    """A contract whose limits a sealed part exceeds, as after somebody lowered them."""

    id: pd.Int64Dtype = pandera.Field(description="Number")
    label: pd.StringDtype = pandera.Field(nullable=True, description="Text", metadata={"max_bytes": 20})
    amount: pd.ArrowDtype = pandera.Field(
        nullable=True, description="Money", dtype_kwargs={"pyarrow_dtype": pa.decimal128(6, 2)}
    )


ARROW = pa.schema([("id", pa.int64()), ("label", pa.string()), ("amount", pa.decimal128(6, 2)), POSITION])


def item(number: int | None, label: str = "a", amount: Any = None) -> dict[str, Any]:
    return {"id": number, "label": label, "amount": amount}


@pytest.fixture
def refused(bench: Any, make_dataset: Any) -> Any:
    """Load parts that do not fit; returns the error and the keys of the parts."""

    def load(*parts: Any, arrow: pa.Schema = ARROW, schema: Any = Narrow) -> tuple[Any, list[str]]:
        dataset = make_dataset(Append(), schema=schema)
        request = without_lengths(bench.request(dataset, *parts, arrow=arrow))
        request = replace(request, manifest=bench.lake.put_manifest(request.seal))
        with pytest.raises(LoadError) as caught:
            Loader(bench.warehouse, sleep=lambda _: None, read_part=bench.lake.read_part).load(request)
        assert bench.ledger(dataset) == []
        return caught.value, [part.key for part in request.seal.parts]

    return load


def without_lengths(request: Any) -> Any:
    """The seal says nothing about long texts, so that the staging table is too narrow for them."""
    parts = tuple(msgspec.structs.replace(part, text_bytes={}) for part in request.seal.parts)
    return replace(request, seal=msgspec.structs.replace(request.seal, parts=parts))


def test_a_text_that_is_too_long_is_named_by_file_row_column_and_bytes(refused: Any):
    error, (_, second) = refused([item(1)], [item(2), item(3, LONG), item(4)])
    assert error.message == (
        f"COPY refuses {second}, row 2 (position 2 of the batch), column label: "
        "the text 'São Paulo São Paulo São Paulo São Paulo São Paulo São Paulo …' has 220 bytes; the column takes 20."
    )
    assert (
        error.hint
        == "Raise max_bytes of label in the contract, or shorten it in the transform; then run the same command again."
    )
    assert LONG not in error.paragraph()


def test_a_decimal_of_more_digits_than_the_contract_has_is_named_by_its_type_and_an_example(refused: Any):
    wide = pa.schema([("id", pa.int64()), ("label", pa.string()), ("amount", pa.decimal128(12, 2)), POSITION])
    error, (key,) = refused([item(1, amount=decimal.Decimal("1234567890.12"))], arrow=wide)
    assert error.message == (
        f"COPY refuses {key}, column amount: the part holds decimal128(12, 2), such as '1234567890.12', "
        "and the contract says decimal128(6, 2)."
    )
    assert "new generation" in error.hint


def test_a_part_of_another_type_is_named_by_column_and_both_types(refused: Any):
    other = pa.schema([("id", pa.float64()), ("label", pa.string()), ("amount", pa.decimal128(6, 2)), POSITION])
    error, (key,) = refused([item(7)], arrow=other)
    assert (
        error.message
        == f"COPY refuses {key}, column id: the part holds double, such as '7.0', and the contract says int64."
    )


def test_a_missing_value_is_named_by_its_row(refused: Any):
    error, (key,) = refused([item(1), item(2), item(None)])
    assert error.message == (
        f"COPY refuses {key}, row 3 (position 2 of the batch), column id: there is no value, and the column takes no nulls."
    )


def test_a_part_that_is_gone_is_a_matter_of_integrity(bench: Any, make_dataset: Any):
    request = bench.request(make_dataset(Append()), [item(1)])
    (part,) = request.seal.parts
    seal = msgspec.structs.replace(request.seal, parts=(msgspec.structs.replace(part, key=part.key + ".gone"),))
    gone = replace(request, seal=seal, manifest=bench.lake.put_manifest(seal))
    with pytest.raises(SealConflict, match=r"part-00001\.parquet\.gone is sealed with sha256 .* and does not exist"):
        Loader(bench.warehouse, sleep=lambda _: None, read_part=bench.lake.read_part).load(gone)
    with pytest.raises(LoadError, match=r"COPY did not find .*part-00001\.parquet\.gone, which is sealed"):
        Loader(bench.warehouse, sleep=lambda _: None).load(gone)


def test_a_role_that_cannot_be_assumed_is_named(bench: Any, make_dataset: Any, other_role: Any):
    warehouse = other_role("arn:aws:iam::000000000000:role/nobody-made-this")
    with pytest.raises(
        AuthError, match=r"may not assume the COPY role arn:aws:iam::000000000000:role/nobody-made-this"
    ) as caught:
        bench.loader(warehouse).load(bench.request(make_dataset(Append()), [item(1)]))
    assert "trust" in caught.value.hint


def test_a_part_that_the_role_may_not_read_is_named_with_the_actions(bench: Any, make_dataset: Any):
    request = bench.request(make_dataset(Append()), [item(1)])
    (part,) = request.seal.parts
    hidden = bench.lake.put_part(part.key.replace("curated/", "raw/"), bench.lake.read_part(part), rows=1)
    seal = msgspec.structs.replace(request.seal, parts=(hidden,))
    with pytest.raises(AuthError) as caught:
        bench.loader().load(replace(request, seal=seal, manifest=bench.lake.put_manifest(seal)))
    assert caught.value.message == f"The COPY role {bench.warehouse.config.copy_role_arn} may not read {hidden.key}."
    assert "s3:GetObject" in caught.value.hint


@pytest.fixture
def other_role(bench: Any) -> Any:
    return lambda arn: Warehouse(replace(bench.warehouse.config, copy_role_arn=arn), bench.warehouse._credentials)
