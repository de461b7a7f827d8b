"""Units that a column's name says. Only what has one reading: `_m` may be metres or minutes, `_min` a minimum, so neither is guessed."""

from __future__ import annotations

_UNITS = {
    "km": "kilometre", "mm": "millimetre", "cm": "centimetre", "km2": "square kilometre", "m2": "square metre", "m3": "cubic metre",
    "kmh": "kilometre per hour", "mph": "mile per hour", "kg": "kilogram", "kwh": "kilowatt hour", "mwh": "megawatt hour", "kw": "kilowatt",
    "pct": "percent", "percent": "percent", "percentage": "percent", "percentual": "percent", "perc": "percent",
    "ms": "millisecond", "seconds": "second", "secs": "second", "segundos": "second", "minutes": "minute", "minutos": "minute",
    "hours": "hour", "horas": "hour", "days": "day", "dias": "day", "bytes": "byte", "kb": "kilobyte", "mb": "megabyte", "gb": "gigabyte",
    "usd": "US dollar", "brl": "Brazilian real", "eur": "euro", "celsius": "degree Celsius", "fahrenheit": "degree Fahrenheit",
    "hectares": "hectare", "ha": "hectare", "litros": "litre", "liters": "litre", "litres": "litre", "hpa": "hectopascal",
}  # fmt: skip
_WHOLE = {"lat": "degree", "latitude": "degree", "lon": "degree", "lng": "degree", "longitude": "degree"}
"""Names that say it alone; the units above are endings."""


def unit_of(name: str) -> tuple[str, str] | None:
    """Unit and reason of a number's column, or None.

    Args:
        name: In lower case with underscores.
    """
    last = name.rpartition("_")[2]
    if last in _WHOLE:
        return _WHOLE[last], f"{last} is an angle"
    if last in _UNITS and last != name:
        return _UNITS[last], f"its name ends in _{last}"
    return None
