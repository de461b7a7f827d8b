"""The columns of tables that Esteira keeps for itself: type and meaning in one place, which the statements and the reference take from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class OwnColumn(NamedTuple):
    """A column.

    Attributes:
        kind: Its type as CREATE TABLE takes it.
        says: What it holds, for who reads the table.
    """

    kind: str
    says: str


def definition(shape: Mapping[str, OwnColumn]) -> str:
    """The columns between the parentheses of CREATE TABLE."""
    return ", ".join(f"{name} {column.kind}" for name, column in shape.items())
