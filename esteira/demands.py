"""What a rule demands of a value, in words of both languages. Names are pandera's own (`greater_than_or_equal_to(0)`), the contract's and the standards'."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from esteira.standards import STANDARDS

Language = Literal["en", "pt"]
WHOLE_ROW = "*"
"""The column of a rule across columns."""
_CALL = re.compile(r"(?P<name>\w+)(?:\((?P<given>.*)\))?", re.DOTALL)
_MUST = {
    "en": {
        "greater_than": "must be above {}", "greater_than_or_equal_to": "must be at least {}", "less_than": "must be below {}",
        "less_than_or_equal_to": "must be at most {}", "equal_to": "must be {}", "not_equal_to": "must not be {}",
        "in_range": "must lie between {}", "isin": "must be one of {}", "notin": "must be none of {}", "str_matches": "must match {}",
        "str_contains": "must contain {}", "str_startswith": "must begin with {}", "str_endswith": "must end with {}",
        "str_length": "must have a length of {}", "max_bytes": "must have at most {} bytes in UTF-8", "json": "must be JSON text",
    },
    "pt": {
        "greater_than": "deve ser maior que {}", "greater_than_or_equal_to": "deve ser no mínimo {}", "less_than": "deve ser menor que {}",
        "less_than_or_equal_to": "deve ser no máximo {}", "equal_to": "deve ser {}", "not_equal_to": "não pode ser {}",
        "in_range": "deve estar entre {}", "isin": "deve ser um de {}", "notin": "não pode ser nenhum de {}",
        "str_matches": "deve seguir o padrão {}", "str_contains": "deve conter {}", "str_startswith": "deve começar com {}",
        "str_endswith": "deve terminar com {}", "str_length": "deve ter o comprimento {}",
        "max_bytes": "deve ter no máximo {} bytes em UTF-8", "json": "deve ser texto JSON",
    },
}  # fmt: skip


def demand(rule: str, language: Language, quote: Callable[[str], str] = str) -> str | None:
    """What a value must be; None where the rule's own name is all that is known.

    Args:
        rule: The rule's name with what it was given.
        language: Of the words.
        quote: Makes what it was given safe to stand in the sentence.
    """
    name, given = _named(rule)
    words = _MUST[language].get(name)
    return None if words is None else words.format(quote(given))


def standard(rule: str, language: Language) -> str | None:
    """What a value is that keeps a declared standard ("a CPF with its check digits"); None when the rule is none.

    Args:
        rule: The rule's name.
        language: Of the words.
    """
    name, _ = _named(rule)
    return STANDARDS[name].words[language] if name in STANDARDS else None


def _named(rule: str) -> tuple[str, str]:
    found = _CALL.fullmatch(rule)
    return (found["name"], (found["given"] or "").strip("[]")) if found else ("", "")
