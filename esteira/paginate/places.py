"""Where a paginator's parameters stand in a request, and its pointers in an answer."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from esteira.errors import ConfigError
from esteira.paginate.verbs import PageRequest, Params, Where

Place: TypeAlias = Literal["query", "body"]
"""`body`: each parameter's name is a dotted path of the JSON body of a POST."""
LATER = {"is_later": True}
"""Marks a field that its class had not from the beginning: it is left out of a source's hash while it stands at its default."""


def check_place(paginator: Any) -> None:
    """Refuse a place other than query and body, and a `past_end` other than a 4xx.

    Raises:
        ConfigError: One of them is wrong.
    """
    name = type(paginator).__name__
    if paginator.place not in get_args(Place):
        raise ConfigError(f"{name}(place={paginator.place!r}): it is 'query' or 'body'.")
    status = getattr(paginator, "past_end", None)
    if status is not None and not 400 <= status < 500:
        raise ConfigError(f"{name}(past_end={status}): only a 4xx can say that a page does not exist.")


def placed(path: str, params: Params, values: Params, place: Place) -> PageRequest:
    """The path with these values in their place."""
    return PageRequest(path, params, body=values) if place == "body" else PageRequest(path, {**params, **values})


def in_body(*wheres: Where | None) -> tuple[str, ...]:
    """The JMESPaths among these."""
    return tuple(where for where in wheres if isinstance(where, str))
