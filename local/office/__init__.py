"""The laptop's office: people who keep a table in a workbook, with real data of the portal, and drop it. Knows nothing of the pipeline that reads it."""
