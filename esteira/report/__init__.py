"""The quality pages: one for each batch and a catalogue over all datasets, each a single HTML file that needs no network.

Owns facts, words, plots and templates. The figures come from the ledger, the seals, the profiles and the quarantine; nothing is counted again here.
"""

from esteira.report.facts import BatchFacts, CatalogueFacts, DatasetFacts, Profiled, Sample, Stage
from esteira.report.pages import CONTENT_TYPE, render_batch, render_catalogue

__all__ = [
    "CONTENT_TYPE",
    "BatchFacts",
    "CatalogueFacts",
    "DatasetFacts",
    "Profiled",
    "Sample",
    "Stage",
    "render_batch",
    "render_catalogue",
]
