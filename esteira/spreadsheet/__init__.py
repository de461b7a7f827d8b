"""Files that people and portals make, workbooks and delimited text, into rows of the contract's types.

Pure functions of a file on disk and a contract: no S3, no Prefect. Workbooks are read by calamine, delimited text by Arrow; what neither of them
tells (hidden rows, formulas without a value, merged cells) is looked up in the sheets' XML by an expat that refuses entities. Macros are never run.

Nothing is imported here: a batch of pages needs names and neutral texts alone.
"""
