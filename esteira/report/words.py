"""What the pages say, by key: a text in both languages, with what stands in braces filled in."""

from __future__ import annotations

from esteira.report.amounts import count
from esteira.report.batch_words import BATCH_WORDS
from esteira.report.bilingual import Text
from esteira.report.catalogue_words import CATALOGUE_WORDS

FRAME_WORDS: dict[str, tuple[str, str]] = {
    "language": ("Idioma", "Language"),
    "skip": ("Ir para o conteúdo", "Skip to the content"),
    "catalogue": ("Catálogo de dados", "Data catalogue"),
    "batch_report": ("Relatório de qualidade do lote", "Batch quality report"),
    "made_at": ("Página feita em {at}", "Page made {at}"),
    "made_by": ("pela Esteira {version}", "by Esteira {version}"),
    "no_network": ("Esta página não usa rede.", "This page uses no network."),
    "aged": (
        "Esta página foi feita há mais de um dia. Os números são os daquele momento; abra a mais recente para os de hoje.",
        "This page was made more than a day ago. Its figures are those of that moment; open the latest one for today's.",
    ),
}  # fmt: skip
"""What stands around the content of every page."""
WORDS = FRAME_WORDS | BATCH_WORDS | CATALOGUE_WORDS


def say(key: str, **values: Text | str) -> Text:
    """The words of a key, with what stands in braces filled in."""
    text = Text(*WORDS[key])
    return text.filled(**values) if values else text


def say_count(word: str, number: int, **values: Text | str) -> Text:
    """A number with its word in the singular or the plural: `row`, `warning`, `part`."""
    return say(f"one_{word}", **values) if number == 1 else say(f"many_{word}s", n=count(number), **values)
