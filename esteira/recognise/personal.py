"""What is personal: by a column's name, or by what its values look like. In doubt it is, since a fixture is committed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_NAMES = re.compile(
    r"(^|_)(nome|name|firstname|lastname|surname|sobrenome|fullname|full_name|mae|pai|responsavel|autor|author|owner|username|user|login|"
    r"e?mail|phone|fone|telefone|celular|mobile|whatsapp|fax|cpf|cnpj|rg|ssn|passport|passaporte|documento|document|nis|pis|titulo_eleitor|"
    r"endereco|address|logradouro|street|cep|zip|birth|birthday|nascimento|dob|ip|password|senha|token|secret|apikey|api_key|"
    r"authorization|cartao|card|iban|conta|account|placa|assinatura|signature|beneficiario|cliente|customer|contact|contato|pessoa|person|matricula|prontuario|zipcode|postcode|postal)\d*(_|$)"
)
_VALUES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("e-mail addresses", re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)),
    ("CPF or CNPJ numbers", re.compile(r"\d{3}\.\d{3}\.\d{3}-\d\d|\d\d\.\d{3}\.\d{3}/\d{4}-\d\d")),
    ("telephone numbers", re.compile(r"\+\d[\d ()-]{7,}\d|\(\d{2,3}\) ?\d{4,5}[ -]?\d{4}")),
    ("tokens", re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(gh[pous]_|sk-|xox[bp]-)[\w-]{10,}")),
    ("addresses of machines", re.compile(r"(\d{1,3}\.){3}\d{1,3}")),
    ("names of people", re.compile(r"[A-ZÀ-Ý][a-zà-ÿ']+( (d[aeo]s?|e|von|van|de la|[A-ZÀ-Ý]\.?|[A-ZÀ-Ý][a-zà-ÿ']+)){1,5}")),
)  # fmt: skip
_SHARE = 0.5
"""Of a column's texts that must look like people's names: single ones may be places."""


def why_personal(name: str, values: Iterable[Any]) -> str | None:
    """Why a column is personal, or None.

    Args:
        name: The portal's.
        values: Some of its values.
    """
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").replace(".", "_").lower()
    found = _NAMES.search(snake)
    if found:
        return f"its name says {found[2]}"
    texts = [value for value in values if isinstance(value, str) and value]
    for what, pattern in _VALUES:
        hits = sum(bool(pattern.fullmatch(text.strip())) for text in texts)
        needed = _SHARE * len(texts) if what == "names of people" else 1
        if texts and hits >= max(needed, 1):
            return f"values look like {what}"
    return None


def is_personal_text(text: str) -> bool:
    """Whether a text by itself looks like something personal, as a part of a longer one too."""
    return any(pattern.search(text) for what, pattern in _VALUES if what != "names of people")
