"""A rule in words, for people: why a value was refused, in English and Portuguese.

A sentence holds the value that it is given. Where the column is personal, or may be, give the mask instead.
"""

from __future__ import annotations

import ast
import re
from typing import Any, Literal, TypeAlias

from esteira.standards import STANDARDS

Language: TypeAlias = Literal["en", "pt"]

_RULE = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)
_LISTED = 10
"""Allowed values that a sentence names; the contract has the others."""
_SHOWN_CHARACTERS = 80

_WORDS: dict[str, tuple[str, str]] = {
    "equal_to": ("must be {0}", "deve ser {0}"),
    "not_equal_to": ("must not be {0}", "não pode ser {0}"),
    "greater_than": ("must be greater than {0}", "deve ser maior que {0}"),
    "greater_than_or_equal_to": ("must be at least {0}", "deve ser no mínimo {0}"),
    "less_than": ("must be less than {0}", "deve ser menor que {0}"),
    "less_than_or_equal_to": ("must be at most {0}", "deve ser no máximo {0}"),
    "in_range": ("must lie between {0} and {1}", "deve estar entre {0} e {1}"),
    "isin": ("must be one of {list}", "deve ser um destes valores: {list}"),
    "notin": ("must be none of {list}", "não pode ser nenhum destes valores: {list}"),
    "str_matches": ("must follow the pattern {0}", "deve seguir o padrão {0}"),
    "str_contains": ("must contain {0}", "deve conter {0}"),
    "str_startswith": ("must begin with {0}", "deve começar com {0}"),
    "str_endswith": ("must end with {0}", "deve terminar com {0}"),
    "field_uniqueness": ("must not stand twice", "não pode se repetir"),
    "max_bytes": ("must have at most {0} bytes in UTF-8", "deve ter no máximo {0} bytes em UTF-8"),
    "json": ("must be JSON", "deve ser JSON"),
    "type": ("must fit the column's type", "deve caber no tipo da coluna"),
}
_LENGTHS: dict[tuple[bool, bool], tuple[str, str]] = {
    (True, True): ("must have {0} to {1} characters", "deve ter de {0} a {1} caracteres"),
    (True, False): ("must have at least {0} characters", "deve ter no mínimo {0} caracteres"),
    (False, True): ("must have at most {1} characters", "deve ter no máximo {1} caracteres"),
}
"""By whether there is a shortest and a longest."""
_EXACT_LENGTH = ("must have {0} characters", "deve ter {0} caracteres")
_FORMS = {"bare": (", without punctuation", ", sem pontuação"), "punctuated": (", with punctuation", ", com pontuação")}


def sentence(column: str, rule: str, value: str, language: Language = "en") -> str:
    """Why a row was refused.

    Args:
        column: The contract's column; `*` where the rule looks at several.
        rule: As the quarantine names it: `less_than_or_equal_to(100)`, `cpf`, `not_nullable`.
        value: The value as text, or its mask.
        language: `en` or `pt`.
    """
    number = 0 if language == "en" else 1
    if column == "*":
        return (
            f"The row breaks the rule {rule}, which looks at several columns.",
            f"A linha viola a regra {rule}, que olha para várias colunas.",
        )[number]
    if rule == "not_nullable":
        return (f"{column} is empty and must not be.", f"{column} está vazio e não pode estar.")[number]
    if rule == "duplicate key":
        return (f"{column} stands twice in the record.", f"{column} aparece duas vezes no registro.")[number]
    return f"{column} {('is', 'é')[number]} {_quoted(value)} {('and', 'e')[number]} {_demand(rule, number)}."


def _demand(rule: str, number: int) -> str:
    """What the rule asks for, as the end of a sentence."""
    found = _RULE.fullmatch(rule)
    name, given = (found[1], found[2] or "") if found else (rule, "")
    if name in STANDARDS:
        form = _FORMS.get(given, ("", ""))[number]
        return f"{('is not', 'não é')[number]} {STANDARDS[name].words[('en', 'pt')[number]]}{form}"
    arguments = _arguments(given)
    words = _length_words(arguments) if name == "str_length" else _WORDS.get(name)
    if words is None:
        return (f"breaks the rule {rule}", f"viola a regra {rule}")[number]
    return words[number].format(*map(str, arguments), "", list=_listed(arguments, number))


def _length_words(arguments: list[Any]) -> tuple[str, str] | None:
    if len(arguments) < 2 or arguments[0] == arguments[1]:
        return _EXACT_LENGTH
    return _LENGTHS.get((arguments[0] is not None, arguments[1] is not None))


def _arguments(given: str) -> list[Any]:
    """What stands in a rule's brackets: Python's literals, or texts such as moments."""
    try:
        return list(ast.literal_eval(f"({given},)")) if given else []
    except (ValueError, SyntaxError):
        return given.split(", ")


def _listed(arguments: list[Any], number: int) -> str:
    values = arguments[0] if arguments and isinstance(arguments[0], list | tuple | set) else arguments
    named = ", ".join(str(value) for value in list(values)[:_LISTED])
    more = len(values) - _LISTED
    return named if more <= 0 else f"{named} {('and', 'e')[number]} {more} {('others', 'outros')[number]}"


def _quoted(value: str) -> str:
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
    return f"“{shown}”"
