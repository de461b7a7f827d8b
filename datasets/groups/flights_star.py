"""The star of flights: a fact table and its four dimensions, of one moment."""

from esteira.contract import Group

GROUP = Group(
    name="flights_star",
    of=("flights", "airlines", "airports", "planes", "weather"),
    title={"en": "Flights with their dimensions", "pt": "Voos com suas dimensões"},
    owner="bi-team",
)
