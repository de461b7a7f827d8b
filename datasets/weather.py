"""Hourly weather at the three airports of New York City."""

from datetime import date, timedelta

import pandas as pd
import pandera.pandas as pa

from esteira.contract import ApiSource, Dataset, Incremental, NextLink, Quality, Reference, Timestamp, Upsert


class Weather(pa.DataFrameModel):
    """Weather, one row per airport and hour as the portal lists it."""

    id: pd.Int64Dtype = pa.Field(description="Portal's row id")
    origin: pd.StringDtype = pa.Field(isin=["EWR", "JFK", "LGA"], description="Weather station")
    year: pd.Int16Dtype = pa.Field(description="Year, local time")
    month: pd.Int16Dtype = pa.Field(ge=1, le=12, description="Month, local time")
    day: pd.Int16Dtype = pa.Field(ge=1, le=31, description="Day of the month, local time")
    hour: pd.Int16Dtype = pa.Field(ge=0, le=23, description="Hour, local time")
    temp: pd.Float64Dtype = pa.Field(
        nullable=True, ge=-60, le=140, description="Temperature", metadata={"unit": "degree Fahrenheit"}
    )
    dewp: pd.Float64Dtype = pa.Field(
        nullable=True, ge=-80, le=140, description="Dew point", metadata={"unit": "degree Fahrenheit"}
    )
    humid: pd.Float64Dtype = pa.Field(
        nullable=True, ge=0, le=100, description="Relative humidity", metadata={"unit": "percent"}
    )
    wind_dir: pd.Int16Dtype = pa.Field(
        nullable=True, ge=0, le=360, description="Wind direction", metadata={"unit": "degree"}
    )
    wind_speed: pd.Float64Dtype = pa.Field(
        nullable=True, ge=0, le=250, description="Wind speed", metadata={"unit": "mile per hour"}
    )
    wind_gust: pd.Float64Dtype = pa.Field(
        nullable=True, ge=0, le=300, description="Gust speed", metadata={"unit": "mile per hour"}
    )
    precip: pd.Float64Dtype = pa.Field(nullable=True, ge=0, description="Precipitation", metadata={"unit": "inch"})
    pressure: pd.Float64Dtype = pa.Field(
        nullable=True, ge=850, le=1_100, description="Pressure at sea level", metadata={"unit": "millibar"}
    )
    visib: pd.Float64Dtype = pa.Field(nullable=True, ge=0, description="Visibility", metadata={"unit": "mile"})
    time_hour: Timestamp = pa.Field(description="Hour of the observation, UTC")


DATASET = Dataset(
    name="weather",
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
