"""Drift: in what a source differs from its contract, since which batch, and the patch of the contract's file that takes it over.

`watch` sees the records while a batch is curated and `finding` says what it found; `history` compares with the batches before, `patch` writes
the contract's file anew, and `report` puts them together as the error, the log's lines and the note that is kept. What becomes of a row is
decided in `quality`.
"""
