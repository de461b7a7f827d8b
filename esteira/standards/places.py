"""Codes of places: CEP, UF, and IBGE's codes of federative units and municipalities."""

from __future__ import annotations

import numpy as np

from esteira.standards.standard import Characters, Mask, Standard, weighted_sum

_UF_BY_IBGE = {
    11: "RO", 12: "AC", 13: "AM", 14: "RR", 15: "PA", 16: "AP", 17: "TO", 21: "MA", 22: "PI", 23: "CE", 24: "RN", 25: "PB", 26: "PE", 27: "AL",
    28: "SE", 29: "BA", 31: "MG", 32: "ES", 33: "RJ", 35: "SP", 41: "PR", 42: "SC", 43: "RS", 50: "MS", 51: "MT", 52: "GO", 53: "DF",
}  # fmt: skip
_UNLIKE_THEIR_DIGIT = (2201919, 2201988, 2202251, 2611533, 3117836, 3152131, 4305871, 5203939, 5203962)
"""The nine municipalities whose official code ends in another digit than the rule gives. Named by the NF-e project's technical note 2008.004,
section on table IBGE; all of IBGE's other codes (5,570 municipalities) keep the rule."""
_LOWEST_CEP = 1_000_000
"""01000-000, where the ranges of the city of São Paulo begin."""


def _number(characters: Characters, digits: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """The leading digits, as a number."""
    return weighted_sum(characters, tuple(10**power for power in range(digits - 1, -1, -1)))


def _is_cep(characters: Characters) -> Mask:
    found: Mask = _number(characters, 8) >= _LOWEST_CEP
    return found


def _is_uf(characters: Characters) -> Mask:
    known = [ord(letters[0]) * 256 + ord(letters[1]) for letters in _UF_BY_IBGE.values()]
    return np.isin(characters[:, 0].astype(np.int32) * 256 + characters[:, 1], known)


def _is_ibge_uf(characters: Characters) -> Mask:
    return np.isin(_number(characters, 2), list(_UF_BY_IBGE))


def _is_ibge_municipality(characters: Characters) -> Mask:
    """A digit counts once and twice in turn, and a product of two digits as their sum: what is missing to the next ten."""
    digits = characters[:, :6].astype(np.int32) - ord("0")
    products = digits * np.array([1, 2, 1, 2, 1, 2])
    total = (products // 10 + products % 10).sum(axis=1)
    keeps_rule = (10 - total % 10) % 10 == characters[:, 6] - ord("0")
    code = _number(characters, 7)
    is_listed = np.isin(code, _UNLIKE_THEIR_DIGIT)
    is_misspelt = np.isin(code // 10, [listed // 10 for listed in _UNLIKE_THEIR_DIGIT]) & ~is_listed
    found: Mask = _is_ibge_uf(characters) & (keeps_rule | is_listed) & ~is_misspelt
    return found


CEP = Standard(
    name="cep",
    words={"en": "a CEP of eight digits", "pt": "um CEP de oito dígitos"},
    source="Correios, Guia de Endereçamento: eight digits, the last three behind a hyphen. That the CEP exists is not checked.",
    bare=r"[0-9]{8}",
    punctuated=r"[0-9]{5}-[0-9]{3}",
    length=8,
    holds=_is_cep,
)
UF = Standard(
    name="uf",
    words={"en": "one of the 27 federative units (AC to TO)", "pt": "uma das 27 unidades da Federação (AC a TO)"},
    source="IBGE, Divisão Territorial Brasileira; the same letters as ISO 3166-2:BR. EX (abroad) is none of them.",
    bare=r"[A-Z]{2}",
    length=2,
    holds=_is_uf,
)
IBGE_UF = Standard(
    name="ibge_uf",
    words={
        "en": "IBGE's code of a federative unit (11 to 53)",
        "pt": "um código IBGE de unidade da Federação (11 a 53)",
    },
    source="IBGE, Divisão Territorial Brasileira.",
    bare=r"[0-9]{2}",
    length=2,
    holds=_is_ibge_uf,
    takes_numbers=True,
)
IBGE_MUNICIPALITY = Standard(
    name="ibge_municipality",
    words={
        "en": "IBGE's code of a municipality (7 digits, the last one a check digit)",
        "pt": "um código IBGE de município (7 dígitos, o último verificador)",
    },
    source="IBGE, Divisão Territorial Brasileira; check digit and its nine exceptions: NF-e, Nota Técnica 2008.004. That the municipality exists is not checked.",
    bare=r"[0-9]{7}",
    length=7,
    holds=_is_ibge_municipality,
    takes_numbers=True,
)
