"""`Dataset`: one contract, validated as a whole when it is constructed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from esteira.contract.batch_rules import NullRate, check_rule, columns_of_rule
from esteira.contract.choices import require_choice
from esteira.contract.columns import Column, columns_of
from esteira.contract.combination import check_write
from esteira.contract.export import Export, check_exports
from esteira.contract.filed import check_files
from esteira.contract.quality import Quality
from esteira.contract.source import ApiSource
from esteira.contract.spreadsheet import SpreadsheetSource
from esteira.contract.titles import Named, Titles, check_title, check_unique, titles_of, view_name
from esteira.contract.write import VALIDITY_TITLES, Append, Scd2, WriteMode
from esteira.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pandera

Cadence = Literal["hourly", "daily", "weekly", "monthly"]
NewColumns = Literal["ignore", "warn", "fail"]
BadValues = Literal["quarantine", "null", "fail"]
DistStyle = Literal["auto", "even", "all", "key"]
_CHOICES: dict[str, Any] = {"cadence": Cadence, "new_columns": NewColumns, "bad_values": BadValues}
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Dataset and column names: they become S3 prefixes and SQL identifiers, so they need no quoting anywhere."""
KEY_TEXT_BYTES = 256
"""Length of a text key without `max_bytes`: Redshift refuses to widen a column of a primary key, so the data cannot size it."""
MAX_SORTKEY_COLUMNS = 400
"""https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_TABLE_NEW.html"""


@dataclass(frozen=True)
class Dataset:
    """A table's contract.

    Args:
        name: File name = dataset name = S3 prefix = table name = deployment parameter.
        source: Where the rows come from.
        schema: pandera model of the curated rows; its row rules decide between curated and quarantine.
        write: How a batch changes the table.
        transform: Pure, row-wise function from the frame as delivered to the frame of the schema; the index must be kept.
        derived: Columns that the transform makes and the portal does not deliver.
        new_columns: What a column that the contract does not know does.
        bad_values: What a row with a value that breaks its type or rule does; `null` keeps the row without the value where the column may be null.
        quality: Thresholds and whole-batch rules.
        sortkey, distkey: Redshift's physical order and distribution; without one Redshift chooses and changes it by itself.
        diststyle: `even` or `all`, where neither a `distkey` nor Redshift's own choice is right; None follows from `distkey`.
        cadence: How often a slot of `as_of` begins.
        owner: Who is asked when it fails.
        formerly: Names that it had before: until `esteira rename` has run in a warehouse, nothing is loaded under the new one there.
        retired: It is loaded no more; `esteira retire` says so to the warehouse.
        title: Its business name by language (`en`, `pt`); one that is missing is the name in words. Views are named after it.
        exports: Files for BI tools and people that are made of the table after each load.

    Raises:
        ConfigError: A combination that cannot be loaded exactly once, or a name that is no identifier.
    """

    name: str
    source: ApiSource | SpreadsheetSource
    schema: type[pandera.DataFrameModel]
    write: WriteMode
    transform: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    derived: tuple[str, ...] = ()
    new_columns: NewColumns = "warn"
    bad_values: BadValues = "quarantine"
    quality: Quality = field(default_factory=Quality)
    sortkey: tuple[str, ...] = ()
    distkey: str | None = None
    diststyle: DistStyle | None = None
    cadence: Cadence = "daily"
    owner: str = ""
    formerly: tuple[str, ...] = ()
    retired: bool = False
    title: Titles = field(default_factory=dict)
    exports: tuple[Export, ...] = ()

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ConfigError(f"Dataset name {self.name!r} is not of the form {NAME.pattern}.", hint=_NAME_HINT)
        self._check_names()
        if (given := str(self.new_columns)) == "add":
            raise ConfigError(
                f"new_columns={given!r}: no column is loaded that the contract does not describe.",
                dataset=self.name,
                hint="Keep 'warn': raw has the column, `esteira drift NAME --patch` writes it into the contract, and `esteira ingest NAME --from raw` "
                "fills it for old batches too.",
            )
        for argument, words in _CHOICES.items():
            require_choice(argument, getattr(self, argument), get_args(words), dataset=self.name)
        self._check_columns()
        self._check_titles()
        self._check_design()
        check_write(self)
        check_files(self)
        check_exports(self.exports, self.name, [column.name for column in self.columns if not column.is_pii])

    @property
    def api(self) -> ApiSource:
        """Its source, for those who ask a portal for rows.

        Raises:
            ConfigError: Its rows come from files.
        """
        if not isinstance(self.source, ApiSource):
            raise ConfigError("Its rows come from files, not from a portal's API.", dataset=self.name)
        return self.source

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The curated columns in order; a text that is part of the key has a fixed length."""
        return tuple(
            replace(column, max_bytes=KEY_TEXT_BYTES)
            if column.name in self.key and column.is_text and column.max_bytes is None
            else column
            for column in columns_of(self.schema)
        )

    @property
    def key(self) -> tuple[str, ...]:
        """The business key of a write mode that has one: unique in the table, or with its versions."""
        return tuple(getattr(self.write, "key", ()))

    @property
    def distribution(self) -> DistStyle:
        """The distribution style that the table is made with."""
        return self.diststyle or ("key" if self.distkey else "auto")

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """The curated columns' names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def names_batch(self) -> bool:
        """Whether curated parts name their batch in each row, so that COPY can bring them into the table as they are.

        Rows that meet no others are decided about by nothing in the table, and nested values would have to be converted.
        """
        return isinstance(self.write, Append) and not any(column.is_super for column in self.columns)

    @property
    def parents(self) -> tuple[str, ...]:
        """The datasets that must run first: those that it refers to, and the one whose rows it is asked for by."""
        own = (self.source.parent.dataset,) if self.source.parent else ()
        return tuple(dict.fromkeys((*own, *(reference.target[0] for reference in self.quality.references))))

    @property
    def needed(self) -> tuple[str, ...]:
        """Those of `parents` without which a batch must fail, so that it need not be tried."""
        own = (self.source.parent.dataset,) if self.source.parent else ()
        strict = (each.target[0] for each in self.quality.references if each.otherwise == "fail")
        return tuple(dict.fromkeys((*own, *strict)))

    @property
    def titles(self) -> dict[str, str]:
        """Its business name in each language."""
        return titles_of(self.name, self.title)

    @property
    def views(self) -> dict[str, str]:
        """What its view is called in each language, without a schema."""
        return {language: view_name(title) for language, title in self.titles.items()}

    @property
    def description(self) -> str:
        """The first line of the schema's docstring."""
        return (self.schema.__doc__ or "").strip().split("\n")[0]

    def _check_names(self) -> None:
        given: Any = self.formerly  # a text would pass as a tuple of letters
        if not isinstance(given, tuple) or any(not NAME.fullmatch(name) for name in given):
            raise ConfigError(f"formerly={given!r} is no tuple of dataset names.", dataset=self.name)
        if self.name in self.formerly:
            raise ConfigError(f"formerly={self.formerly!r} holds its present name.", dataset=self.name)

    def _check_columns(self) -> None:
        for name in self.column_names:
            if not NAME.fullmatch(name):
                raise ConfigError(
                    f"Column name {name!r} is not of the form {NAME.pattern}.", dataset=self.name, hint=_NAME_HINT
                )
        self._require("sortkey", self.sortkey)
        self._require("distkey", (self.distkey,) if self.distkey else ())
        self._require("derived", self.derived)
        self._require("quality.unique", self.quality.unique)
        self._require("quality.references", (reference.column for reference in self.quality.references))
        self._check_rules()

    def _check_titles(self) -> None:
        try:
            check_title("Dataset", self.title, is_view=True)
            added = VALIDITY_TITLES if isinstance(self.write, Scd2) else {}
            check_unique((*self.columns, *(Named(name, titles) for name, titles in added.items())))
        except ConfigError as exc:
            raise exc.located(dataset=self.name) from None

    def _check_rules(self) -> None:
        self._require("quality.rules", (name for rule in self.quality.rules for name in columns_of_rule(rule)))
        by_name = {column.name: column for column in self.columns}
        for rule in self.quality.rules:
            check_rule(rule, by_name)

    def _check_design(self) -> None:
        require_choice("diststyle", self.distribution, get_args(DistStyle), dataset=self.name)
        if (self.distribution == "key") != (self.distkey is not None):
            raise ConfigError(
                f"diststyle={self.diststyle!r} and distkey={self.distkey!r} exclude each other.",
                dataset=self.name,
                hint="A distkey needs diststyle 'key' or none at all, and 'key' needs a distkey.",
            )
        if len(set(self.sortkey)) != len(self.sortkey) or len(self.sortkey) > MAX_SORTKEY_COLUMNS:
            raise ConfigError(
                f"sortkey names a column twice, or more than {MAX_SORTKEY_COLUMNS}: {', '.join(self.sortkey)}.",
                dataset=self.name,
                hint="Name each column once, the one that queries filter by first.",
            )
        self._refuse_nested()

    def _refuse_nested(self) -> None:
        """Refuse nested columns where values are compared: SUPER has no order, and no equality to rely on.

        https://docs.aws.amazon.com/redshift/latest/dg/limitations-super.html
        """
        nested = {column.name for column in self.columns if column.is_super}
        compared = {
            *self.sortkey, self.distkey, *self.key, getattr(self.write, "newest_by", None), *self.quality.unique,
            *(reference.column for reference in self.quality.references),
            *(name for rule in self.quality.rules if not isinstance(rule, NullRate) for name in columns_of_rule(rule)),
        }  # fmt: skip
        for name in sorted(nested & compared):
            raise ConfigError(
                f"Column {name!r} is nested and cannot be a key, be sorted by, be unique, refer to anything or be compared.",
                dataset=self.name,
                hint="Lift the value that you mean into a column of its own in the transform.",
            )

    def _require(self, where: str, names: Iterable[str]) -> None:
        missing = sorted(set(names) - set(self.column_names))
        if missing:
            raise ConfigError(f"{where} names {', '.join(missing)}, which the schema does not have.", dataset=self.name)


_NAME_HINT = "Use lower-case letters, digits and underscores, beginning with a letter; rename portal columns with ApiSource(rename=...)."
