"""Hourly weather at the three airports of New York City."""

from datetime import date, timedelta

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Incremental, NextLink, Quality, Reference, Timestamp, Upsert


class Weather(pa.DataFrameModel):
    """Weather, one row per airport and hour as the portal lists it."""

    id: pd.Int64Dtype = pa.Field(
        description="Portal's row id", metadata={"title": {"en": "observation id", "pt": "id da observação"}}
    )
    origin: pd.StringDtype = pa.Field(
        isin=["EWR", "JFK", "LGA"],
        description="Weather station",
        metadata={"title": {"en": "station", "pt": "estação"}},
    )
    year: pd.Int16Dtype = pa.Field(description="Year, local time", metadata={"title": {"en": "year", "pt": "ano"}})
    month: pd.Int16Dtype = pa.Field(
        ge=1, le=12, description="Month, local time", metadata={"title": {"en": "month", "pt": "mês"}}
    )
    day: pd.Int16Dtype = pa.Field(
        ge=1, le=31, description="Day of the month, local time", metadata={"title": {"en": "day", "pt": "dia"}}
    )
    hour: pd.Int16Dtype = pa.Field(
        ge=0, le=23, description="Hour, local time", metadata={"title": {"en": "hour", "pt": "hora"}}
    )
    temp: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=-60,
        le=140,
        description="Temperature",
        metadata={"unit": "degree Fahrenheit", "title": {"en": "temperature", "pt": "temperatura"}},
    )
    dewp: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=-80,
        le=140,
        description="Dew point",
        metadata={"unit": "degree Fahrenheit", "title": {"en": "dew point", "pt": "ponto de orvalho"}},
    )
    humid: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=0,
        le=100,
        description="Relative humidity",
        metadata={"unit": "percent", "title": {"en": "relative humidity", "pt": "umidade relativa"}},
    )
    wind_dir: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=0,
        le=360,
        description="Wind direction",
        metadata={"unit": "degree", "title": {"en": "wind direction", "pt": "direção do vento"}},
    )
    wind_speed: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=0,
        le=250,
        description="Wind speed",
        metadata={"unit": "mile per hour", "title": {"en": "wind speed", "pt": "velocidade do vento"}},
    )
    wind_gust: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=0,
        le=300,
        description="Gust speed",
        metadata={"unit": "mile per hour", "title": {"en": "gust speed", "pt": "velocidade da rajada"}},
    )
    precip: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=0,
        description="Precipitation",
        metadata={"unit": "inch", "title": {"en": "precipitation", "pt": "precipitação"}},
    )
    pressure: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=850,
        le=1_100,
        description="Pressure at sea level",
        metadata={"unit": "millibar", "title": {"en": "pressure", "pt": "pressão"}},
    )
    visib: pd.Float64Dtype = pa.Field(
        nullable=True,
        ge=0,
        description="Visibility",
        metadata={"unit": "mile", "title": {"en": "visibility", "pt": "visibilidade"}},
    )
    time_hour: Timestamp = pa.Field(
        description="Hour of the observation, UTC", metadata={"title": {"en": "observed at", "pt": "observado em"}}
    )


DATASET = Dataset(
    name="weather",
    title={"en": "Weather", "pt": "Clima"},
    source=ApiSource(
        portal="flights-portal", path="/flights/weather.json", params={"_size": 10_000, "_shape": "objects"}, records="rows",
        paginator=NextLink(body="next_url"), total="filtered_table_rows_count",
        incremental=Incremental(
            cursor="time_hour", start_param="time_hour__gte", end_param="time_hour__lt",
            initial=date(2013, 1, 1), lag=timedelta(days=3), chunk=timedelta(days=184),
        ),
    ),
    schema=Weather,
    write=Upsert(key="id"),
    quality=Quality(
        max_quarantine_ratio=0.01, freshness=timedelta(hours=26),
        references=(Reference("origin", to="airports.faa", otherwise="fail"),),
    ),
    sortkey=("time_hour",),
    owner="bi-team",
)  # fmt: skip
