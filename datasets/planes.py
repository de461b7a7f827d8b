"""Aircraft registered with the FAA that flew from New York City, by tail number."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, NextLink, Quality, Upsert


class Plane(pa.DataFrameModel):
    """Aircraft, one row per tail number."""

    tailnum: pd.StringDtype = pa.Field(
        str_matches=r"^N[0-9A-Z]{1,5}$",
        description="Tail number",
        metadata={"title": {"en": "tail number", "pt": "matrícula"}},
    )
    year: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=1900,
        le=2100,
        description="Year of manufacture",
        metadata={"title": {"en": "year of manufacture", "pt": "ano de fabricação"}},
    )
    type: pd.StringDtype = pa.Field(description="Type of aircraft", metadata={"title": {"en": "type", "pt": "tipo"}})
    manufacturer: pd.StringDtype = pa.Field(
        description="Manufacturer", metadata={"title": {"en": "manufacturer", "pt": "fabricante"}}
    )
    model: pd.StringDtype = pa.Field(description="Model", metadata={"title": {"en": "model", "pt": "modelo"}})
    engines: pd.Int16Dtype = pa.Field(
        ge=1, le=12, description="Number of engines", metadata={"title": {"en": "engines", "pt": "motores"}}
    )
    seats: pd.Int16Dtype = pa.Field(
        ge=1, le=1_000, description="Number of seats", metadata={"title": {"en": "seats", "pt": "assentos"}}
    )
    speed: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=1,
        description="Average cruising speed",
        metadata={"unit": "mile per hour", "title": {"en": "cruising speed", "pt": "velocidade de cruzeiro"}},
    )
    engine: pd.StringDtype = pa.Field(
        description="Type of engine", metadata={"title": {"en": "engine type", "pt": "tipo de motor"}}
    )


DATASET = Dataset(
    name="planes",
    title={"en": "Planes", "pt": "Aeronaves"},
    source=ApiSource(
        portal="flights-portal", path="/flights/planes.json", params={"_size": 10_000, "_shape": "objects"}, records="rows",
        paginator=NextLink(body="next_url"), total="filtered_table_rows_count",
    ),
    schema=Plane,
    write=Upsert(key="tailnum"),
    quality=Quality(min_rows=1, max_quarantine_ratio=0.01),
    sortkey=("tailnum",),
    owner="bi-team",
)  # fmt: skip
