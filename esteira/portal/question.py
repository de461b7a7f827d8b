"""What a batch asks of a portal: the contract's path, parameters and body with their places filled, and a page's place in them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from esteira.contract.clock import moment_text
from esteira.contract.incremental import Value
from esteira.contract.source import ApiSource
from esteira.contract.templates import fill, fill_path
from esteira.errors import ConfigError
from esteira.paginate import PageRequest, Params


class Window(Protocol):
    """The window of a batch, as far as requests need it."""

    @property
    def start(self) -> datetime:
        """Inclusive, UTC."""

    @property
    def end(self) -> datetime:
        """Exclusive, UTC."""


class Rows(Protocol):
    """The parent's rows, by position."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, position: int) -> Mapping[str, Any]:
        """One of them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for besides a window.

    Attributes:
        value: Where a cursor that is no time goes on.
        parents: The rows of the parent, of a source that has one.
        conditions: Headers under which the portal sends its answer only if it is another than the known one.
    """

    value: Value | None = None
    parents: Rows | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)


NOTHING_MORE = Asked()


@dataclass(frozen=True, slots=True)
class Call:
    """One request for a page.

    Attributes:
        target: A path of the contract, or a link that the portal gave.
        params: Query parameters.
        is_link: Whether `target` is a link.
        body: The JSON body, or None.
        past_end: A status that says that there is no such page.
    """

    target: str
    params: Params = field(default_factory=dict)
    is_link: bool = False
    body: Any = None
    past_end: int | None = None


class Question:
    """What is asked for in a walk.

    Args:
        source: The contract's source.
        window: The window to ask for; None for a snapshot.
        parent: The row of the parent dataset that the walk is for.
        value: Where a cursor that is no time goes on; without one it begins at its first value.

    Raises:
        ConfigError: A template asks for what there is not.
        PayloadError: A value of the parent cannot stand in the request.
    """

    def __init__(
        self,
        source: ApiSource,
        window: Window | None,
        parent: Mapping[str, Any] | None = None,
        value: Value | None = None,
    ) -> None:
        moments, written = _moments(source, window, value)
        values = {**moments, **{f"parent.{name}": value for name, value in (parent or {}).items()}}
        self._method = source.method
        self.path = fill_path(source.path, values, moment_format=written)
        self.params: Params = {
            **{name: _spelt(each) for name, each in fill(source.params, values, moment_format=written).items()},
            **_window_params(source, moments, written),
        }
        self._body = fill(source.body or {}, values, moment_format=written)

    def call(self, request: PageRequest) -> Call:
        """A paginator's request as a whole one.

        Raises:
            ConfigError: Something else stands in the body where the paginator's parameter goes.
        """
        body = None
        if self._method == "POST":
            body = copy.deepcopy(self._body)
            for path, value in request.body.items():
                _place(body, path, value)
        return Call(request.target, request.params, request.is_link, body, request.past_end)


def _moments(source: ApiSource, window: Window | None, value: Value | None) -> tuple[dict[str, Any], str]:
    """What is asked for by `window.start` and `window.end`, and how a moment is written by default."""
    incremental = source.incremental
    if incremental is None:
        return {}, ""
    if not incremental.is_time:
        return {"window.start": incremental.initial if value is None else value}, ""
    if window is None:
        return {}, ""
    if window.start.tzinfo is None or window.end.tzinfo is None:
        raise ConfigError("A window's start and end need a time zone.")
    start, end = incremental.asked(window.start, window.end)
    return {"window.start": start, "window.end": end}, incremental.format


def _window_params(source: ApiSource, moments: Mapping[str, Any], written: str) -> dict[str, str | int]:
    if source.incremental is None:
        return {}
    names = {"window.start": source.incremental.start_param, "window.end": source.incremental.end_param}
    given = {param: moments[name] for name, param in names.items() if param and name in moments}
    return {param: moment_text(each, written) if isinstance(each, datetime) else each for param, each in given.items()}


def _spelt(value: Any) -> Any:
    """A parameter's value; a truth value becomes `true` or `false`, not Python's `True`."""
    if isinstance(value, list):
        return [_spelt(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else value


def _place(body: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        body = body.setdefault(name, {})
        if not isinstance(body, dict):
            raise ConfigError(f"The paginator's parameter {path} cannot stand in the body: {name} is no object there.")
    body[last] = value
