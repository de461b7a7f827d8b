"""Where flows run and who is told: the work pool, the deployments and the automations, applied from code."""
