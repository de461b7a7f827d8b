"""BI files: a table's rows as Parquet, CSV and XLSX, for a person at a laptop and after each load.

`conventions` says how a locale writes, `texts` and `cells` turn Arrow columns into text without a loop over rows, `delimited` and `workbook` put
them into files of bounded memory, `snapshot` asks the warehouse for rows of one moment, and `delivery` puts a version into the lake. SQL is
`warehouse.unloading`'s, keys are `lake.layout`'s.
"""
