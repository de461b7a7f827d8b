"""`esteira profile` on real data: its figures are those that plain SQL finds in the table."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datasets.flights import DATASET as FLIGHTS
from datasets.planes import DATASET as PLANES
from datasets.weather import DATASET as WEATHER
from esteira.profile import DISTINCT_EXACT, SAMPLE_ROWS

AS_OF = "2013-02-01T06:00Z"
FROM = {
    "flights": "dw.flights WHERE time_hour < '2013-02-01'",
    "weather": "dw.weather WHERE time_hour < '2013-02-01'",
    "planes": "dw.planes",
}


@pytest.fixture(scope="module")
def loaded(world: Any) -> dict[str, str]:
    """The first batch of each dataset, whichever test of this stack has loaded it."""
    result = world.esteira("ingest", "--all", "--as-of", AS_OF, "--json")
    assert result.code == 0, result.err
    found = "SELECT batch_id FROM esteira.batch WHERE dataset = '{}' AND state = 'committed' ORDER BY window_end, batch_id LIMIT 1"
    return {name: world.query(found.format(name))[0][0] for name in FROM}


@pytest.mark.parametrize("dataset", [FLIGHTS, WEATHER, PLANES], ids=lambda dataset: dataset.name)
def test_the_profile_of_a_real_batch_equals_plain_sql_on_its_table(world: Any, loaded: Any, dataset: Any):
    result = world.esteira("profile", dataset.name, "--batch", loaded[dataset.name], "--json")
    assert result.code == 0, result.err
    columns = {each["column"]: each for each in result.facts["columns"]}
    assert list(columns) == list(dataset.column_names)
    for name, found in columns.items():
        source = f'(SELECT "{name}" AS c FROM {FROM[dataset.name]}) AS rows'
        (counts,) = world.query(f"SELECT COUNT(*), COUNT(*) - COUNT(c), COUNT(DISTINCT c) FROM {source}")
        assert (found["rows"], found["nulls"]) == counts[:2]
        if counts[2] < DISTINCT_EXACT:
            assert found["distinct"] == counts[2]
            assert found["top_values"] == most_frequent(world, source), name
        else:
            assert found["distinct"] == pytest.approx(counts[2], rel=4 * 0.016)
        is_exact = counts[2] < DISTINCT_EXACT or counts[0] <= SAMPLE_ROWS
        if found["quantiles"]:
            mean, quantiles = numbers(world, source, is_moment=name == "time_hour")
            assert found["mean"] == pytest.approx(mean, rel=1e-12), name
            assert found["quantiles"] == pytest.approx(quantiles, rel=1e-12 if is_exact else 0.1), name


def most_frequent(world: Any, source: str) -> list[list[Any]]:
    query = f"SELECT c, COUNT(*) FROM {source} WHERE c IS NOT NULL GROUP BY c ORDER BY COUNT(*) DESC, c LIMIT 10"
    return [[text(value), rows] for value, rows in world.query(query)]


def numbers(world: Any, source: str, *, is_moment: bool) -> tuple[float, list[float]]:
    number = "EXTRACT(EPOCH FROM c)" if is_moment else "c"
    steps = ", ".join(
        f"PERCENTILE_DISC({step / 10}) WITHIN GROUP (ORDER BY CAST({number} AS FLOAT8))" for step in range(11)
    )
    ((mean, *quantiles),) = world.query(f"SELECT AVG(CAST({number} AS FLOAT8)), {steps} FROM {source}")
    return float(mean), [float(each) for each in quantiles]


def text(value: Any) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if hasattr(value, "strftime") else str(value)


def test_the_table_of_a_profile_names_every_column_with_its_figures(world: Any, loaded: Any):
    shown, unknown = world.esteira_each(["profile", "planes"], ["profile", "planes", "--batch", "2013-none"])
    assert shown.code == 0, shown.err
    for name in PLANES.column_names:
        assert f"\n{name} " in shown.out
    assert "3,322 rows" in shown.out
    assert unknown.code == 78
    assert "Batch 2013-none is not in the table" in unknown.err


def test_readers_find_the_profiles_beside_the_batches(world: Any, loaded: Any):
    query = (
        "SELECT p.column_name, p.value_count, p.top_values FROM esteira.profile p JOIN esteira.batch b ON b.dataset = p.dataset "
        "AND b.batch_id = p.batch_id AND b.generation = p.generation WHERE b.is_current AND p.dataset = 'planes' AND p.column_name = 'engines'"
    )
    ((_, values, top),) = world.query(query)
    assert values == 3322
    assert json.loads(top)[0][0] == "2"
