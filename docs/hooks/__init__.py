"""Pages of the reference that are made from the code when the site is built, so that they cannot say anything else than the code does.

Each module makes one page, or two of a kind, as Markdown; `pages` is the hook that mkdocs calls. Nothing of it is committed. Prose comes from docstrings, helps and
comments: what is missing on a page is to be written there.
"""
