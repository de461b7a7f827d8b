"""JSON taken apart and put together again without losing a digit: a decimal keeps the text that the portal wrote."""

from __future__ import annotations

import msgspec


def _number_text(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


EXACT = msgspec.json.Decoder(float_hook=_number_text)
"""What it gives goes back through any encoder of msgspec as it came."""
