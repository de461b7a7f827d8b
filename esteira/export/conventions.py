"""How a locale's office program writes: signs, dates, truth values, and the words of the sheets beside the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from esteira.contract.locales import LOCALES

Language = Literal["en", "pt"]


@dataclass(frozen=True, slots=True)
class Conventions:
    """What a file for one locale looks like.

    Attributes:
        locale: Its name.
        language: Of headers and words.
        decimal, delimiter: Signs of a CSV.
        date, moment: Patterns of `strftime`, for CSV.
        sheet_date, sheet_moment: Number formats of a workbook: https://support.microsoft.com/office/c0a1d1fa-d3f4-4018-96b7-9c9354dd99f5
        true, false: As the program itself shows them, so that it reads them as truth values.
        mark: Whether a CSV begins with the mark by which Excel knows UTF-8; programs stumble over it.
        utc: Ends a moment of UTC in a CSV.
    """

    locale: str
    language: Language
    decimal: str
    delimiter: str
    date: str
    moment: str
    sheet_date: str
    sheet_moment: str
    true: str
    false: str
    mark: bool
    utc: str = ""


CONVENTIONS = {
    "pt-BR": Conventions(
        "pt-BR", "pt", LOCALES["pt-BR"].decimal, LOCALES["pt-BR"].delimiter, "%d/%m/%Y", "%d/%m/%Y %H:%M:%S", "dd/mm/yyyy",
        "dd/mm/yyyy hh:mm:ss", "VERDADEIRO", "FALSO", mark=True,
    ),
    "en-US": Conventions(
        "en-US", "en", LOCALES["en-US"].decimal, LOCALES["en-US"].delimiter, "%m/%d/%Y", "%m/%d/%Y %H:%M:%S", "mm/dd/yyyy",
        "mm/dd/yyyy hh:mm:ss", "TRUE", "FALSE", mark=True,
    ),
    "iso": Conventions(
        "iso", "en", LOCALES["iso"].decimal, LOCALES["iso"].delimiter, "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "yyyy-mm-dd",
        "yyyy-mm-dd hh:mm:ss", "true", "false", mark=False, utc="Z",
    ),
}  # fmt: skip
"""One for each locale that a contract knows."""

_WORDS: dict[str, tuple[str, str]] = {
    "data": ("Data", "Dados"), "dictionary": ("Dictionary", "Dicionário"), "about": ("About", "Sobre"),
    "title": ("Title", "Título"), "column": ("Column", "Coluna"), "type": ("Type", "Tipo"), "unit": ("Unit", "Unidade"),
    "description": ("Description", "Descrição"), "key": ("Key", "Chave"), "nullable": ("May be empty", "Pode ficar vazia"),
    "values": ("Allowed values", "Valores permitidos"), "yes": ("yes", "sim"), "no": ("no", "não"),
    "dataset": ("Dataset", "Conjunto de dados"), "batch": ("Last batch", "Último lote"), "loaded_up_to": ("Loaded up to", "Carregado até"),
    "committed": ("Committed at", "Gravado em"), "made": ("File made at", "Arquivo feito em"), "seal": ("Seal", "Selo"),
    "rows": ("Rows", "Linhas"), "freshness": ("Freshness promise", "Atualidade prometida"), "owner": ("Whom to ask", "A quem perguntar"),
    "source": ("Source", "Origem"), "zone": ("Time zone", "Fuso horário"), "left_out": ("Left out", "Fora do arquivo"),
    "version": ("Made by", "Feito por"), "hours": ("{n} h after the window's end", "{n} h depois do fim da janela"),
    "all_utc": ("All moments marked (UTC) are UTC.", "Os momentos marcados (UTC) estão em UTC."),
    "personal": ("personal columns: {names}", "colunas pessoais: {names}"), "nothing": ("nothing", "nada"),
    "cut": ("{n} texts longer than a cell takes are cut and end with …", "{n} textos maiores que uma célula foram cortados e terminam com …"),
    "sheets": ("Data on {n} sheets: one holds 1,048,576 lines at most", "Dados em {n} planilhas: cada uma tem no máximo 1.048.576 linhas"),
    "fact": ("Fact", "Fato"), "value": ("Value", "Valor"), "cadence": ("Loaded", "Carga"), "hourly": ("hourly", "de hora em hora"),
    "daily": ("daily", "diária"), "weekly": ("weekly", "semanal"), "monthly": ("monthly", "mensal"), "rules": ("Rules", "Regras"),
    "personal_column": ("Personal", "Pessoal"), "datasets": ("Datasets", "Conjuntos de dados"),
}  # fmt: skip


def word(key: str, language: Language, **values: object) -> str:
    """A word of the sheets, in one language, with `{name}` replaced."""
    english, portuguese = _WORDS[key]
    return (portuguese if language == "pt" else english).format(**values)
