"""Numbers of persons and companies: CPF, CNPJ, NIS."""

from __future__ import annotations

from esteira.standards.standard import Characters, Mask, Standard, are_all_equal, mod_11_digit

_CPF_FIRST = (10, 9, 8, 7, 6, 5, 4, 3, 2)
_CPF_SECOND = (11, *_CPF_FIRST)
_CNPJ_FIRST = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_CNPJ_SECOND = (6, *_CNPJ_FIRST)
_NIS = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def _is_cpf(characters: Characters) -> Mask:
    found: Mask = (
        (characters[:, 9] == mod_11_digit(characters, _CPF_FIRST))
        & (characters[:, 10] == mod_11_digit(characters, _CPF_SECOND))
        & ~are_all_equal(characters)
    )
    return found


def _is_cnpj(characters: Characters) -> Mask:
    found: Mask = (
        (characters[:, 12] == mod_11_digit(characters, _CNPJ_FIRST))
        & (characters[:, 13] == mod_11_digit(characters, _CNPJ_SECOND))
        & ~are_all_equal(characters)
    )
    return found


def _is_nis(characters: Characters) -> Mask:
    found: Mask = (characters[:, 10] == mod_11_digit(characters, _NIS)) & ~are_all_equal(characters)
    return found


CPF = Standard(
    name="cpf",
    words={"en": "a CPF with the right check digits", "pt": "um CPF com os dígitos verificadores certos"},
    source="Receita Federal's modulo 11, as OBMEP explains it: http://clubes.obmep.org.br/blog/a-matematica-nos-documentos-cpf/",
    bare=r"[0-9]{11}",
    punctuated=r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
    length=11,
    holds=_is_cpf,
)
CNPJ = Standard(
    name="cnpj",
    words={"en": "a CNPJ with the right check digits", "pt": "um CNPJ com os dígitos verificadores certos"},
    source="IN RFB 2.119/2022 as changed by IN RFB 2.229/2024 (letters, from July 2026): a character counts as its ASCII code less 48.",
    bare=r"[0-9A-Z]{12}[0-9]{2}",
    punctuated=r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}",
    length=14,
    holds=_is_cnpj,
)
NIS = Standard(
    name="nis",
    words={
        "en": "a NIS (PIS, PASEP, NIT) with the right check digit",
        "pt": "um NIS (PIS, PASEP, NIT) com o dígito verificador certo",
    },
    source="Caixa's modulo 11, as published validators agree on it; Caixa's own text was not seen.",
    bare=r"[0-9]{11}",
    punctuated=r"[0-9]{3}\.[0-9]{5}\.[0-9]{2}-[0-9]",
    length=11,
    holds=_is_nis,
)
