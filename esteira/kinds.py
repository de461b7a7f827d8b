"""What a column's type can hold, in words of both languages."""

from __future__ import annotations

import pyarrow as pa

from esteira.demands import Language

_WHOLE = {
    "en": "a whole number from {:,} to {:,}",
    "pt": "um número inteiro de {:,} a {:,}",
}
_DECIMAL = {
    "en": "a number with at most {} digits before the point and {} after it",
    "pt": "um número com no máximo {} algarismos antes da vírgula e {} depois",
}
_OTHERS = {
    "en": {"number": "a number", "bool": "true or false", "day": "a date", "moment": "a date with a time", "text": "a text", "other": "of the type {}"},
    "pt": {"number": "um número", "bool": "verdadeiro ou falso", "day": "uma data", "moment": "uma data com hora", "text": "um texto", "other": "do tipo {}"},
}  # fmt: skip


def in_words(kind: pa.DataType, language: Language) -> str:
    """What a value of a type is.

    Args:
        kind: The Arrow type of a column.
        language: Of the words.
    """
    if pa.types.is_integer(kind):
        return _in_range(kind.bit_width, language)
    if pa.types.is_decimal(kind):
        return _DECIMAL[language].format(kind.precision - kind.scale, kind.scale)
    return _OTHERS[language][_name(kind)].format(kind)


def _in_range(bits: int, language: Language) -> str:
    most = 1 << (bits - 1)
    words = _WHOLE[language].format(-most, most - 1)
    return words.replace(",", ".") if language == "pt" else words


def _name(kind: pa.DataType) -> str:
    tests = {
        "number": pa.types.is_floating, "bool": pa.types.is_boolean, "day": pa.types.is_date, "moment": pa.types.is_timestamp,
        "text": pa.types.is_string,
    }  # fmt: skip
    return next((name for name, test in tests.items() if test(kind)), "other")
