"""Reasons in words, in both languages. Names of rules are pandera's own (`greater_than_or_equal_to(0)`), those of `esteira.quality` and the standards'."""

from __future__ import annotations

import re

from esteira.contract import Dataset
from esteira.demands import WHOLE_ROW, Language, demand, standard
from esteira.kinds import in_words

_WORDS = {
    "en": {
        "row": "The row breaks the rule {rule}, which is about several columns.",
        "missing": "{column} is missing, and the contract wants a value.",
        "type": "{column} is {value!r}, which is not {kind}.",
        "twice": "The record has the key {column} twice.",
        "standard": "{column} is {value!r}, which is not {demand}.",
        "must": "{column} is {value!r}, and {demand}.",
        "other": "{column} is {value!r}, and must satisfy {rule}.",
        "fields": "The line has more or fewer fields than the table's {count} columns.",
        "error": "{column} is the error {value}.",
        "formula": "{column} is a formula that was saved without its value: {value}.",
        "raised": "{column} is {value!r}, and a sign of it is raised, like the mark of a footnote: it would become part of the value.",
        "merged": "{column} is part of a merged cell ({value!r}), and the contract does not say that it fills them.",
    },
    "pt": {
        "row": "A linha viola a regra {rule}, que envolve várias colunas.",
        "missing": "{column} está vazio, e o contrato exige um valor.",
        "type": "{column} é {value!r}, que não é {kind}.",
        "twice": "O registro tem a chave {column} duas vezes.",
        "standard": "{column} é {value!r}, que não é {demand}.",
        "must": "{column} é {value!r}, e {demand}.",
        "other": "{column} é {value!r}, e deve satisfazer {rule}.",
        "fields": "A linha tem mais ou menos campos que as {count} colunas da tabela.",
        "error": "{column} é o erro {value}.",
        "formula": "{column} é uma fórmula que foi salva sem o seu valor: {value}.",
        "raised": "{column} é {value!r}, e um sinal está sobrescrito, como a chamada de uma nota: ele faria parte do valor.",
        "merged": "{column} faz parte de uma célula mesclada ({value!r}), e o contrato não diz que ela as preenche.",
    },
}
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
    kind = next((in_words(each.arrow, language) for each in dataset.columns if each.name == column), "")
    about, wanted = "fields" if fields else _BY_RULE.get(rule, "row" if column == WHOLE_ROW else ""), ""
    if not about:
        about, wanted = _wanted(rule, language)
    count = fields[1] if fields else ""
    return _WORDS[language][about].format(column=column, rule=rule, value=value, kind=kind, count=count, demand=wanted)


def _wanted(rule: str, language: Language) -> tuple[str, str]:
    """Which sentence a rule with its numbers takes, and what it asks for there."""
    named, asked = standard(rule, language), demand(rule, language)
    if named is not None:
        return "standard", named
    return ("other", "") if asked is None else ("must", asked)
