"""LAPTOP: the embedded stack that stands in for the portal, AWS, Redshift and Slack; production code never imports it."""
