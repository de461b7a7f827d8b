"""The office's fleet: a workbook that people keep by hand and drop."""

import pandas as pd
import pandera.pandas as pa

from esteira.contract import Dataset, Date, HeaderRows, Lineage, Quality, Replace, SpreadsheetSource


class Aircraft(pa.DataFrameModel):
    """Aircraft as the office keeps them, one row per tail number."""

    tailnum: pd.StringDtype = pa.Field(
        str_matches=r"^N[0-9A-Z]{1,5}$",
        description="Tail number",
        metadata={"title": {"en": "tail number", "pt": "matrícula"}},
    )
    manufacturer: pd.StringDtype = pa.Field(
        description="Manufacturer", metadata={"title": {"en": "manufacturer", "pt": "fabricante"}}
    )
    year: pd.Int16Dtype = pa.Field(
        nullable=True,
        ge=1900,
        le=2100,
        description="Year of manufacture",
        metadata={"title": {"en": "year of manufacture", "pt": "ano de fabricação"}},
    )
    seats: pd.Int16Dtype = pa.Field(
        ge=1, le=1_000, description="Number of seats", metadata={"title": {"en": "seats", "pt": "assentos"}}
    )
    base: pd.StringDtype = pa.Field(
        description="FAA code of the airport where it is based", metadata={"title": {"en": "base", "pt": "base"}}
    )
    base_name: pd.StringDtype = pa.Field(
        description="Name of that airport", metadata={"title": {"en": "base name", "pt": "nome da base"}}
    )
    altitude_m: pd.Float64Dtype = pa.Field(
        ge=-500,
        description="Altitude of that airport",
        metadata={"title": {"en": "altitude", "pt": "altitude"}, "unit": "metre"},
    )
    next_check: Date = pa.Field(
        description="Day of the next check", metadata={"title": {"en": "next check", "pt": "próxima revisão"}}
    )
    file_row: pd.Int32Dtype = pa.Field(
        description="Row of the sheet", metadata={"title": {"en": "row of the sheet", "pt": "linha da planilha"}}
    )


DATASET = Dataset(
    name="fleet",
    title={"en": "Fleet", "pt": "Frota"},
    source=SpreadsheetSource(
        match="frota*.xlsx",
        sheet="Frota",
        header=HeaderRows(rows=2),
        columns={
            "Aeronave Matrícula": "tailnum", "Aeronave Fabricante": "manufacturer", "Aeronave Ano": "year", "Aeronave Assentos": "seats",
            "Base Código": "base", "Base Nome": "base_name", "Base Altitude (m)": "altitude_m", "Revisão Próxima": "next_check",
        },
        footer=("Total*",),
        nulls=("-",),
        lineage=Lineage(row="file_row"),
    ),
    schema=Aircraft,
    write=Replace(),
    quality=Quality(min_rows=1, max_quarantine_ratio=0.01),
    sortkey=("tailnum",),
    owner="bi-team",
)  # fmt: skip
