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

    id: pd.Int64Dtype = pa.Field(
        description="Portal's row id", metadata={"title": {"en": "flight id", "pt": "id do voo"}}
    )
    year: pd.Int16Dtype = pa.Field(
        description="Year of departure, local time", metadata={"title": {"en": "year", "pt": "ano"}}
    )
    month: pd.Int16Dtype = pa.Field(
        ge=1, le=12, description="Month of departure, local time", metadata={"title": {"en": "month", "pt": "mês"}}
    )
    day: pd.Int16Dtype = pa.Field(
        ge=1, le=31, description="Day of departure, local time", metadata={"title": {"en": "day", "pt": "dia"}}
    )
    dep_time: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=1,
        le=2400,
        description="Actual departure, local time as HMM",
        metadata={"title": {"en": "departure time", "pt": "hora de partida"}},
    )
    sched_dep_time: pd.Int16Dtype = pa.Field(
        ge=0,
        le=2359,
        description="Scheduled departure, local time as HMM",
        metadata={"title": {"en": "scheduled departure", "pt": "partida prevista"}},
    )
    dep_delay: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=-120,
        le=2_000,
        description="Departure delay",
        metadata={"unit": "minute", "title": {"en": "departure delay", "pt": "atraso na partida"}},
    )
    arr_time: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=1,
        le=2400,
        description="Actual arrival, local time as HMM",
        metadata={"title": {"en": "arrival time", "pt": "hora de chegada"}},
    )
    sched_arr_time: pd.Int16Dtype = pa.Field(
        ge=0,
        le=2359,
        description="Scheduled arrival, local time as HMM",
        metadata={"title": {"en": "scheduled arrival", "pt": "chegada prevista"}},
    )
    arr_delay: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=-180,
        le=2_000,
        description="Arrival delay",
        metadata={"unit": "minute", "title": {"en": "arrival delay", "pt": "atraso na chegada"}},
    )
    carrier: pd.StringDtype = pa.Field(
        str_matches=r"^[A-Z0-9]{2}$",
        description="IATA carrier code",
        metadata={"title": {"en": "carrier", "pt": "companhia"}},
    )
    flight: pd.Int32Dtype = pa.Field(
        ge=1, le=9_999, description="Flight number", metadata={"title": {"en": "flight number", "pt": "número do voo"}}
    )
    tailnum: pd.StringDtype = pa.Field(
        nullable=True,
        description="Tail number of the aircraft",
        metadata={"title": {"en": "tail number", "pt": "matrícula"}},
    )
    origin: pd.StringDtype = pa.Field(
        isin=["EWR", "JFK", "LGA"],
        description="FAA code of the departure airport",
        metadata={"title": {"en": "origin", "pt": "origem"}},
    )
    dest: pd.StringDtype = pa.Field(
        str_matches=r"^[A-Z]{3}$",
        description="FAA code of the destination",
        metadata={"title": {"en": "destination", "pt": "destino"}},
    )
    air_time: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=1,
        le=1_500,
        description="Time in the air",
        metadata={"unit": "minute", "title": {"en": "air time", "pt": "tempo de voo"}},
    )
    distance: pd.Int32Dtype = pa.Field(
        ge=1,
        le=12_000,
        description="Distance between the airports",
        metadata={"unit": "mile", "title": {"en": "distance", "pt": "distância"}},
    )
    hour: pd.Int16Dtype = pa.Field(
        ge=0,
        le=23,
        description="Hour of the scheduled departure, local time",
        metadata={"title": {"en": "scheduled hour", "pt": "hora prevista"}},
    )
    minute: pd.Int16Dtype = pa.Field(
        ge=0,
        le=59,
        description="Minute of the scheduled departure",
        metadata={"title": {"en": "scheduled minute", "pt": "minuto previsto"}},
    )
    time_hour: Timestamp = pa.Field(
        description="Hour of the scheduled departure, UTC",
        metadata={"title": {"en": "scheduled at", "pt": "previsto para"}},
    )


DATASET = Dataset(
    name="flights",
    title={"en": "Flights", "pt": "Voos"},
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
