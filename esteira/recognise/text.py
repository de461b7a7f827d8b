"""The contract's file: written as the project's own are, so that its formatter, linter and type checker have nothing to add."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from esteira.contract import FirstRecord
from esteira.paginate import Header
from esteira.recognise.columns import ColumnGuess
from esteira.recognise.draft import Draft
from esteira.recognise.python import literal, shown_call

LINE_LENGTH = 120
"""Of the project's formatter."""
_TYPES = {
    "integer": "pd.Int64Dtype", "float": "pd.Float64Dtype", "boolean": "pd.BooleanDtype", "text": "pd.StringDtype", "nested": "pd.StringDtype",
    "moment": "Timestamp", "day": "Date", "local moment": "LocalTimestamp",
}  # fmt: skip
OUR_TYPES = frozenset({"Date", "LocalTimestamp", "Timestamp"})
"""Those that come from `esteira.contract`."""


def contract_text(draft: Draft) -> str:
    """The file's text."""
    what = f"{draft.place.name} of {draft.place.portal}"
    title = what[0].upper() + what[1:]
    fields = "\n".join(field_text(column) for column in draft.columns)
    return (
        f'"""{title}: a draft that `esteira new` wrote from sample pages; read it before it is trusted."""\n\n'
        f"{_imports(draft)}\n\n\nclass {class_name(draft.place.name)}(pa.DataFrameModel):\n"
        f'    """{title}, one row per {_row(draft)}."""\n\n{fields}\n\n\n{_dataset(draft)}'
    )


def _imports(draft: Draft) -> str:
    types = [type_text(column) for column in draft.columns]
    names = {"ApiSource", "Dataset", "Quality", "Replace", draft.paging.candidate.kind}
    names |= {"Header"} if draft.total and isinstance(draft.total[0], Header) else set()
    names |= {"FirstRecord"} if isinstance(draft.records.columns, FirstRecord) else set()
    return imports_text(types, names)


def imports_text(types: Sequence[str], names: Iterable[str]) -> str:
    """The import statements of a contract.

    Args:
        types: Annotations of its columns.
        names: What it needs of `esteira.contract` beside their types.
    """
    has_decimals = any(each.startswith("Annotated[") for each in types)
    standard = ["from typing import Annotated", ""] if has_decimals else []
    arrow = ["from pyarrow import decimal128"] if has_decimals else []
    ours = f"from esteira.contract import {', '.join(sorted({*names, *OUR_TYPES.intersection(types)}))}"
    return "\n".join([*standard, "import pandas as pd", "import pandera.pandas as pa", *arrow, "", ours])


def field_text(column: ColumnGuess, description: str = "") -> str:
    """One attribute of the schema.

    Args:
        column: What it holds.
        description: Instead of the portal's name.
    """
    return attribute_text(column.name, type_text(column), arguments_of(column, description))


def attribute_text(name: str, annotation: str, arguments: Sequence[str], maker: str = "pa.Field") -> str:
    """One attribute, broken as the formatter would."""
    head = f"    {name}: {annotation} = {maker}("
    line = f"{head}{', '.join(arguments)})"
    if len(line) <= LINE_LENGTH:
        return line
    second = f"        {', '.join(arguments)}"
    if len(second) <= LINE_LENGTH:
        return f"{head}\n{second}\n    )"
    return "\n".join([head, *(f"        {argument}," for argument in arguments), "    )"])


def arguments_of(column: ColumnGuess, description: str = "") -> list[str]:
    """What stands between the brackets of its `pa.Field`."""
    return list(_arguments(column, description or f"Portal's {column.source}"))


def _arguments(column: ColumnGuess, description: str) -> Iterator[str]:
    if column.is_nullable:
        yield "nullable=True"
    yield f"description={literal(description)}"
    metadata: dict[str, object] = {"unit": column.unit} if column.unit else {}
    metadata |= {"type": "super"} if column.kind == "nested" else {}
    metadata |= {"pii": True} if column.pii_why else {}
    if metadata:
        yield f"metadata={literal(metadata)}"


def type_text(column: ColumnGuess) -> str:
    """Its annotation."""
    if column.kind == "decimal":
        return f"Annotated[pd.ArrowDtype, decimal128({column.precision}, {column.scale})]"
    return _TYPES[column.kind]


def _dataset(draft: Draft) -> str:
    candidate, place, key = draft.paging.candidate, draft.place, draft.key.columns
    asked = [f"portal={literal(place.portal)}", f"path={literal(place.path)}"]
    asked += [f"params={literal(draft.params)}"] if draft.params else []
    asked += [f"records={literal(draft.records.path)}"] if draft.records.path else []
    asked += [f"columns={literal(draft.records.columns)}"] if draft.records.columns else []
    asked += ["is_single_record=True"] if draft.records.is_single else []
    read = [f"paginator={shown_call(candidate.kind, candidate.arguments)}"]
    read += [f"total={literal(draft.total[0])}"] if draft.total else []
    rename = [f"        rename={literal(draft.rename)},"] if draft.rename else []
    unique = f", unique={_tuple(key)}" if key else ""
    lines = [
        "DATASET = Dataset(",
        f"    name={literal(place.name)},",
        "    source=ApiSource(",
        f"        {', '.join(asked)},",
        f"        {', '.join(read)},",
        *rename,
        "    ),",
        f"    schema={class_name(place.name)},",
        "    write=Replace(),",
        f"    quality=Quality(min_rows=1{unique}),",
        *([f"    sortkey={_tuple(key)},"] if key else []),
        f"    owner={literal(place.owner or 'unknown')},",
        ")  # fmt: skip",
        "",
    ]
    return "\n".join(lines)


def _tuple(names: tuple[str, ...]) -> str:
    inner = ", ".join(literal(name) for name in names)
    return f"({inner},)" if len(names) == 1 else f"({inner})"


def class_name(name: str) -> str:
    """`unit_prices` → `UnitPrice`."""
    stem = name[:-1] if name.endswith("s") and not name.endswith("ss") and len(name) > 3 else name
    return "".join(part.capitalize() for part in stem.split("_"))


def _row(draft: Draft) -> str:
    return " and ".join(draft.key.columns) or "record of the portal"
