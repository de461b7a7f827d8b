"""The end of the pipe on a laptop: a page that reads the BI views as an analyst, and follows new batches."""

URL_VARIABLE = "ESTEIRA_DASHBOARD_URL"
"""Where the laptop's dashboard is; its stack says so."""
ANALYST, ANALYSTS = "analyst", "analysts"
"""The page's login and its group, which reads the BI views and nothing else."""
