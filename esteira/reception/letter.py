"""Why a file was not taken, in the words of the people who drop files: Portuguese first, then English."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Literal

from esteira.errors import ContractError, DataQualityError, EsteiraError, GivenUp, PayloadError, SpreadsheetError
from esteira.lake.inbox import Drop
from esteira.redaction import printable

Kind = Literal["unknown", "name", "empty", "large", "unreadable", "columns", "rows", "older", "undone", "given_up"]
_OF_ERRORS: tuple[tuple[type[EsteiraError], Kind], ...] = (
    (SpreadsheetError, "unreadable"),
    (PayloadError, "unreadable"),
    (ContractError, "columns"),
    (DataQualityError, "rows"),
    (GivenUp, "given_up"),
)
"""Errors that are the file's: the same file would meet them again. Everything else leaves it waiting in the inbox."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What happened and what to do, in one language."""

    happened: str
    to_do: str


_WORDS: dict[Kind, tuple[_Words, _Words]] = {
    "unknown": (
        _Words("a pasta não pertence a nenhum conjunto de dados que receba planilhas.", "coloque o arquivo na pasta inbox/<conjunto>/ certa."),
        _Words("the folder belongs to no dataset that takes files.", "drop it into the right folder, inbox/<dataset>/."),
    ),
    "name": (
        _Words("o nome do arquivo não é o que este conjunto espera.", "corrija o nome e envie de novo."),
        _Words("the file's name is not what this dataset expects.", "correct the name and drop it again."),
    ),
    "empty": (
        _Words("o arquivo está vazio (0 bytes): o envio pode ter sido interrompido.", "abra o original, salve e envie de novo."),
        _Words("the file is empty (0 bytes): the upload may have been interrupted.", "open the original, save it and drop it again."),
    ),
    "large": (
        _Words("o arquivo é maior que o limite.", "divida o arquivo, ou peça à equipe de dados que aumente o limite."),
        _Words("the file is larger than the limit.", "split it, or ask the data team to raise the limit."),
    ),
    "unreadable": (
        _Words("não foi possível ler o arquivo como a planilha esperada.", "veja o detalhe abaixo, corrija no lugar indicado e envie de novo."),
        _Words("it cannot be read as the spreadsheet that is expected.", "see the detail below, correct it at that place and drop it again."),
    ),
    "columns": (
        _Words("as colunas não são as combinadas.", "confira os títulos das colunas e envie de novo; se mudaram de propósito, avise a equipe de dados."),
        _Words("the columns are not the agreed ones.", "check the columns' titles and drop it again; if they changed on purpose, tell the data team."),
    ),
    "rows": (
        _Words("linhas demais têm valores que não podem ser aceitos.", "corrija os valores (veja o detalhe abaixo) e envie de novo."),
        _Words("too many rows hold values that cannot be accepted.", "correct them (see the detail below) and drop it again."),
    ),
    "older": (
        _Words("este mesmo arquivo já foi carregado, e um mais novo foi carregado depois; nada mudou.", "se este deve voltar a valer, fale com a equipe de dados: ela retira o mais novo."),
        _Words("this very file was loaded before, and a newer one after it; nothing has changed.", "if this one is to count again, talk to the data team: they take the newer one out."),
    ),
    "undone": (
        _Words("este mesmo arquivo já foi carregado e depois retirado da tabela de propósito.", "envie um arquivo corrigido, ou fale com a equipe de dados."),
        _Words("this very file was loaded before and taken out of the table on purpose.", "drop a corrected file, or talk to the data team."),
    ),
    "given_up": (
        _Words("a carga deste arquivo falhou vezes demais.", "fale com a equipe de dados antes de enviar de novo."),
        _Words("loading this file failed too many times.", "talk to the data team before you drop it again."),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is not taken.

    Attributes:
        kind: Chooses the words.
        detail: One sentence with the place: sheet and cell, column, limit.
    """

    kind: Kind
    detail: str

    @property
    def sentence(self) -> str:
        """Why, in one English sentence, for logs and operations."""
        return f"Not taken: {_WORDS[self.kind][1].happened} {self.detail}"


def refusal_of(error: EsteiraError) -> Refusal | None:
    """What an error says about the file, or None when it is none of the file's."""
    for kind, words in _OF_ERRORS:
        if isinstance(error, kind):
            return Refusal(words, error.message)
    return None


def letter(drop: Drop, refusal: Refusal, owner: str = "") -> str:
    """The text of the file that is put beside a rejected one; CRLF, for the editors of those who read it.

    Args:
        drop: What is not taken.
        refusal: Why.
        owner: Whom to ask, from the contract.
    """
    portuguese, english = _WORDS[refusal.kind]
    ask = f" ({owner})" if owner else ""
    lines = (
        f"Arquivo / File: {printable(drop.name, limit=200)}",
        f"Pasta / Folder: {printable(drop.key.rpartition('/')[0], limit=200)}/",
        f"Recebido / Received: {drop.moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        "",
        f"Este arquivo NÃO foi carregado: {portuguese.happened}",
        f"O que fazer: {portuguese.to_do}",
        "",
        f"This file was NOT loaded: {english.happened}",
        f"What to do: {english.to_do}",
        "",
        "Detalhe / Detail:",
        printable(refusal.detail, limit=2000),
        "",
        f"Nada se perdeu: o arquivo está ao lado deste texto. Dúvidas: equipe de dados{ask}.",
        f"Nothing is lost: the file lies beside this text. Questions: the data team{ask}.",
        "",
    )
    return "\r\n".join(lines)
