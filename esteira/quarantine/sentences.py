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
        "row": "The row breaks the rule {rule}, which is about several columns.",
        "missing": "{column} is missing, and the contract wants a value.",
        "type": "{column} is {value!r}, which {kind} cannot hold.",
        "twice": "The record has the key {column} twice.",
        "standard": "{column} is {value!r}, which is not {demand}.",
        "must": "{column} is {value!r}, and {demand}.",
        "other": "must satisfy {}",
        "fields": "The line has more or fewer fields than the table's {count} columns.",
        "error": "{column} is the error {value}.",
        "formula": "{column} is a formula that was saved without its value: {value}.",
        "raised": "{column} is {value!r}, and a sign of it is raised, like the mark of a footnote: it would become part of the value.",
        "merged": "{column} is part of a merged cell ({value!r}), and the contract does not say that it fills them.",
    },
    "pt": {
        "row": "A linha viola a regra {rule}, que envolve várias colunas.",
        "missing": "{column} está vazio, e o contrato exige um valor.",
        "type": "{column} é {value!r}, que não cabe em {kind}.",
        "twice": "O registro tem a chave {column} duas vezes.",
        "standard": "{column} é {value!r}, que não é {demand}.",
        "must": "{column} é {value!r}, e {demand}.",
        "other": "deve satisfazer {}",
        "fields": "A linha tem mais ou menos campos que as {count} colunas da tabela.",
        "error": "{column} é o erro {value}.",
        "formula": "{column} é uma fórmula que foi salva sem o seu valor: {value}.",
        "raised": "{column} é {value!r}, e um sinal está sobrescrito, como a chamada de uma nota: ele faria parte do valor.",
        "merged": "{column} faz parte de uma célula mesclada ({value!r}), e o contrato não diz que ela as preenche.",
    },
}
_WHOLE_ROW = "*"
_FIELDS = re.compile(r"fields\((\d+)\)")
_BY_RULE = {
    "not_nullable": "missing", "not_null": "missing", "duplicate key": "twice", "type": "type", "error": "error", "formula": "formula",
    "merged": "merged", "raised": "raised",
}  # fmt: skip
"""Rules whose sentence says it all; the last three are what `esteira.spreadsheet` refuses before any rule is asked."""


def sentence(dataset: Dataset, column: str, rule: str, value: str, language: Language = "en") -> str:
    """One sentence for a person.

    Args:
        dataset: The contract, which knows the column's type.
        column: `*` where the rule is about the whole row.
        rule: The rule's name.
        value: What stands there, or what stands for it.
        language: Of the sentence.
    """
    fields = _FIELDS.fullmatch(rule)
    kind = next((str(each.arrow) for each in dataset.columns if each.name == column), "its type")
    about, demand = "fields" if fields else _BY_RULE.get(rule, "row" if column == _WHOLE_ROW else ""), ""
    if not about:
        about, demand = _demand(rule, language)
    count = fields[1] if fields else ""
    return _WORDS[language][about].format(column=column, rule=rule, value=value, kind=kind, count=count, demand=demand)


def _demand(rule: str, language: Language) -> tuple[str, str]:
    """Which sentence a rule with its numbers takes, and what it asks for there."""
    found = _CALL.fullmatch(rule)
    name, given = (found["name"], (found["given"] or "").strip("[]")) if found else ("", "")
    if name in STANDARDS:
        return "standard", STANDARDS[name].words[language]
    return "must", _MUST[language].get(name, "").format(given) or _WORDS[language]["other"].format(rule)
