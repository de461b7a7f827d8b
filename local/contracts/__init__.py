"""Contracts of the demo's own datasets, beside those of the project."""
