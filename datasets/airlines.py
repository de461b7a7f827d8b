"""Airlines that flew from New York City, by carrier code."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, NextLink, Quality, Replace


class Airline(pa.DataFrameModel):
    """Airlines, one row per carrier code."""

    carrier: pd.StringDtype = pa.Field(
        str_matches=r"^[A-Z0-9]{2}$",
        description="IATA carrier code",
        metadata={"title": {"en": "carrier", "pt": "companhia"}},
    )
    name: pd.StringDtype = pa.Field(
        description="Full name", metadata={"title": {"en": "airline name", "pt": "nome da companhia"}}
    )


DATASET = Dataset(
    name="airlines",
    title={"en": "Airlines", "pt": "Companhias aéreas"},
    source=ApiSource(
        portal="flights-portal", path="/flights/airlines.json", params={"_size": 10_000, "_shape": "objects"}, records="rows",
        paginator=NextLink(body="next_url"), total="filtered_table_rows_count",
    ),
    schema=Airline,
    write=Replace(),
    quality=Quality(min_rows=1, unique=("carrier",)),
    sortkey=("carrier",),
    owner="bi-team",
)  # fmt: skip
