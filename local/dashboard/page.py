"""The page. Streamlit runs this file from top to bottom for each visitor, and the part that follows the data every few seconds."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st
from redshift_connector.error import Error as DriverError

from local.dashboard.questions import STAR, Charts, charts, look

SECONDS = 5
"""Between two looks for a new batch; a look is one small query."""
FRESH: Any = {
    "data as of": "{:%Y-%m-%d %H:%M}",
    "loaded at": "{:%Y-%m-%d %H:%M:%S}",
    "age, hours": "{:.1f}",
    "rows": "{:,}",
}
COMPLETE: Any = {"extracted": "{:,}", "completeness": "{:.2%}"}
IN_SVG = {"embedOptions": {"renderer": "svg"}}
"""Marks that a screen reader, and a test, can read."""


@st.cache_data(max_entries=2, show_spinner=False)
def _charts(schema: str, batches: tuple[tuple[str, ...], ...]) -> Charts:  # noqa: ARG001 - it is the key: other batches, other charts
    return charts(schema)


@st.fragment(run_every=SECONDS)
def follow() -> None:
    """Show what the warehouse has now."""
    try:
        found = look()
        drawn = _charts(found.schema, found.batches) if found else None
    except (DriverError, OSError) as exc:
        st.warning(
            f"The warehouse does not answer ({type(exc).__name__}). This page tries again every {SECONDS} seconds."
        )
        return
    if found is None or drawn is None:
        st.info("Nothing is published yet. Load the star: `esteira ingest flights airlines airports planes weather`.")
        return
    is_star = found.schema == STAR
    st.caption("The star: five tables of one moment." if is_star else "Tables one by one; their moments may differ.")
    draw(drawn)
    st.subheader("How fresh")
    st.table(found.freshness.set_index("table").style.format(FRESH, na_rep=""))
    st.subheader("How complete")
    st.table(found.quality.set_index("table").style.format(COMPLETE, na_rep=""))


def draw(found: Charts) -> None:
    """Totals and three charts."""
    total = found.totals.iloc[0]
    if not total["flown"]:
        st.info("There are no flights yet.")
        return
    columns = st.columns(4)
    columns[0].metric("Flights", f"{total['flights']:,}")
    columns[1].metric("Cancelled", f"{total['flights'] - total['flown']:,}")
    columns[2].metric("Average departure delay", f"{total['delay']:.1f} min")
    columns[3].metric("At most 15 minutes late", f"{total['on_time']:.1%}")
    st.subheader("Flights a day")
    st.altair_chart(by_day(found.by_day), width="stretch")
    left, right = st.columns(2)
    left.subheader("Delay by airline")
    left.altair_chart(by_airline(found.by_airline), width="stretch")
    right.subheader("Delay by hour of departure")
    right.altair_chart(by_hour(found.by_hour), width="stretch")


def by_day(rows: pd.DataFrame) -> Any:
    """Flights and cancelled ones, a bar each day."""
    flown = rows.assign(flown=rows["flights"] - rows["cancelled"], day=pd.to_datetime(rows["day"]))
    chart = alt.Chart(flown.melt("day", ["flown", "cancelled"], "what", "count")).mark_bar()
    return chart.encode(
        x=alt.X("yearmonthdate(day):T", title=None),
        y=alt.Y("count:Q", title="flights"),
        color=alt.Color(
            "what:N", title=None, scale=alt.Scale(domain=["flown", "cancelled"], range=["#2a78b5", "#c0392b"])
        ),
    ).properties(height=220, usermeta=IN_SVG)


def by_airline(rows: pd.DataFrame) -> Any:
    """Average departure delay, the worst first."""
    return (
        alt.Chart(rows)
        .mark_bar(color="#2a78b5")
        .encode(
            x=alt.X("delay:Q", title="minutes"),
            y=alt.Y("airline:N", sort="-x", title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)),
            tooltip=["airline", alt.Tooltip("delay:Q", format=".2f"), "flights"],
        )
        .properties(height=380, usermeta=IN_SVG)
    )


def by_hour(rows: pd.DataFrame) -> Any:
    """Average departure delay, a line for each airport."""
    return (
        alt.Chart(rows)
        .mark_line(point=True)
        .encode(
            x=alt.X("hour:Q", title="hour"),
            y=alt.Y("delay:Q", title="minutes"),
            color=alt.Color("origin:N", title="from"),
            tooltip=["origin", "hour", alt.Tooltip("delay:Q", format=".2f"), "flights"],
        )
        .properties(height=380, usermeta=IN_SVG)
    )


st.set_page_config(page_title="Flights from New York", layout="wide")
st.title("Flights from New York")
follow()
