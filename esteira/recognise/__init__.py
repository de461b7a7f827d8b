"""From sample pages and their headers to a contract: guesses, each with its reason. Pure functions; no I/O, no clock, no chance.

`records` finds the rows, `paging` the ways to the next page, `columns` names, types and units, `key` what identifies a row, `personal` what
must not be kept. `draft` puts them together, `text` writes the contract file, `fixture` the pages to keep.
"""
