"""Reasons in words, in both languages. Names of rules are pandera's own (`greater_than_or_equal_to(0)`), those of `esteira.quality` and the standards'."""

from __future__ import annotations

import re
from typing import Literal

from esteira.contract import Dataset
from esteira.standards import STANDARDS

Language = Literal["en", "pt"]
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
_WORDS = {
    "en": {
        "row": "The row breaks the rule {2}, which is about several columns.",
        "missing": "{} is missing, and the contract wants a value.",
        "type": "{} is {!r}, which {} cannot hold.",
        "twice": "The record has the key {} twice.",
        "standard": "{} is {!r}, which is not {}.",
        "must": "{} is {!r}, and {}.",
        "other": "must satisfy {}",
        "fields": "The line has more or fewer fields than the table's {2} columns.",
        "error": "{} is the error {}.",
        "formula": "{} is a formula that was saved without its value: {}.",
        "merged": "{} is part of a merged cell ({!r}), and the contract does not say that it fills them.",
    },
    "pt": {
        "row": "A linha viola a regra {2}, que envolve várias colunas.",
        "missing": "{} está vazio, e o contrato exige um valor.",
        "type": "{} é {!r}, que não cabe em {}.",
        "twice": "O registro tem a chave {} duas vezes.",
        "standard": "{} é {!r}, que não é {}.",
        "must": "{} é {!r}, e {}.",
        "other": "deve satisfazer {}",
        "fields": "A linha tem mais ou menos campos que as {2} colunas da tabela.",
        "error": "{} é o erro {}.",
        "formula": "{} é uma fórmula que foi salva sem o seu valor: {}.",
        "merged": "{} faz parte de uma célula mesclada ({!r}), e o contrato não diz que ela as preenche.",
    },
}
_WHOLE_ROW = "*"
_KINDS = {
    "not_nullable": "missing",
    "not_null": "missing",
    "fields": "fields",
    "error": "error",
    "formula": "formula",
    "merged": "merged",
}
"""The last four are what `esteira.spreadsheet` refuses before any rule is asked."""


def sentence(dataset: Dataset, column: str, rule: str, value: str, language: Language = "en") -> str:
    """One sentence for a person.

    Args:
        dataset: The contract, which knows the column's type.
        column: `*` where the rule is about the whole row.
        rule: The rule's name.
        value: What stands there, or what stands for it.
        language: Of the sentence.
    """
    kind, given = _kind(dataset, column, rule, value, language)
    return _WORDS[language][kind].format(*given)


def _kind(dataset: Dataset, column: str, rule: str, value: str, language: Language) -> tuple[str, tuple[str, ...]]:
    """Which sentence, and what it is about."""
    found = _CALL.fullmatch(rule)
    name, given = (found["name"], (found["given"] or "").strip("[]")) if found else ("", "")
    if name in _KINDS:
        return _KINDS[name], (column, value, given)
    if column == _WHOLE_ROW:
        return "row", (column, value, rule)
    if rule == "duplicate key":
        return "twice", (column,)
    if rule == "type":
        return "type", (column, value, next((str(each.arrow) for each in dataset.columns if each.name == column), "?"))
    if name in STANDARDS:
        return "standard", (column, value, STANDARDS[name].words[language])
    must = _MUST[language].get(name, "").format(given) or _WORDS[language]["other"].format(rule)
    return "must", (column, value, must)
