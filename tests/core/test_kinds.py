"""Types of columns in words."""

import pyarrow as pa
import pytest

from esteira.kinds import in_words


@pytest.mark.parametrize(
    ("kind", "english", "portuguese"),
    [
        (pa.int16(), "a whole number from -32,768 to 32,767", "um número inteiro de -32.768 a 32.767"),
        (pa.float64(), "a number", "um número"),
        (pa.decimal128(10, 2), "a number with at most 8 digits before the point and 2 after it", "um número com no máximo 8 algarismos antes da vírgula e 2 depois"),
        (pa.date32(), "a date", "uma data"),
        (pa.timestamp("us", "UTC"), "a date with a time", "uma data com hora"),
        (pa.bool_(), "true or false", "verdadeiro ou falso"),
        (pa.string(), "a text", "um texto"),
        (pa.binary(), "of the type binary", "do tipo binary"),
    ],
)  # fmt: skip
def test_a_type_is_named_for_people(kind: pa.DataType, english: str, portuguese: str):
    assert (in_words(kind, "en"), in_words(kind, "pt")) == (english, portuguese)
