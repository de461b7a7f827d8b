"""What a contract may say about its columns and their table, refused when it is constructed."""

from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from esteira.contract import Append, Quality, Reference, Replace, Scd2, Upsert
from esteira.contract.encodings import TYPES_BY_ENCODING, default_encoding, encodings_of
from esteira.errors import ConfigError
from tests.core.small import Key, dataset

TYPES = sorted({kind for kinds in TYPES_BY_ENCODING.values() for kind in kinds})


def schema_of(dtype: Any, **metadata: Any) -> type[pandera.DataFrameModel]:
    """A contract's schema with an id and one column `it` of a type, with metadata."""
    columns = {"id": pandera.Column(pd.Int64Dtype()), "it": pandera.Column(dtype, nullable=True, metadata=metadata)}

    class Model(Key):
        @classmethod
        def to_schema(cls) -> pandera.DataFrameSchema:
            return pandera.DataFrameSchema(columns)

    return Model


class Nested(pandera.DataFrameModel):
    id: pd.Int64Dtype = pandera.Field(description="Key")
    doc: pd.StringDtype = pandera.Field(description="As received", metadata={"type": "super"})


@pytest.mark.parametrize(
    ("argument", "word"),
    [
        ("cadence", "fortnightly"), ("cadence", "Daily"), ("new_columns", "refuse"), ("new_columns", None), ("bad_values", "drop"),
        ("diststyle", "random"), ("diststyle", "KEY"),
    ],
)  # fmt: skip
def test_a_word_that_an_argument_does_not_know_is_refused_with_those_it_knows(argument: str, word: Any):
    with pytest.raises(ConfigError, match=rf"{argument}={word!r} is not one of '") as caught:
        dataset(**{argument: word})
    assert caught.value.dataset == "rows"
    assert "Write one of" in caught.value.hint


def test_a_contract_that_asks_for_columns_to_be_added_is_told_what_to_do_instead():
    with pytest.raises(ConfigError, match="no column is loaded that the contract does not describe") as caught:
        dataset(new_columns="add")
    assert "esteira drift NAME --patch" in caught.value.hint


def test_a_column_that_may_be_absent_must_be_nullable():
    class Model(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(description="Key")
        text: pd.StringDtype | None = pandera.Field(description="Text")

    with pytest.raises(ConfigError, match="Column 'text' may be absent and may not be null"):
        dataset(schema=Model)


@pytest.mark.parametrize("word", ["Fail", "ignore", ""])
def test_a_reference_that_neither_warns_nor_fails_is_refused(word: Any):
    with pytest.raises(ConfigError, match=r"otherwise.* is not one of 'warn', 'fail'"):
        Reference("id", to="a.b", otherwise=word)


@pytest.mark.fault(65)
@pytest.mark.parametrize("to", ['a"; drop table y.b', "a.b'; --", "A.b", "a.", "_esteira.b"])
def test_a_reference_to_what_is_no_identifier_is_refused(to: str):
    with pytest.raises(ConfigError, match=r"not of the form dataset\.column"):
        Reference("id", to=to)


@pytest.mark.parametrize(("style", "key"), [("key", None), ("even", "id"), ("all", "id"), ("auto", "id")])
def test_a_distribution_style_that_contradicts_the_distkey_is_refused(style: Any, key: Any):
    with pytest.raises(ConfigError, match="exclude each other"):
        dataset(diststyle=style, distkey=key)


@pytest.mark.parametrize(
    ("style", "key", "made"), [(None, None, "auto"), (None, "id", "key"), ("key", "id", "key"), ("all", None, "all")]
)
def test_the_distribution_follows_from_the_distkey_unless_it_is_said(style: Any, key: Any, made: str):
    assert dataset(diststyle=style, distkey=key).distribution == made


def test_a_sortkey_that_names_a_column_twice_is_refused():
    with pytest.raises(ConfigError, match="sortkey names a column twice"):
        dataset(sortkey=("id", "at", "id"))


@pytest.mark.parametrize(
    ("dtype", "encode"),
    [
        (pd.StringDtype(), "az64"), (pd.Int64Dtype(), "text255"), (pd.Int16Dtype(), "mostly16"), (pd.BooleanDtype(), "az64"),
        (pd.Float64Dtype(), "lzo"), (pd.Int64Dtype(), "AZ64"), (pd.Int64Dtype(), "auto"),
    ],
)  # fmt: skip
def test_an_encoding_that_the_type_does_not_take_is_refused_with_those_it_takes(dtype: Any, encode: str):
    with pytest.raises(ConfigError, match=rf"Column 'it': encode='{encode}' is no encoding of") as caught:
        dataset(schema=schema_of(dtype, encode=encode), write=Replace())
    assert "raw" in caught.value.hint


@pytest.mark.parametrize("encode", ["bytedict", "runlength", "text255", "text32k"])
def test_an_encoding_under_which_a_text_cannot_grow_needs_a_length(encode: str):
    with pytest.raises(ConfigError, match="refuses to widen") as caught:
        dataset(schema=schema_of(pd.StringDtype(), encode=encode), write=Replace())
    assert "max_bytes" in caught.value.hint
    fixed = dataset(schema=schema_of(pd.StringDtype(), encode=encode, max_bytes=9), write=Replace())
    assert (fixed.columns[1].encode, fixed.columns[1].max_bytes) == (encode, 9)


@pytest.mark.parametrize("kind", TYPES)
def test_the_default_encoding_of_a_type_is_one_that_it_takes(kind: str):
    assert default_encoding(kind, is_sorted=False) in encodings_of(kind)
    assert default_encoding(kind, is_sorted=True) == "raw"


@pytest.mark.parametrize("size", [0, -1, 65_536, "20", 1.5])
def test_a_length_that_varchar_cannot_have_is_refused(size: Any):
    with pytest.raises(ConfigError, match=r"Column 'it': max_bytes=.* is no length of VARCHAR"):
        dataset(schema=schema_of(pd.StringDtype(), max_bytes=size), write=Replace())


def test_a_length_on_a_number_is_refused():
    with pytest.raises(ConfigError, match="is no length of BIGINT"):
        dataset(schema=schema_of(pd.Int64Dtype(), max_bytes=8), write=Replace())


@pytest.mark.parametrize(
    "arrow",
    [
        pa.decimal128(5, 7),
        pa.decimal128(38, 38),
        pa.decimal128(5, -2),
        pa.timestamp("us", "America/Sao_Paulo"),
        pa.time64("us"),
    ],
    ids=str,
)
def test_an_arrow_type_that_redshift_cannot_hold_exactly_is_refused(arrow: Any):
    with pytest.raises(ConfigError, match=r"Column 'it' .* no exact Redshift type"):
        dataset(schema=schema_of(pd.ArrowDtype(arrow)), write=Replace())


@pytest.mark.parametrize(
    ("mode", "size"),
    [(Upsert(key="it"), 256), (Scd2(key="it"), 256), (Append(), None)],
    ids=["upsert", "scd2", "append"],
)
def test_only_a_text_that_is_part_of_the_key_has_a_length_of_its_own(mode: Any, size: int | None):
    class Named(pandera.DataFrameModel):
        it: pd.StringDtype = pandera.Field(description="Name")

    assert dataset(schema=Named, write=mode).columns[0].max_bytes == size


def test_a_nested_column_is_declared_on_a_text():
    doc = dataset(schema=Nested).columns[1]
    assert (doc.redshift, doc.arrow, doc.is_super, doc.is_text) == ("SUPER", pa.binary(), True, False)


@pytest.mark.parametrize(
    ("dtype", "kind"), [(pd.Int64Dtype(), "super"), (pd.StringDtype(), "json"), (pd.StringDtype(), None)]
)
def test_a_nested_column_that_is_no_text_and_an_unknown_type_are_refused(dtype: Any, kind: Any):
    with pytest.raises(ConfigError, match="Column 'it': metadata type") as caught:
        dataset(schema=schema_of(dtype, type=kind), write=Replace())
    assert '{"type": "super"}' in caught.value.hint


@pytest.mark.parametrize(
    "wish",
    [
        {"sortkey": ("doc",)}, {"distkey": "doc"}, {"write": Upsert(key="doc")}, {"write": Upsert(key="id", newest_by="doc")},
        {"quality": Quality(unique=("doc",))}, {"quality": Quality(references=(Reference("doc", to="a.b"),))},
    ],
    ids=["sortkey", "distkey", "key", "newest_by", "unique", "reference"],
)  # fmt: skip
def test_a_nested_column_is_neither_compared_nor_sorted_by(wish: dict[str, Any]):
    with pytest.raises(ConfigError, match="nested") as caught:
        dataset(schema=Nested, **wish)
    assert "Lift the value" in caught.value.hint


def test_an_annotated_local_moment_and_a_decimal_at_its_limit_are_taken():
    class Wide(pandera.DataFrameModel):
        id: pd.Int64Dtype = pandera.Field(description="Key")
        most: Annotated[pd.ArrowDtype, pa.decimal128(38, 37)] = pandera.Field(description="Widest decimal")

    assert [column.redshift for column in dataset(schema=Wide).columns] == ["BIGINT", "DECIMAL"]
