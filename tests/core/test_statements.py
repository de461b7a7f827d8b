"""Statements from a contract, and the differences between a contract and a table, without any database."""

from dataclasses import replace
from typing import Annotated, Any

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from esteira.contract import Append, DeleteInsert, Quality, Reference, Replace, Scd2, Timestamp, Upsert
from esteira.errors import ConfigError, LoadError
from esteira.warehouse import WarehouseConfig
from esteira.warehouse.ddl import contract_statements
from esteira.warehouse.live import Design, LiveColumn, LiveTable, PrimaryKey
from esteira.warehouse.shape import Change, differences
from esteira.warehouse.statements import (
    LOAD_COLUMNS,
    comment_statement,
    comments,
    create_statement,
    literal,
    table_columns,
)
from tests.core.small import Key, Row, dataset

INJECTIONS = ['x"; drop table y', "x'; drop table y", "", "X", "a b", "1a", "é"]
MADE = """CREATE TABLE IF NOT EXISTS "dw"."rows" (
  "id" BIGINT ENCODE raw NOT NULL,
  "text" VARCHAR(40) ENCODE zstd,
  "small" SMALLINT ENCODE az64,
  "ratio" DOUBLE PRECISION ENCODE raw,
  "amount" DECIMAL(18,2) ENCODE az64,
  "is_ok" BOOLEAN ENCODE raw,
  "at" TIMESTAMPTZ ENCODE az64,
  "day" DATE ENCODE az64,
  "_esteira_batch" VARCHAR(128) ENCODE zstd NOT NULL,
  "_esteira_loaded_at" TIMESTAMPTZ DEFAULT GETDATE() ENCODE az64 NOT NULL,
  "_esteira_position" BIGINT ENCODE az64 NOT NULL,
  PRIMARY KEY ("id")
) DISTSTYLE KEY DISTKEY ("id") SORTKEY ("id")"""


class Mixed(pandera.DataFrameModel):
    """Columns with wishes."""

    id: pd.Int64Dtype = pandera.Field(description="Key")
    code: pd.StringDtype = pandera.Field(
        nullable=True, description="Code", metadata={"encode": "bytedict", "max_bytes": 20}
    )
    label: pd.StringDtype = pandera.Field(
        nullable=True, description="Label", metadata={"encode": "lzo", "unit": "word"}
    )
    doc: pd.StringDtype = pandera.Field(nullable=True, description="As received", metadata={"type": "super"})
    local: Annotated[pd.ArrowDtype, pa.timestamp("us")] = pandera.Field(nullable=True, description="Local moment")


class Named(pandera.DataFrameModel):
    """Keys that are text."""

    name: pd.StringDtype = pandera.Field(description="Key")
    seen: Timestamp = pandera.Field(description="When")


def live_of(contract: Any, **changes: Any) -> LiveTable:
    """The table that a load of this contract leaves, as the catalogue would tell it."""
    columns = {}
    for column in table_columns(contract):
        size = (column.max_bytes or 16,) if column.is_text else ()
        if pa.types.is_decimal(column.arrow):
            size = (column.arrow.precision, column.arrow.scale)
        columns[column.name] = LiveColumn(column.redshift, size, column.is_nullable)
    columns |= {name: LiveColumn(kind.split("(")[0], (), is_nullable=False) for name, kind in LOAD_COLUMNS.items()}
    key = (
        PrimaryKey(f"{contract.name}_pkey", frozenset(contract.write.key))
        if isinstance(contract.write, Upsert)
        else None
    )
    live = LiveTable(columns, {name: text for name, text in comments(contract).items() if text}, key)
    return replace(live, **changes)


def without(live: LiveTable, name: str) -> dict[str, LiveColumn]:
    return {each: column for each, column in live.columns.items() if each != name}


def only(changes: list[Change]) -> Change:
    (change,) = changes
    return change


def mixed(**changes: Any) -> Any:
    return dataset(**({"schema": Mixed, "write": Append()} | changes))


def test_a_contract_says_its_whole_table():
    assert create_statement(dataset(sortkey=("id",), distkey="id"), "dw", {}) == MADE


def test_encodings_nested_values_and_local_moments_are_as_the_contract_says():
    text = create_statement(mixed(), "dw", {"label": 100})
    for line in (
        '"code" VARCHAR(20) ENCODE bytedict,', '"label" VARCHAR(256) ENCODE lzo,', '"doc" SUPER ENCODE zstd,',
        '"local" TIMESTAMP ENCODE az64,', ") DISTSTYLE AUTO SORTKEY AUTO",
    ):  # fmt: skip
        assert line in text


@pytest.mark.parametrize(
    ("style", "clause"), [("even", "DISTSTYLE EVEN"), ("all", "DISTSTYLE ALL"), (None, "DISTSTYLE AUTO")]
)
def test_the_distribution_style_is_the_contract_s(style: Any, clause: str):
    assert f") {clause} SORTKEY AUTO" in create_statement(dataset(diststyle=style), "dw", {})


@pytest.mark.parametrize(
    "mode", [Append(), Replace(), DeleteInsert(by="id"), Scd2(key="id")], ids=lambda mode: type(mode).__name__
)
def test_a_key_that_the_write_mode_does_not_keep_unique_is_not_declared(mode: Any):
    quality = Quality(unique=("id",), references=(Reference("id", to="other.id"),))
    text = create_statement(dataset(write=mode, quality=quality), "dw", {})
    assert "PRIMARY KEY" not in text
    assert "REFERENCES" not in text


def test_a_mode_that_keeps_versions_adds_their_bounds_in_the_type_of_their_order():
    text = create_statement(dataset(schema=Named, write=Scd2(key="name", newest_by="seen")), "dw", {})
    for line in (
        '"valid_from" TIMESTAMPTZ ENCODE az64 NOT NULL,',
        '"valid_to" TIMESTAMPTZ ENCODE az64,',
        '"is_current" BOOLEAN ENCODE raw NOT NULL,',
    ):
        assert line in text


def test_a_text_key_has_a_fixed_length_because_it_cannot_be_widened():
    assert '"name" VARCHAR(256) ENCODE zstd NOT NULL' in create_statement(
        dataset(schema=Named, write=Upsert(key="name")), "dw", {"name": 3}
    )


def test_everything_that_makes_a_table_can_be_printed():
    made = contract_statements(dataset(), "dw", "readers")
    assert made[:3] == [
        'CREATE SCHEMA IF NOT EXISTS "dw"', 'CREATE SCHEMA IF NOT EXISTS "esteira_lock"',
        'CREATE TABLE IF NOT EXISTS "esteira_lock"."rows" (held BOOLEAN)',
    ]  # fmt: skip
    assert 'COMMENT ON TABLE "dw"."rows" IS \'Rows, one per id.\'' in made
    assert 'COMMENT ON COLUMN "dw"."rows"."small" IS \'Small number [cm]\'' in made
    assert made[-2:] == [
        'GRANT USAGE ON SCHEMA "dw" TO GROUP "readers"',
        'GRANT SELECT ON "dw"."rows" TO GROUP "readers"',
    ]


def test_a_description_is_quoted_and_an_absent_one_removes_the_comment():
    assert literal("it's \\ 5%") == "'it''s \\\\ 5%'"
    assert comment_statement(dataset(), "dw", "id", "") == 'COMMENT ON COLUMN "dw"."rows"."id" IS NULL'


@pytest.mark.fault(65)
@pytest.mark.parametrize("name", INJECTIONS)
@pytest.mark.parametrize("setting", ["schema", "reader_group"])
def test_a_schema_or_a_group_that_is_no_identifier_is_refused(setting: str, name: str):
    with pytest.raises(ConfigError, match="is not of the form") as caught:
        WarehouseConfig("host", 5439, "dev", "secret", "role", **{setting: name})
    assert repr(name) in caught.value.message


def test_a_role_that_would_end_its_literal_is_refused():
    with pytest.raises(ConfigError, match="is no ARN"):
        WarehouseConfig("host", 5439, "dev", "secret", "arn' FORMAT AS CSV --")


@pytest.mark.parametrize(
    "contract", [dataset(), mixed(), dataset(write=Scd2(key="id"))], ids=["types", "wishes", "versions"]
)
def test_a_table_that_is_as_the_contract_says_has_no_difference(contract: Any):
    assert differences(contract, "dw", live_of(contract), {}) == []


def test_a_new_column_is_added_by_us_with_its_encoding_and_comment():
    live = live_of(mixed())
    comments_before = {name: text for name, text in live.comments.items() if name != "label"}
    added, commented = differences(
        mixed(), "dw", replace(live, columns=without(live, "label"), comments=comments_before), {"label": 5}
    )
    assert added.statements == ('ALTER TABLE "dw"."rows" ADD COLUMN "label" VARCHAR(16) ENCODE lzo',)
    assert commented.statements == ('COMMENT ON COLUMN "dw"."rows"."label" IS \'Label [word]\'',)
    assert added.is_ours
    assert commented.is_ours


def test_a_text_is_widened_by_us_to_what_the_batch_holds():
    change = only(differences(mixed(), "dw", live_of(mixed()), {"label": 17}))
    assert change.is_ours
    assert change.statements == ('ALTER TABLE "dw"."rows" ALTER COLUMN "label" TYPE VARCHAR(64)',)


def test_a_wider_text_in_the_table_is_no_difference():
    live = live_of(dataset())
    columns = live.columns | {"text": LiveColumn("VARCHAR", (400,))}
    assert differences(dataset(), "dw", replace(live, columns=columns), {}) == []


def test_a_longer_text_than_the_contract_allows_is_refused_by_column():
    with pytest.raises(LoadError, match=r"'text' holds a text of 41 bytes; its limit is 40"):
        differences(
            dataset(), "dw", replace(live_of(dataset()), columns=without(live_of(dataset()), "text")), {"text": 41}
        )


@pytest.mark.parametrize(("longest", "is_blocking"), [(0, False), (16, False), (17, True)])
def test_a_text_key_of_an_old_table_is_widened_by_a_person_at_the_latest_when_a_batch_needs_it(
    longest: Any, is_blocking: Any
):
    contract = dataset(schema=Named, write=Upsert(key="name"))
    live = live_of(contract)
    change = only(
        differences(
            contract,
            "dw",
            replace(live, columns=live.columns | {"name": LiveColumn("VARCHAR", (16,), is_nullable=False)}),
            {"name": longest},
        )
    )
    assert (change.is_ours, change.is_blocking) == (False, is_blocking)
    assert change.statements == (
        'ALTER TABLE "dw"."rows" DROP CONSTRAINT "rows_pkey"',
        'ALTER TABLE "dw"."rows" ALTER COLUMN "name" TYPE VARCHAR(256)',
        'ALTER TABLE "dw"."rows" ADD PRIMARY KEY ("name")',
    )


def test_a_text_under_an_encoding_that_fixes_its_length_is_widened_by_a_person():
    live = live_of(mixed())
    change = only(
        differences(
            mixed(), "dw", replace(live, columns=live.columns | {"code": LiveColumn("VARCHAR", (5,))}), {"code": 9}
        )
    )
    assert change.is_blocking
    assert change.statements == (
        'ALTER TABLE "dw"."rows" ALTER COLUMN "code" ENCODE zstd',
        'ALTER TABLE "dw"."rows" ALTER COLUMN "code" TYPE VARCHAR(20)',
        'ALTER TABLE "dw"."rows" ALTER COLUMN "code" ENCODE bytedict',
    )


@pytest.mark.fault(47)
@pytest.mark.parametrize(
    ("column", "found", "cast"),
    [
        ("amount", LiveColumn("DECIMAL", (12, 2)), 'CAST("amount" AS DECIMAL(18,2))'),
        ("small", LiveColumn("BIGINT"), 'CAST("small" AS SMALLINT)'),
        ("text", LiveColumn("BIGINT"), 'CAST("text" AS VARCHAR(40))'),
        ("text", LiveColumn("SUPER"), 'JSON_SERIALIZE("text")'),
        ("at", LiveColumn("TIMESTAMP"), 'CAST("at" AS TIMESTAMPTZ)'),
        ("at", LiveColumn("TIMESTAMPTZ", is_nullable=False), '"at"'),
    ],
)
def test_another_type_and_a_lost_null_block_the_load_and_are_removed_by_a_rebuild(
    column: str, found: LiveColumn, cast: str
):
    live = live_of(dataset())
    change = only(differences(dataset(), "dw", replace(live, columns=live.columns | {column: found}), {}))
    assert (change.column, change.is_ours, change.is_blocking) == (column, False, True)
    assert found.type in change.what or "takes no nulls" in change.what
    begin, lock, create, fill, aside, back, commit = change.statements
    assert (begin, lock, commit) == ("BEGIN", 'LOCK "esteira_lock"."rows"', "COMMIT")
    assert create.startswith('CREATE TABLE IF NOT EXISTS "dw"."rows__rebuild"')
    assert f", {cast}, " in fill
    assert 'RENAME TO "rows__before"' in aside
    assert 'RENAME TO "rows"' in back


def test_a_rebuild_keeps_texts_as_long_as_they_are_and_nulls_where_they_are():
    live = live_of(mixed())
    columns = live.columns | {"id": LiveColumn("INTEGER"), "label": LiveColumn("VARCHAR", (300,))}
    create, fill = only(differences(mixed(), "dw", replace(live, columns=columns), {})).statements[2:4]
    assert '"id" BIGINT ENCODE az64,' in create
    assert '"label" VARCHAR(512)' in create
    assert 'CAST("id" AS BIGINT), "code", "label", "doc", "local"' in fill


@pytest.mark.parametrize("is_nullable", [True, False])
def test_a_column_that_the_contract_dropped_is_a_person_s_and_blocks_where_it_takes_no_nulls(is_nullable: Any):
    live = live_of(dataset())
    change = only(
        differences(
            dataset(), "dw", replace(live, columns=live.columns | {"old": LiveColumn("DATE", (), is_nullable)}), {}
        )
    )
    assert (change.is_ours, change.is_blocking) == (False, not is_nullable)
    assert change.statements == ('ALTER TABLE "dw"."rows" DROP COLUMN "old"',)


@pytest.mark.parametrize(("mode", "columns"), [(Append(), {"id"}), (Upsert(key="id"), {"small"})], ids=["mode", "key"])
def test_a_primary_key_that_nothing_keeps_unique_any_more_blocks_the_load(mode: Any, columns: set[str]):
    live = replace(live_of(dataset()), primary_key=PrimaryKey("rows_pkey", frozenset(columns)))
    change = only(differences(dataset(write=mode), "dw", live, {}))
    assert change.is_blocking
    assert change.statements == ('ALTER TABLE "dw"."rows" DROP CONSTRAINT "rows_pkey"',)


def test_a_missing_primary_key_is_no_difference():
    assert differences(dataset(), "dw", replace(live_of(dataset()), primary_key=None), {}) == []


DESIGNS = [
    (mixed(), Design({"code": "lzo", "label": "lzo"}, None, ()), 'COLUMN "code" ENCODE bytedict'),
    (dataset(distkey="id"), Design({}, "small", ()), 'DISTSTYLE KEY DISTKEY "id"'),
    (dataset(distkey="id"), Design({}, None, ()), 'DISTSTYLE KEY DISTKEY "id"'),
    (dataset(diststyle="all"), Design({}, "id", (), "KEY"), "DISTSTYLE ALL"),
    (dataset(diststyle="all"), Design({}, None, (), "EVEN"), "DISTSTYLE ALL"),
    (dataset(diststyle="even"), Design({}, None, (), "ALL"), "DISTSTYLE EVEN"),
    (dataset(diststyle="even"), Design({}, None, (), "AUTO(EVEN)"), "DISTSTYLE EVEN"),
    (dataset(sortkey=("id", "at")), Design({}, None, ("at", "id")), 'SORTKEY ("id", "at")'),
]


@pytest.mark.parametrize(("contract", "design", "statement"), DESIGNS)
def test_another_design_is_a_person_s_and_stops_nothing(contract: Any, design: Design, statement: str):
    change = only(differences(contract, "dw", live_of(contract, design=design), {}))
    assert (change.is_ours, change.is_blocking) == (False, False)
    assert change.statements == (f'ALTER TABLE "dw"."rows" ALTER {statement}',)


def test_what_the_contract_leaves_to_redshift_is_not_compared():
    design = Design({"id": "mostly8", "text": "text255"}, "small", ("at",))
    assert differences(dataset(), "dw", live_of(dataset(), design=design), {}) == []


def test_a_changed_description_is_written_and_an_equal_one_is_not():
    live = live_of(dataset())
    change = only(differences(dataset(), "dw", replace(live, comments=live.comments | {"id": "Old"}), {}))
    assert (change.is_ours, change.statements) == (True, ('COMMENT ON COLUMN "dw"."rows"."id" IS \'Key\'',))


def test_the_small_contracts_of_these_tests_have_every_type():
    found = {
        column.redshift for schema in (Row, Mixed, Key) for column in dataset(schema=schema, write=Append()).columns
    }
    assert found == {
        "BIGINT",
        "SMALLINT",
        "DOUBLE PRECISION",
        "BOOLEAN",
        "DATE",
        "DECIMAL",
        "VARCHAR",
        "TIMESTAMPTZ",
        "TIMESTAMP",
        "SUPER",
    }
