"""What a rule about a batch as a whole found: its figures, as the ledger keeps them, and the sentence about them in both languages.

A sentence says what was looked at, a colon, and what was found there, so that what was found can be masked.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Language = Literal["en", "pt"]
Fact = int | float | str
HOURS_A_DAY = 24
_SWAPPED = str.maketrans(",.", ".,")
_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "unique": "{column} must be unique in a batch and repeats: {values}.",
        "reference": "{column}: {rows} rows name {target} that do not exist: {values}.",
        "no_target": "{column}: {target} is not in the warehouse yet.",
        "volume": "Volume: {rows:,} rows; {usual:,.0f} are usual ({low:,.0f} to {high:,.0f}, {batches} like batches).",
        "nulls": (
            "NullRate {column}: {nulls:,} of {rows:,} rows are empty, {share:.2%}; {usual:.2%} are usual "
            "({low:.2%} to {high:.2%}, {batches} like batches)."
        ),
        "most_nulls": "NullRate {column}: {nulls:,} of {rows:,} rows are empty, {share:.2%}; at most {limit:.2%} are allowed.",
        "distribution": (
            "Distribution {column}: stability index {index:.2f}, up to {highest:.2f} is usual ({batches} like batches). "
            "Most changed: {group} have {share:.1%} of {rows:,} rows instead of {expected:.1%}."
        ),
        "freshness": (
            "Freshness {column}: the newest value is {newest}, {behind} before the window's end ({end}); at most {within} are allowed."
        ),
        "lost": "The parts of {batches} earlier batches are gone from the lake; the table's own rows stood for them.",
        "first": "values up to {high}",
        "between": "values from {low} to {high}",
        "last": "values from {low}",
        "text": "rows with {value!r}",
        "others": "all other values",
        "hours": "{hours:,.1f} hours",
        "days": "{days:,.1f} days",
    },
    "pt": {
        "unique": "{column} não pode se repetir num lote e se repete: {values}.",
        "reference": "{column}: {rows} linhas citam {target} que não existem: {values}.",
        "no_target": "{column}: {target} ainda não está no data warehouse.",
        "volume": "Volume: {rows:,} linhas; o usual são {usual:,.0f} (de {low:,.0f} a {high:,.0f}, {batches} lotes semelhantes).",
        "nulls": (
            "NullRate {column}: {nulls:,} de {rows:,} linhas estão vazias, {share:.2%}; o usual são {usual:.2%} "
            "(de {low:.2%} a {high:.2%}, {batches} lotes semelhantes)."
        ),
        "most_nulls": "NullRate {column}: {nulls:,} de {rows:,} linhas estão vazias, {share:.2%}; são permitidos no máximo {limit:.2%}.",
        "distribution": (
            "Distribution {column}: índice de estabilidade {index:.2f}, o usual é até {highest:.2f} ({batches} lotes semelhantes). "
            "O que mais mudou: {group} são {share:.1%} de {rows:,} linhas em vez de {expected:.1%}."
        ),
        "freshness": (
            "Freshness {column}: o valor mais novo é {newest}, {behind} antes do fim da janela ({end}); são permitidos no máximo {within}."
        ),
        "lost": "As partes de {batches} lotes anteriores não estão mais no lake; as próprias linhas da tabela ficaram no lugar deles.",
        "first": "valores até {high}",
        "between": "valores de {low} a {high}",
        "last": "valores a partir de {low}",
        "text": "linhas com {value!r}",
        "others": "todos os outros valores",
        "hours": "{hours:,.1f} horas",
        "days": "{days:,.1f} dias",
    },
}


class Finding(msgspec.Struct, frozen=True):
    """A rule that does not hold, or what else there is to say of a batch.

    Attributes:
        rule: Which sentence is said.
        facts: What stands in it. Personal values are masked before they come here.
    """

    rule: str
    facts: dict[str, Fact]


def finding(rule: str, **facts: Fact) -> Finding:
    """Of a rule, with its figures."""
    return Finding(rule, facts)


def sentence(found: Finding, language: Language = "en") -> str | None:
    """What to tell people; None of a rule that only a later Esteira knows.

    Args:
        found: The figures.
        language: Of the words and of the numbers.
    """
    words = _WORDS[language]
    if found.rule not in words:
        return None
    said = dict(found.facts)
    if "group" in said:
        said["group"] = _said(words[str(said["group"])], language, said)
    said |= {
        name.removesuffix("_hours"): _span(said[name], language) for name in found.facts if name.endswith("_hours")
    }
    return _said(words[found.rule], language, said)


def written(findings: tuple[Finding, ...]) -> str:
    """The JSON of a ledger row."""
    return msgspec.json.encode(findings).decode()


def read(text: str) -> tuple[Finding, ...]:
    """What `written` wrote."""
    return msgspec.json.decode(text, type=tuple[Finding, ...])


def _span(hours: Any, language: Language) -> str:
    unit = "hours" if hours < 2 * HOURS_A_DAY else "days"
    return _said(_WORDS[language][unit], language, {"hours": hours, "days": hours / HOURS_A_DAY})


def _said(words: str, language: Language, facts: Mapping[str, Any]) -> str:
    return (_Portuguese() if language == "pt" else string.Formatter()).vformat(words, (), facts)


class _Portuguese(string.Formatter):
    """Numbers with a comma before the decimals."""

    def format_field(self, value: Any, format_spec: str) -> Any:
        said = super().format_field(value, format_spec)
        return said if isinstance(value, str) else said.translate(_SWAPPED)
