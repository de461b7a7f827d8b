"""Numbers of persons and companies: CPF, CNPJ, NIS."""

from __future__ import annotations

from functools import partial

from esteira.standards.standard import Characters, Mask, Standard, are_all_equal, mod_11_digit

_CPF_FIRST = (10, 9, 8, 7, 6, 5, 4, 3, 2)
_CPF_SECOND = (11, *_CPF_FIRST)
_CNPJ_FIRST = (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
_CNPJ_SECOND = (6, *_CNPJ_FIRST)
_NIS = (3, 2, 9, 8, 7, 6, 5, 4, 3, 2)


def _have_check_digits(weights: tuple[tuple[int, ...], ...], characters: Characters) -> Mask:
    """Which numbers end in the check digits that the characters before them give; one that repeats a character does not.

    Args:
        weights: Of the characters before a check digit, a tuple for each digit.
        characters: The numbers.
    """
    found = ~are_all_equal(characters)
    for before in weights:
        found &= characters[:, len(before)] == mod_11_digit(characters, before)
    return found


CPF = Standard(
    name="cpf",
    words={"en": "a CPF with the right check digits", "pt": "um CPF com os dígitos verificadores certos"},
    source="Receita Federal's modulo 11, as OBMEP explains it: http://clubes.obmep.org.br/blog/a-matematica-nos-documentos-cpf/",
    bare=r"[0-9]{11}",
    punctuated=r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
    length=11,
    holds=partial(_have_check_digits, (_CPF_FIRST, _CPF_SECOND)),
)
CNPJ = Standard(
    name="cnpj",
    words={"en": "a CNPJ with the right check digits", "pt": "um CNPJ com os dígitos verificadores certos"},
    source="IN RFB 2.119/2022 as changed by IN RFB 2.229/2024 (letters, from July 2026): a character counts as its ASCII code less 48.",
    bare=r"[0-9A-Z]{12}[0-9]{2}",
    punctuated=r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}",
    length=14,
    holds=partial(_have_check_digits, (_CNPJ_FIRST, _CNPJ_SECOND)),
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
    holds=partial(_have_check_digits, (_NIS,)),
)
