"""Airports of the United States, by FAA code."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, NextLink, Quality, Replace


class Airport(pa.DataFrameModel):
    """Airports, one row per FAA code."""

    faa: pd.StringDtype = pa.Field(
        str_length={"min_value": 3, "max_value": 4},
        description="FAA airport code",
        metadata={"title": {"en": "airport", "pt": "aeroporto"}},
    )
    name: pd.StringDtype = pa.Field(
        description="Usual name of the airport", metadata={"title": {"en": "airport name", "pt": "nome do aeroporto"}}
    )
    lat: pd.Float64Dtype = pa.Field(
        ge=-90,
        le=90,
        description="Latitude",
        metadata={"unit": "degree", "title": {"en": "latitude", "pt": "latitude"}},
    )
    lon: pd.Float64Dtype = pa.Field(
        ge=-180,
        le=180,
        description="Longitude",
        metadata={"unit": "degree", "title": {"en": "longitude", "pt": "longitude"}},
    )
    alt: pd.Int32Dtype = pa.Field(
        ge=-1_500,
        le=30_000,
        description="Altitude",
        metadata={"unit": "foot", "title": {"en": "altitude", "pt": "altitude"}},
    )
    tz: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=-12,
        le=14,
        description="Offset from UTC",
        metadata={"unit": "hour", "title": {"en": "UTC offset", "pt": "diferença do UTC"}},
    )
    dst: pd.StringDtype = pa.Field(
        nullable=True,
        isin=["A", "U", "N"],
        description="Daylight saving zone: A standard US, U unknown, N none",
        metadata={"title": {"en": "daylight saving", "pt": "horário de verão"}},
    )
    tzone: pd.StringDtype = pa.Field(
        nullable=True, description="IANA time zone", metadata={"title": {"en": "time zone", "pt": "fuso horário"}}
    )


DATASET = Dataset(
    name="airports",
    title={"en": "Airports", "pt": "Aeroportos"},
    source=ApiSource(
        portal="flights-portal", path="/flights/airports.json", params={"_size": 10_000, "_shape": "objects"}, records="rows",
        paginator=NextLink(body="next_url"), total="filtered_table_rows_count",
    ),
    schema=Airport,
    write=Replace(),
    quality=Quality(min_rows=1, unique=("faa",)),
    sortkey=("faa",),
    owner="bi-team",
)  # fmt: skip
