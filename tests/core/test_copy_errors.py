"""COPY failures in Redshift's own words, which the local gateway does not send: one paragraph with file, row, column and value."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from esteira.contract import Column
from esteira.errors import LakeUnavailable, LoadError
from esteira.lake import Part
from esteira.warehouse.copy_errors import Copied, explained

pytestmark = pytest.mark.fault(53)
KEY = "curated/t/b/a/part-00001.parquet"
COLUMNS = (
    Column("id", pa.int64(), "Int64", is_nullable=False, description="Number"),
    Column("label", pa.string(), "string", is_nullable=True, description="Text", max_bytes=20),
)
URL = f"https://s3.us-east-1.amazonaws.com/lake/{KEY}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=c0ffee"


def explain(text: str, content: bytes | None = None) -> Any:
    part = Part(key=KEY, size_bytes=1, sha256="0", rows=1)
    copied = Copied(COLUMNS, [part], "arn:role", (lambda _: content) if content else None)
    with pytest.raises(Exception) as caught, explained(copied):
        raise LoadError(f"The warehouse refuses the statement: {text}.")
    return caught.value


def parquet(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


def test_a_text_of_redshift_that_is_cut_before_the_column_is_completed_from_the_part():
    text = f"Spectrum Scan Error (error: Spectrum Scan Error code: 15007 context: File '{URL}' has an incompatible Parquet s query: 1"
    error = explain(text, parquet(id=[1], label=[7]))
    assert (
        error.message
        == f"COPY refuses {KEY}, column label: the part holds int64, such as '7', and the contract says string."
    )


def test_a_cut_text_about_a_length_finds_the_column_that_exceeds_the_contract():
    text = f"Spectrum Scan Error (code: 15001 context: The length of the data column is longer than File name: {URL}"
    error = explain(text, parquet(id=[1, 2], label=["a", "b" * 30]))
    assert error.message.startswith(f"COPY refuses {KEY}, row 2, column label: the text 'bbb")


@pytest.mark.parametrize(
    ("complaint", "label", "said"),
    [
        ("code: 15001 context: The length of the data column is longer than", "529.982.247-25 " * 3, "the text *** has 45 bytes"),
        ("code: 15007 context: has an incompatible Parquet s", 52998224725, "the part holds int64, such as ***, and the contract"),
    ],
)  # fmt: skip
def test_no_value_of_a_personal_column_is_in_the_message(
    monkeypatch: pytest.MonkeyPatch, complaint: str, label: Any, said: str
):
    monkeypatch.setattr(f"{__name__}.COLUMNS", (COLUMNS[0], replace(COLUMNS[1], is_pii=True)))
    error = explain(f"Spectrum Scan Error ({complaint} File name: {URL}", parquet(id=[1], label=[label]))
    assert said in error.message
    assert "529" not in error.message


def test_without_a_way_to_the_lake_the_message_names_file_and_column_as_redshift_does():
    text = f"Spectrum Scan Error (code: 15001 context: The length of the data column label is longer than the length defined in the table. Table: 20, Data: 30, File name: {KEY}"
    assert explain(text).message.startswith(f"COPY refuses {KEY} column label: ")
    assert "Raise max_bytes of label" in explain(text).hint


@pytest.mark.parametrize("text", ["SlowDown", "Status 503", "InternalError"])
def test_an_s3_that_is_busy_is_transient(text: str):
    assert isinstance(explain(f"S3ServiceException:Please reduce your request rate.,{text}"), LakeUnavailable)


def test_any_other_error_passes_as_it_is():
    assert explain("division by zero").message == "The warehouse refuses the statement: division by zero."
