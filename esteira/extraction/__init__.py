"""Step one: a portal's pages into sealed raw parts, and what such a walk begins with, follows and resumes at.

It owns the order of the writes. What a page means belongs to `portal`, where a part lies to `lake`, what becomes of its rows to `curate`.
"""
