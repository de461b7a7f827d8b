"""Reasons in words. Names of rules are pandera's own (`greater_than_or_equal_to(0)`) and those of `esteira.quality`."""

from __future__ import annotations

import re

from esteira.contract import Dataset

_CALL = re.compile(r"(?P<name>\w+)(?:\((?P<given>.*)\))?", re.DOTALL)
_MUST = {
    "greater_than": "be above {}", "greater_than_or_equal_to": "be at least {}", "less_than": "be below {}",
    "less_than_or_equal_to": "be at most {}", "equal_to": "be {}", "not_equal_to": "not be {}", "in_range": "lie between {}",
    "isin": "be one of {}", "notin": "be none of {}", "str_matches": "match {}", "str_contains": "contain {}",
    "str_startswith": "begin with {}", "str_endswith": "end with {}", "str_length": "have a length of {}",
    "max_bytes": "have at most {} bytes in UTF-8", "json": "be JSON text",
}  # fmt: skip
_WHOLE_ROW = "*"


def sentence(dataset: Dataset, column: str, rule: str, value: str) -> str:
    """One sentence for a person.

    Args:
        dataset: The contract, which knows the column's type.
        column: `*` where the rule is about the whole row.
        rule: The rule's name.
        value: What stands there, or what stands for it.
    """
    said = _of_cell(column, rule, value)
    if said is not None:
        return said
    if column == _WHOLE_ROW:
        return f"The row breaks the rule {rule}, which is about several columns."
    if rule in {"not_nullable", "not_null"}:
        return f"{column} is missing, and the contract wants a value."
    said = f"{column} is {value!r}"
    if rule == "type":
        kind = next((str(each.arrow) for each in dataset.columns if each.name == column), "the column's type")
        return f"{said}, which {kind} cannot hold."
    if rule == "duplicate key":
        return f"The record has the key {column} twice."
    return f"{said}, and must {_must(rule)}."


def _of_cell(column: str, rule: str, value: str) -> str | None:
    """What `esteira.spreadsheet` refuses before any rule is asked."""
    fields = re.fullmatch(r"fields\((\d+)\)", rule)
    if fields is not None:
        return f"The line has more or fewer fields than the table's {fields[1]} columns."
    return {
        "error": f"{column} is the error {value}.",
        "formula": f"{column} is a formula that was saved without its value: {value}.",
        "merged": f"{column} is part of a merged cell ({value!r}), and the contract does not say that it fills them.",
    }.get(rule)


def _must(rule: str) -> str:
    found = _CALL.fullmatch(rule)
    if found is None or found["name"] not in _MUST:
        return f"satisfy {rule}"
    return _MUST[found["name"]].format((found["given"] or "").strip("[]"))
