"""Flights that left New York City, one row per scheduled departure."""

from datetime import date, timedelta

import pandas as pd
import pandera.pandas as pa

from esteira.contract import (
    ApiSource,
    Dataset,
    Distribution,
    Incremental,
    NextLink,
    NullRate,
    Quality,
    Reference,
    Timestamp,
    Upsert,
    Volume,
)


class Flight(pa.DataFrameModel):
    """Flights, one row per scheduled departure; a cancelled flight has no times."""

    id: pd.Int64Dtype = pa.Field(description="Portal's row id")
    year: pd.Int16Dtype = pa.Field(description="Year of departure, local time")
    month: pd.Int16Dtype = pa.Field(ge=1, le=12, description="Month of departure, local time")
    day: pd.Int16Dtype = pa.Field(ge=1, le=31, description="Day of departure, local time")
    dep_time: pd.Int16Dtype = pa.Field(nullable=True, ge=1, le=2400, description="Actual departure, local time as HMM")
    sched_dep_time: pd.Int16Dtype = pa.Field(ge=0, le=2359, description="Scheduled departure, local time as HMM")
    dep_delay: pd.Int16Dtype = pa.Field(
        nullable=True, ge=-120, le=2_000, description="Departure delay", metadata={"unit": "minute"}
    )
    arr_time: pd.Int16Dtype = pa.Field(nullable=True, ge=1, le=2400, description="Actual arrival, local time as HMM")
    sched_arr_time: pd.Int16Dtype = pa.Field(ge=0, le=2359, description="Scheduled arrival, local time as HMM")
    arr_delay: pd.Int16Dtype = pa.Field(
        nullable=True, ge=-180, le=2_000, description="Arrival delay", metadata={"unit": "minute"}
    )
    carrier: pd.StringDtype = pa.Field(str_matches=r"^[A-Z0-9]{2}$", description="IATA carrier code")
    flight: pd.Int32Dtype = pa.Field(ge=1, le=9_999, description="Flight number")
    tailnum: pd.StringDtype = pa.Field(nullable=True, description="Tail number of the aircraft")
    origin: pd.StringDtype = pa.Field(isin=["EWR", "JFK", "LGA"], description="FAA code of the departure airport")
    dest: pd.StringDtype = pa.Field(str_matches=r"^[A-Z]{3}$", description="FAA code of the destination")
    air_time: pd.Int16Dtype = pa.Field(
        nullable=True, ge=1, le=1_500, description="Time in the air", metadata={"unit": "minute"}
    )
    distance: pd.Int32Dtype = pa.Field(
        ge=1, le=12_000, description="Distance between the airports", metadata={"unit": "mile"}
    )
    hour: pd.Int16Dtype = pa.Field(ge=0, le=23, description="Hour of the scheduled departure, local time")
    minute: pd.Int16Dtype = pa.Field(ge=0, le=59, description="Minute of the scheduled departure")
    time_hour: Timestamp = pa.Field(description="Hour of the scheduled departure, UTC")


DATASET = Dataset(
    name="flights",
    source=ApiSource(
        portal="flights-portal", path="/flights/flights.json", params={"_size": 10_000, "_shape": "objects"}, records="rows",
        paginator=NextLink(body="next_url"), total="filtered_table_rows_count",
        incremental=Incremental(
            cursor="time_hour", start_param="time_hour__gte", end_param="time_hour__lt",
            initial=date(2013, 1, 1), lag=timedelta(days=3), chunk=timedelta(days=92),
        ),
    ),
    schema=Flight,
    write=Upsert(key="id"),
    quality=Quality(
        max_quarantine_ratio=0.01, freshness=timedelta(hours=26),
        references=(
            Reference("carrier", to="airlines.carrier", otherwise="fail"),
            Reference("dest", to="airports.faa", otherwise="warn"),
            Reference("tailnum", to="planes.tailnum", otherwise="warn"),
        ),
        rules=(
            Volume(), Distribution("dep_delay"), NullRate("arr_delay"),
            NullRate("dep_time", at_most=0),  # told in each batch: how many flights were cancelled
        ),
    ),
    sortkey=("time_hour",),
    distkey="id",
    owner="bi-team",
)  # fmt: skip
