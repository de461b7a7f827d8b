"""Where a dataset comes from: a portal's endpoint and its pages."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from esteira.contract.choices import require_choice
from esteira.contract.clock import Clock
from esteira.contract.incremental import Incremental
from esteira.contract.parent import Parent
from esteira.contract.paths import compiled
from esteira.contract.responses import ResponseAction
from esteira.contract.shapes import Columns, Shape, check_rename
from esteira.contract.templates import check_template, placeholders
from esteira.errors import ConfigError
from esteira.paginate import LATER, Paginator, Param, SinglePage, Where

Method = Literal["GET", "POST"]
_LAYOUT_ONLY = ("pages_per_part", "inputs", "rename", "responses", "columns", "is_single_record", "skip_unchanged")
"""Says how answers are read and stored, and not what is asked for."""


@dataclass(frozen=True, slots=True)
class ApiSource:
    """A table behind a portal's API.

    Args:
        portal: Name of the portal block, which holds the base URL, the auth and the rate budget.
        path: Path below the base URL; may hold templates (esteira.contract.templates).
        records: JMESPath of the records in a page (dlt: `data_selector`); empty when the page itself is the array.
        paginator: How to get from a page to the next.
        params: Query parameters; their values may hold templates, and a list gives a parameter several times.
        total: Where the portal reports the total; reconciled against what arrived.
        incremental: The cursor; without one each batch is a full snapshot.
        rename: Portal's column name to the contract's, where they differ. A nested value is lifted by its keys with dots between them,
            `user.address.city`; a key that holds a dot is quoted, `"a.b"`.
        inputs: Columns that only the transform needs; delivered to it as the portal wrote them.
        pages_per_part: How many pages make one part at most; by default its size and age decide (esteira.extraction.part).
        method: `POST` for a portal that is asked by a JSON body. It is declared to change nothing there, so it is asked again after a failure.
        body: The JSON body of a POST; its texts may hold templates.
        responses: What answers mean beyond their status; the first rule that holds wins.
        parent: Another dataset: one walk for each row of its batch.
        skip_unchanged: Whether the portal is asked for its one answer only if that has changed since the last committed batch.
        columns: What the values are called when records are arrays: a JMESPath, the names themselves, or `FirstRecord()`.
        is_single_record: Whether one object stands at `records` instead of a list.

    Raises:
        ConfigError: The arguments do not fit each other, or a template names nothing.
    """

    portal: str
    path: str
    records: str = ""
    paginator: Paginator = field(default_factory=SinglePage)
    params: Mapping[str, Param] = field(default_factory=dict)
    total: Where | None = None
    incremental: Incremental | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    pages_per_part: int | None = None
    method: Method = field(default="GET", metadata=LATER)
    body: Mapping[str, Any] | None = field(default=None, metadata=LATER)
    responses: tuple[ResponseAction, ...] = field(default=(), metadata=LATER)
    parent: Parent | None = field(default=None, metadata=LATER)
    skip_unchanged: bool = field(default=False, metadata=LATER)
    columns: Columns = field(default=None, metadata=LATER)
    is_single_record: bool = field(default=False, metadata=LATER)

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ConfigError(
                f"ApiSource(path={self.path!r}): the path starts with a slash and stands below the portal's base URL."
            )
        if self.pages_per_part is not None and self.pages_per_part < 1:
            raise ConfigError(f"ApiSource(pages_per_part={self.pages_per_part}): at least one page makes a part.")
        self.shape.check()
        check_rename(dict(self.rename))
        self._check_params()
        self._check_method()
        self._check_templates()
        self._check_responses()
        self._check_skipping()
        for path in self.reads:
            compiled(path)

    @property
    def parent_columns(self) -> tuple[str, ...]:
        """The columns of the parent that the requests and the records need."""
        places = placeholders([self.path, self.params, self.body])
        named = (each.name.partition(".")[2] for each in places if each.scope == "parent")
        return tuple(dict.fromkeys((*named, *(self.parent.columns.values() if self.parent else ()))))

    @property
    def shape(self) -> Shape:
        """How the records stand in a page."""
        return Shape(self.records, self.columns, self.is_single_record)

    @property
    def reads(self) -> tuple[str, ...]:
        """The JMESPaths that are looked up in a page beside its records and their names."""
        total = (self.total,) if isinstance(self.total, str) else ()
        rules = (rule.at for rule in self.responses if rule.at)
        return tuple(dict.fromkeys((*total, *self.paginator.reads, *rules)))

    @property
    def definition_hash(self) -> str:
        """Eight hex digits that change when what is asked of the portal changes; part of each batch id."""
        definition = {
            "type": type(self).__name__,
            "paginator_type": type(self.paginator).__name__,
            **_definition(self),
        }
        for name in _LAYOUT_ONLY:
            definition.pop(name, None)
        return hashlib.sha256(json.dumps(definition, sort_keys=True, default=_plain).encode()).hexdigest()[:8]

    def _check_params(self) -> None:
        for name, value in self.params.items():
            values = value if isinstance(value, list | tuple) else (value,)
            if not all(isinstance(each, str | int | float) for each in values):
                raise ConfigError(
                    f"ApiSource(params=...): {name}={value!r} is neither a text nor a number, nor a list of them.",
                    hint="Leave a parameter out that has no value; what is nested goes into body= of a POST.",
                )

    def _check_method(self) -> None:
        require_choice("ApiSource(method)", self.method, get_args(Method))
        if self.method == "GET" and (self.body is not None or getattr(self.paginator, "place", "query") == "body"):
            raise ConfigError(
                "ApiSource(method='GET') has no body, and body= or the paginator's place='body' needs one.",
                hint="Set method='POST' for a portal that is asked by a JSON body.",
            )

    def _check_templates(self) -> None:
        asked = {"path": self.path, "params": self.params, "body": self.body}
        named = frozenset[str]().union(*(check_template(argument, value) for argument, value in asked.items()))
        self._check_parent(named)
        if self.incremental is None:
            if any(name.startswith("window.") for name in named):
                raise ConfigError(
                    "ApiSource: a template names the window, and without incremental= each batch is a full snapshot.",
                    hint="Add incremental=Incremental(...).",
                )
        elif not self.incremental.start_param and "window.start" not in named:
            raise ConfigError(
                "ApiSource: the window's start is asked for nowhere, so each batch would be everything.",
                hint="Give Incremental(start_param=...), or a template such as {window.start:%Y-%m-%d}.",
            )
        else:
            self._check_steps(self.incremental)

    def _check_steps(self, incremental: Incremental) -> None:
        """Refuse a template whose format is coarser than the windows: one that writes days needs windows that end at midnights of the portal's zone."""
        if not incremental.is_time or incremental.timezone == "UTC":
            return
        for each in placeholders([self.path, self.params, self.body]):
            if each.scope == "window" and each.format and Clock(each.format).step > incremental.clock.step:
                raise ConfigError(
                    f"ApiSource: {each.text} writes steps of {Clock(each.format).step}, and the windows of Incremental(timezone="
                    f"{incremental.timezone!r}) end at any of {incremental.clock.step}.",
                    hint=f"Give Incremental(format={each.format!r}), so that windows end where the portal's days do.",
                )

    def _check_parent(self, named: frozenset[str]) -> None:
        is_named = any(name.startswith("parent.") for name in named)
        if is_named != (self.parent is not None):
            raise ConfigError(
                f"ApiSource(path={self.path!r}): {'a template names a parent and there is none' if is_named else 'no template names the parent'}.",
                hint="parent=Parent(...) and a place such as {parent.id} in path, params or body go together.",
            )

    def _check_skipping(self) -> None:
        is_one_answer = isinstance(self.paginator, SinglePage) and self.incremental is None and self.parent is None
        if self.skip_unchanged and not (is_one_answer and self.method == "GET"):
            raise ConfigError(
                "skip_unchanged=True needs one answer to a GET that is the whole table: SinglePage(), no incremental and no parent.",
                hint="Leave it out: of several pages the first cannot say that the others are the same.",
            )

    def _check_responses(self) -> None:
        given: Any = self.responses  # one rule alone would pass for none
        if not isinstance(given, tuple) or not all(isinstance(each, ResponseAction) for each in given):
            raise ConfigError(f"ApiSource(responses={given!r}) is no tuple of ResponseAction.")
        if self.total is None and any(each.is_about_counts for each in given):
            raise ConfigError(
                "ApiSource(responses=...): a rule is about the total, and total= does not say where that stands."
            )


def _definition(value: Any) -> Any:
    """A value as plain JSON, for the hash. Left out are fields that change nothing of the request (`is_aside`), and later ones at their default (`is_later`)."""
    if not dataclasses.is_dataclass(value):
        return value
    return {
        each.name: _definition(getattr(value, each.name))
        for each in dataclasses.fields(value)
        if not each.metadata.get("is_aside")
        and not (each.metadata.get("is_later") and getattr(value, each.name) == each.default)
    }


def _plain(value: Any) -> str:
    return str(value)
