"""The end of the pipe on a laptop: a page that reads the BI views as an analyst, and follows new batches."""

ANALYST, ANALYSTS = "analyst", "analysts"
"""The page's login and its group, which reads the BI views and nothing else."""
